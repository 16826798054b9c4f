"""The whole client against a pretend room: what goes wrong, and what is stored all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import anyio
import pytest

from hostcue.comments.bilibili.client import BilibiliComments
from hostcue.errors import Blocked, RoomOffline
from hostcue.model.comment import Comment, Gap, LiveEvent, RoomStats, Tally, WayTaken
from hostcue.model.network import Proxies
from hostcue.model.room import Access, Room
from hostcue.platforms.bilibili.webs import BilibiliWebs
from hostcue.platforms.breaker import Breaker
from hostcue.platforms.budget import Budget
from hostcue.platforms.gates import Gates
from hostcue.sim.bilibili import BilibiliFace


@pytest.fixture
async def face() -> AsyncIterator[BilibiliFace]:
    async with BilibiliFace.open(online_s=0.05, heartbeat_s=0.5) as face:
        yield face


@pytest.fixture
def room(face: BilibiliFace) -> Room:
    return Room("bilibili", face.live_id, "room", face.link, face.anchor_name)


def source(
    face: BilibiliFace, *, push_urls: Sequence[str] = (), silence_s: float = 30, beat_s: float = 0.2
) -> BilibiliComments:
    gates = Gates(
        "Bilibili", budget=Budget("Bilibili", per_s=1000), breaker=lambda: Breaker(open_s=0)
    )
    return BilibiliComments(
        BilibiliWebs(Proxies(), base_url=face.web_url, gates=gates, timeout_s=5),
        push_urls=push_urls or [face.push_url],
        heartbeat_s=beat_s,
        silence_s=silence_s,
        confirm_s=0,
        backoff_s=(0, 0),
        dials=Budget("the pretend servers", per_s=1000),
    )


async def until(events: AsyncIterator[LiveEvent], text: str) -> list[LiveEvent]:
    seen: list[LiveEvent] = []
    with anyio.fail_after(30):
        async for event in events:
            seen.append(event)
            if isinstance(event, Comment) and event.content == text:
                break
    return seen


def said(events: list[LiveEvent]) -> list[str]:
    return [event.content for event in events if isinstance(event, Comment)]


def gaps(events: list[LiveEvent]) -> list[Gap]:
    return [event for event in events if isinstance(event, Gap)]


async def back(face: BilibiliFace, connections: int) -> None:
    with anyio.fail_after(30):
        await face.until(lambda: face.seen.connections >= connections and face.viewers == 1)


async def test_a_guest_reads_masked_names_and_a_login_real_ones(
    face: BilibiliFace, room: Room
) -> None:
    async with source(face).events(room) as events:
        face.say("包邮吗")
        guest = (await until(events, "包邮吗"))[-1]
    async with source(face).events(room, Access(cookie="SESSDATA=5e55da7a")) as events:
        face.say("几号链接")
        login = (await until(events, "几号链接"))[-1]
    assert isinstance(guest, Comment)
    assert isinstance(login, Comment)
    assert (guest.user, guest.viewer) == ("爱***", "")
    assert (login.user, login.viewer) == ("爱吃瓜的小王", "5201314")


async def test_it_says_its_way_first_and_heartbeats_keep_the_line(
    face: BilibiliFace, room: Room
) -> None:
    async with source(face).events(room) as events:
        assert await anext(events) == WayTaken("websocket")
        with anyio.fail_after(30):
            await face.until(lambda: face.seen.heartbeats >= 4)
        face.say("还在")
        seen = await until(events, "还在")
    assert face.seen.drops == []
    assert gaps(seen) == []
    assert any(isinstance(event, RoomStats) and event.online == 42 for event in seen)


async def test_who_sends_no_heartbeats_is_dropped_and_comes_back(
    face: BilibiliFace, room: Room
) -> None:
    async with source(face, beat_s=60).events(room):
        await back(face, 2)
    assert "sends no heartbeats" in face.seen.drops


@pytest.mark.parametrize("code", [1006, 1000, 1012])
async def test_lines_lost_again_and_again_lose_nothing_outside_their_gaps(
    face: BilibiliFace, room: Room, code: int
) -> None:
    async with source(face).events(room) as events:
        for number in range(5):
            face.say(f"第 {number} 条")
            face.resend_last()
            face.drop_line(code)
            await back(face, number + 2)
        face.say("完")
        seen = await until(events, "完")
    assert said(seen) == [text for _, text in face.said]
    opened = [gap for gap in gaps(seen) if gap.end_ms is None]
    assert {gap.cause for gap in opened} == {"connection_lost"}
    assert len(gaps(seen)) == 2 * len(opened) == 10
    tally = next(event for event in reversed(seen) if isinstance(event, Tally))
    assert tally.unreadable == {}


async def test_a_stall_behind_answered_heartbeats_is_seen_and_mended(
    face: BilibiliFace, room: Room
) -> None:
    async with source(face, silence_s=0.3).events(room) as events:
        face.say("之前")
        await until(events, "之前")
        face.stall()
        with anyio.fail_after(30):
            await face.until(lambda: face.seen.connections >= 2)
        face.stall(on=False)
        await back(face, 2)
        face.say("之后")
        seen = await until(events, "之后")
    assert [gap.cause for gap in gaps(seen)] == ["stalled", "stalled"]
    assert gaps(seen)[1].end_ms is not None


async def test_a_server_that_goes_silent_altogether_is_left(face: BilibiliFace, room: Room) -> None:
    async with source(face, silence_s=0.3).events(room):
        face.go_silent()
        with anyio.fail_after(30):
            await face.until(lambda: face.viewers == 0)


async def test_garbage_damage_and_a_bomb_between_lines_of_chat_cost_nothing_else(
    face: BilibiliFace, room: Room
) -> None:
    async with source(face).events(room) as events:
        for fault in (face.garble, face.corrupt, face.bomb):
            fault()
            face.say(f"after {fault.__name__}")
        face.double()
        face.say("两遍")
        face.say("完")
        seen = await until(events, "完")
    assert said(seen) == ["after garble", "after corrupt", "after bomb", "两遍", "完"]
    assert gaps(seen) == []


async def test_a_key_that_expired_is_replaced_without_anybody_noticing(
    face: BilibiliFace, room: Room
) -> None:
    async with source(face).events(room) as events:
        face.expire_keys()
        face.change_signing_keys()
        face.drop_line()
        await back(face, 2)
        face.say("新的钥匙")
        seen = await until(events, "新的钥匙")
    assert len(gaps(seen)) == 2
    assert face.seen.keys == 2


async def test_servers_that_admit_nobody_are_a_refusal(face: BilibiliFace, room: Room) -> None:
    face.refuse_keys()
    with pytest.raises(Blocked), anyio.fail_after(30):
        await source(face).events(room).__aenter__()
    assert face.seen.keys == 2


async def test_the_next_server_is_tried_when_one_cannot_be_reached(
    face: BilibiliFace, room: Room
) -> None:
    dead = "ws://127.0.0.1:9"
    async with source(face, push_urls=[dead, face.push_url, dead]).events(room) as events:
        face.drop_line()
        await back(face, 2)
        face.say("在")
        assert said(await until(events, "在")) == ["在"]


async def test_an_announced_end_is_believed_when_the_platform_confirms_it(
    face: BilibiliFace, room: Room
) -> None:
    async with source(face).events(room) as events:
        face.announce("PREPARING")  # the host was back before we asked
        face.say("还在播")
        await until(events, "还在播")
        face.end()
        with anyio.fail_after(30):
            rest = [event async for event in events]
    assert gaps(rest) == []


async def test_an_end_nobody_announced_is_found_in_the_silence(
    face: BilibiliFace, room: Room
) -> None:
    async with source(face, silence_s=0.2).events(room) as events:
        face.stall()
        face.go_offline()
        with anyio.fail_after(30):
            rest = [event async for event in events]
    assert gaps(rest)[-1].end_ms is not None


async def test_a_replay_is_no_broadcast(face: BilibiliFace, room: Room) -> None:
    face.go_offline()
    with pytest.raises(RoomOffline) as refusal, anyio.fail_after(30):
        await source(face).events(room).__aenter__()
    assert refusal.value.remedy


async def test_neither_cookie_nor_key_is_in_any_error(face: BilibiliFace, room: Room) -> None:
    face.refuse_keys()
    access = Access(cookie="SESSDATA=5e55da7a; bili_jct=c0ffee")
    with pytest.raises(Blocked) as refusal, anyio.fail_after(30):
        await source(face).events(room, access).__aenter__()
    assert "5e55da7a" not in f"{refusal.value} {refusal.value.remedy}"
    assert any("c0ffee" in headers.get("cookie", "") for _, headers in face.requests)
