"""What is stored of a Douyin room's comments, whatever happens to the connection."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shutil import copy

import anyio
import pytest
from ready_database import open_database

from hostcue.comments.collector import Collector, CollectorHealth
from hostcue.comments.douyin.client import DouyinComments
from hostcue.comments.douyin.places import Places
from hostcue.comments.douyin.polling import PollingWay
from hostcue.comments.douyin.signer import SignerService
from hostcue.comments.douyin.ways import CommentWay
from hostcue.comments.douyin.websocket import WebsocketWay
from hostcue.comments.pseudonyms import Pseudonyms
from hostcue.model.comment import Gap
from hostcue.model.event import Event
from hostcue.model.network import Proxies
from hostcue.model.room import Room
from hostcue.pipeline.chat import Pauses
from hostcue.pipeline.chats import Chats
from hostcue.platforms.breaker import Breaker
from hostcue.platforms.budget import Budget
from hostcue.platforms.douyin.webs import DouyinWebs
from hostcue.platforms.gates import Gates
from hostcue.sim.douyin import DouyinFace
from hostcue.sim.signal import Signal
from hostcue.sim.signer import PretendSigner
from hostcue.storage.comments import Comments
from hostcue.storage.gaps import Gaps, comment_gaps_of
from hostcue.storage.migrations.run import upgrade

DATABASE = "a.db"
FLV_URL = "http://127.0.0.1:9/live.flv"


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / DATABASE
    upgrade(path)
    return path


@pytest.fixture
def folder(empty_database: Path, tmp_path: Path) -> Path:
    copy(empty_database, tmp_path)
    return tmp_path


@pytest.fixture
async def face() -> AsyncIterator[DouyinFace]:
    async with DouyinFace.open(flv_url=FLV_URL, script=(), stats_s=0.1) as face:
        face.invite_polls(every_s=0.05)
        yield face


def polling() -> PollingWay:
    """Asks as often as it is invited to."""
    return PollingWay(interval_s=0, least_s=0.05)


def room_of(face: DouyinFace) -> Room:
    return Room("douyin", face.live_id, face.room_id, face.link, "小满的鞋铺")


@dataclass
class Desk:
    """The collection of one room, down to its rows."""

    face: DouyinFace
    chats: Chats
    store: Comments
    gaps: Gaps
    published: list[Event]
    news: Signal

    @property
    def health(self) -> CollectorHealth:
        return self.chats.status(self.face.live_id).health

    async def rows(self) -> list[int]:
        stored = await self.store.after(self.face.room_id, 0, 100_000)
        return [int(each.comment.id) for each in stored if each.comment.kind == "chat"]

    async def until_stored(self, number: int) -> None:
        await self.until(lambda: str(number) in self.sent())

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for something that is stored or published."""
        with anyio.fail_after(30):
            await self.news.until(holds)

    def sent(self) -> list[object]:
        """The ids of the lines that were sent on, which each is when it is stored."""
        return [
            event.data["id"]
            for event in self.published
            if event.type == "chat" and event.data["room_id"] == self.face.room_id
        ]

    async def say(self, text: str) -> None:
        """Somebody says it, and it is stored."""
        await self.until_stored(self.face.say(text))

    async def closed_gaps(self) -> list[Gap]:
        return await self.gaps.of(comment_gaps_of("douyin", self.face.room_id))

    async def check(self) -> None:
        """Nothing is lost outside gaps, nothing is there or was sent twice."""
        rows, said = await self.rows(), self.face.said
        sent = self.sent()
        assert len(set(rows)) == len(rows)
        assert sorted(map(str, sent)) == sorted(map(str, rows))
        gaps = await self.closed_gaps()
        missing = [
            text
            for number, text, ts_ms in said
            if number not in rows
            and not any(gap.start_ms <= ts_ms <= (gap.end_ms or ts_ms) for gap in gaps)
        ]
        assert missing == []
        assert {*rows} <= {number for number, _, _ in said}

    async def check_whole(self) -> None:
        """Not even in a gap is anything lost."""
        await self.check()
        assert sorted(await self.rows()) == sorted(number for number, _, _ in self.face.said)


@asynccontextmanager
async def desk_of(
    face: DouyinFace,
    folder: Path,
    *,
    ways: Sequence[CommentWay] | None = None,
    silence_s: float = 8.0,
    return_s: float = 3600.0,
    refused_s: float = 3600.0,
    places: Places | None = None,
) -> AsyncIterator[Desk]:
    """A room whose comments are collected, and connected."""
    gates = Gates("Douyin", budget=Budget("Douyin", per_s=1000), breaker=lambda: Breaker(open_s=0))
    async with (
        open_database(folder / DATABASE) as database,
        aclosing(DouyinWebs(Proxies(), base_url=face.web_url, gates=gates, timeout_s=5)) as webs,
        anyio.create_task_group() as tasks,
    ):
        published, news = list[Event](), Signal()

        def publish(events: Sequence[Event]) -> None:
            published.extend(events)
            news.changed()

        database.on_commit(publish)
        source = DouyinComments(
            webs,
            ways or (WebsocketWay(push_url=face.push_url), polling()),
            places=places or Places(gap_s=0),
            silence_s=silence_s,
            confirm_s=0,
            backoff_s=(0.01, 0.05),
            return_s=(return_s, return_s),
        )
        chats = Chats(
            {"douyin": source},
            Comments(database),
            publish,
            tasks,
            pseudonyms=Pseudonyms(b"test"),
            pauses=Pauses(retry_s=(0.05,), refused_s=(refused_s,)),
            new_collector=partial(Collector, flush_s=0.01),
        )
        desk = Desk(face, chats, Comments(database), Gaps(database), published, news)
        await chats.join(room_of(face), "test")
        yield desk
        await chats.leave(room_of(face), "test")
        tasks.cancel_scope.cancel()


async def reconnected(face: DouyinFace, before: int) -> None:
    with anyio.fail_after(30):
        await face.until(lambda: face.connections > before)


async def dropped(face: DouyinFace, desk: Desk) -> None:
    for code in (1006, 1000, 1001, 1012, 1013):
        before = face.connections
        face.drop_line(code)
        face.say(f"断线 {code}")
        await reconnected(face, before)
        await desk.say(f"恢复 {code}")


async def stalled(face: DouyinFace, desk: Desk) -> None:
    before = face.connections
    face.flap(1)
    face.stall()
    for number in range(5):
        face.say(f"没送到 {number}")
    await reconnected(face, before)
    face.stall(on=False)


async def doubled(face: DouyinFace, desk: Desk) -> None:
    face.duplicate()
    for number in range(20):
        face.say(f"两遍 {number}")
    await desk.say("两遍完")
    face.duplicate(on=False)


async def shuffled(face: DouyinFace, desk: Desk) -> None:
    face.reorder(10)
    numbers = [face.say(f"乱序 {number}") for number in range(10)]
    for number in numbers:
        await desk.until_stored(number)


async def short_lived(face: DouyinFace, desk: Desk) -> None:
    face.close_after(0.1, 0.2)
    face.drop_line()
    for number in range(40):
        face.say(f"短命 {number}")
        await anyio.sleep(0.02)
    face.close_after(None)
    before = face.connections
    face.drop_line()  # the last one that is to live shortly
    await reconnected(face, before)


async def damaged(face: DouyinFace, desk: Desk) -> None:
    face.corrupt("frame")
    face.corrupt("gzip")
    face.corrupt("truncated")
    face.corrupt("response")
    face.corrupt("body")
    face.send_unknown()
    await desk.say("坏的过去了")


async def burst(face: DouyinFace, desk: Desk) -> None:
    face.burst(3000)
    await desk.say("爆发完")


async def blocked_as_who_we_were(face: DouyinFace, desk: Desk) -> None:
    before = face.connections
    face.block_identities()
    face.drop_line()
    await reconnected(face, before)
    face.block_identities(on=False)


FAULTS: dict[str, Callable[[DouyinFace, Desk], Awaitable[None]]] = {
    "lines dropped": dropped,
    "everything twice": doubled,
    "out of order": shuffled,
    "short connections": short_lived,
    "damaged frames": damaged,
    "burst": burst,
    "silent stall, and one false offline": stalled,
    "identity blocked": blocked_as_who_we_were,
}


LOSSY = {"silent stall, and one false offline"}
"""What the platform keeps from everybody is a gap."""


@pytest.mark.parametrize("fault", FAULTS)
async def test_rows_are_whole_and_single_through(
    fault: str, face: DouyinFace, folder: Path
) -> None:
    for number in range(14):
        face.say(f"来之前 {number}")
    async with desk_of(face, folder, silence_s=0.5 if fault in LOSSY else 20) as desk:
        await desk.say("之前")
        await FAULTS[fault](face, desk)
        await desk.say("之后")
        await (desk.check() if fault in LOSSY else desk.check_whole())
        await desk.until(lambda: desk.health.state == "live")
        assert desk.health.way == "websocket"


REFUSALS: dict[str, tuple[Callable[[DouyinFace], None], str]] = {
    "signature": (lambda face: face.block_signature(), "signature_refused"),
    "login": (lambda face: face.refuse_push("401"), "auth_required"),
}


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_a_refused_socket_is_left_for_polling_and_taken_again_when_it_speaks(
    refusal: str, face: DouyinFace, folder: Path
) -> None:
    refuse, reason = REFUSALS[refusal]
    async with desk_of(face, folder, return_s=0.3) as desk:
        await desk.say("之前")
        refuse(face)
        face.drop_line()
        face.say("断线时")
        await desk.until(lambda: desk.health.way == "polling")
        assert desk.health.way_reason == reason
        await desk.say("轮询")
        face.refuse_push(None)
        for number in range(40):
            face.say(f"换回 {number}")
            await anyio.sleep(0.02)
        await desk.until(lambda: desk.health.way == "websocket")
        polls = face.seen.polls
        assert desk.health.way_reason == ""
        await desk.say("之后")
        await desk.check_whole()
        assert face.viewers == 1
        assert face.seen.polls <= polls + 1


async def test_a_socket_refused_from_the_start_is_not_waited_for(
    face: DouyinFace, folder: Path
) -> None:
    face.block_signature()
    face.say("来之前")
    async with desk_of(face, folder) as desk:
        await desk.say("轮询")
        assert (desk.health.way, desk.health.way_reason) == ("polling", "signature_refused")
        assert face.refusals == 2  # as who we were, and as somebody else
        await desk.check_whole()
        assert await desk.closed_gaps() == []


async def test_a_socket_on_which_nothing_comes_is_left_for_polling(
    face: DouyinFace, folder: Path
) -> None:
    async with desk_of(face, folder, silence_s=0.3) as desk:
        await desk.say("之前")
        face.stall()
        face.say("没送到")
        await desk.until(lambda: desk.health.way == "polling")
        assert desk.health.way_reason == "stalled"
        await desk.say("轮询")
        await desk.check_whole()


async def test_a_signer_that_fails_is_told_apart_and_polling_needs_none(
    face: DouyinFace, folder: Path
) -> None:
    async with PretendSigner.open() as signer:
        service = SignerService(signer.url, proxies=Proxies())
        ways = (WebsocketWay(service, push_url=face.push_url), polling())
        async with desk_of(face, folder, ways=ways) as desk:
            await desk.say("签过名")
            signer.answer("500")
            face.drop_line()
            await desk.until(lambda: desk.health.way == "polling")
            assert desk.health.way_reason == "signer_failed"
            await desk.say("轮询")
            assert "HOSTCUE_DOUYIN_SIGNER_URL" in desk.health.remedy
            await desk.check_whole()
        assert signer.asked


async def test_what_polling_had_not_asked_for_yet_when_it_broke_is_in_the_gap(
    face: DouyinFace, folder: Path
) -> None:
    async with desk_of(face, folder, ways=[PollingWay(interval_s=0.5, least_s=0.5)]) as desk:
        await desk.say("之前")  # the next question comes half a second later
        face.refuse_polling("500")
        for number in range(20):
            face.say(f"没问到 {number}")
        face.forget()
        await desk.until(lambda: desk.health.state == "reconnecting")
        face.refuse_polling(None)
        await desk.say("之后")
        await desk.check()
        assert len(await desk.rows()) == 2


async def test_when_every_way_is_refused_the_room_fails_with_the_reason_and_comes_back(
    face: DouyinFace, folder: Path
) -> None:
    async with desk_of(face, folder, refused_s=0.3) as desk:
        await desk.say("之前")
        face.refuse_polling("444")
        face.block_signature()
        face.drop_line()
        await desk.until(lambda: desk.health.state == "failed")
        assert desk.health.reason == "signature_refused"
        for number in range(40):
            face.say(f"听不到 {number}")
        face.refuse_polling(None)
        face.block_signature(on=False)
        await desk.until(lambda: desk.health.state == "live")
        await desk.say("之后")
        await desk.check()
        (gap,) = await desk.closed_gaps()
        assert gap.end_ms is not None


@pytest.mark.parametrize("how", ["empty", "captcha"])
async def test_silence_under_risk_control_is_told_as_risk_control(
    how: str, face: DouyinFace, folder: Path
) -> None:
    async with desk_of(face, folder, silence_s=0.3) as desk:
        await desk.say("之前")
        face.stall()
        face.risk_control(how)  # type: ignore[arg-type] # one of its words
        await desk.until(lambda: desk.health.state == "failed")
        assert desk.health.reason == "risk_control"
        assert desk.health.last_error
        assert desk.health.remedy
        assert face.connections == 1
        await desk.check()


async def test_the_end_is_seen_by_polling_too(face: DouyinFace, folder: Path) -> None:
    async with desk_of(face, folder, ways=[polling()]) as desk:
        await desk.say("轮询")
        face.end()
        await desk.until(lambda: desk.health.state == "ended")
        await desk.check_whole()


async def test_the_next_host_is_tried_where_one_does_not_serve(
    face: DouyinFace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "hostcue.comments.douyin.address.KNOWN_SERVERS",
        ("ws://127.0.0.1:9", face.push_url),
    )
    face.refuse_polling("500")  # so that the platform names no server
    async with desk_of(face, folder, ways=[WebsocketWay()]) as desk:
        await desk.say("第二台")
        assert desk.health.way == "websocket"
        await desk.check_whole()


async def test_a_room_beyond_the_limit_waits_and_is_taken_when_a_place_is_free(
    folder: Path, face: DouyinFace
) -> None:
    async with DouyinFace.open(
        flv_url=FLV_URL, script=(), stats_s=0.1, live_id="80017709310", host=face.host
    ) as second:
        places = Places(rooms=1, gap_s=0)
        async with desk_of(face, folder, places=places) as desk:
            await desk.say("第一间")
            await desk.chats.join(room_of(second), "test")
            other = Desk(second, desk.chats, desk.store, desk.gaps, desk.published, desk.news)
            await other.until(lambda: other.health.state == "waiting")
            assert other.health.reason == "rooms_limit"
            assert second.connections == 0
            second.say("等着")
            await desk.chats.leave(room_of(face), "test")
            await other.say("轮到了")
            assert other.health.state == "live"
            rows = await other.rows()
            assert rows == [number for number, _, _ in second.said]
            (gap,) = await other.closed_gaps()
            assert gap.cause == "rooms_limit"
            assert gap.end_ms is not None
            await desk.chats.leave(room_of(second), "test")


async def test_who_collects_a_room_again_has_a_gap_where_nobody_did(
    face: DouyinFace, folder: Path
) -> None:
    async with desk_of(face, folder) as desk:
        await desk.say("之前")
    for number in range(40):
        face.say(f"没人采集 {number}")
    async with desk_of(face, folder) as desk:
        await desk.say("之后")
        rows = await desk.rows()
        assert len(rows) == len(set(rows)) == 16  # the last fifteen came again
        (gap,) = await desk.closed_gaps()
        assert gap.cause == "not_collected"
        inside = [ts for number, _, ts in face.said if number not in rows]
        assert all(gap.start_ms <= ts <= (gap.end_ms or 0) for ts in inside)
