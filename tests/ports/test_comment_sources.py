"""What every `CommentSource` promises; a new one joins `STAGES`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pytest
from pretend_relay import PretendRelay
from running_chromium import running_chromium

from hostcue.comments.bilibili.client import BilibiliComments
from hostcue.comments.douyin.browser import BrowserWay
from hostcue.comments.douyin.chromium import Chromium
from hostcue.comments.douyin.client import DouyinComments
from hostcue.comments.douyin.places import Places
from hostcue.comments.douyin.wall import Screenshots
from hostcue.comments.douyin.websocket import WebsocketWay
from hostcue.comments.relay import RelaySource
from hostcue.errors import AuthRequired, Blocked, RoomOffline, TransportFailed, UpstreamError
from hostcue.model.comment import Comment, Gap, LiveEvent
from hostcue.model.network import Proxies
from hostcue.model.room import Room
from hostcue.platforms.bilibili.webs import BilibiliWebs
from hostcue.platforms.budget import Budget
from hostcue.platforms.douyin.webs import DouyinWebs
from hostcue.ports import CommentSource
from hostcue.sim.bilibili import BilibiliFace
from hostcue.sim.douyin import DouyinFace


@dataclass(frozen=True, slots=True)
class Stage:
    """A source, the room it watches, and what a test can make happen there.

    `unreachable` is the same source without a server to reach; `say` gives the comment's id;
    `replays` is whether who comes back is told what was said a moment before.
    """

    source: CommentSource
    unreachable: CommentSource
    room: Room
    say: Callable[[str], str]
    say_again: Callable[[], None]
    drop_line: Callable[[], None]
    until_viewers: Callable[[int], Awaitable[None]]
    end: Callable[[], None]
    go_offline: Callable[[], None]
    refuse: Callable[[], None]
    refusal: type[UpstreamError] = Blocked
    replays: bool = True


@asynccontextmanager
async def douyin() -> AsyncIterator[Stage]:
    flv_url = "http://127.0.0.1:9/live.flv"
    async with (
        DouyinFace.open(flv_url=flv_url, script=(), stats_s=0.05) as face,
        aclosing(DouyinWebs(Proxies(), base_url=face.web_url, timeout_s=5)) as webs,
    ):

        def source(push_url: str) -> DouyinComments:
            return DouyinComments(
                webs,
                (WebsocketWay(push_url=push_url),),
                places=Places(gap_s=0),
                confirm_s=0,
                backoff_s=(0, 0),
            )

        yield Stage(
            source=source(face.push_url),
            unreachable=source("ws://127.0.0.1:9"),
            room=Room("douyin", face.live_id, face.room_id, face.link, "小满的鞋铺"),
            say=lambda text: str(face.say(text)),
            say_again=face.resend_last,
            drop_line=face.drop_line,
            until_viewers=face.wait_viewers,
            end=face.end,
            go_offline=face.go_offline,
            refuse=face.block_signature,
        )


@asynccontextmanager
async def bilibili() -> AsyncIterator[Stage]:
    async with BilibiliFace.open(online_s=0.05) as face:

        def source(push_url: str) -> BilibiliComments:
            return BilibiliComments(
                BilibiliWebs(Proxies(), base_url=face.web_url, timeout_s=5),
                push_urls=[push_url],
                confirm_s=0,
                backoff_s=(0, 0),
                dials=Budget("the pretend servers", per_s=1000),
            )

        yield Stage(
            source=source(face.push_url),
            unreachable=source("ws://127.0.0.1:9"),
            room=Room("bilibili", face.live_id, "af3e1f", face.link, face.anchor_name),
            say=face.say,
            say_again=face.resend_last,
            drop_line=face.drop_line,
            until_viewers=face.wait_viewers,
            end=face.end,
            go_offline=face.go_offline,
            refuse=face.refuse,
            replays=False,
        )


@asynccontextmanager
async def douyin_in_a_browser(chromium: Chromium) -> AsyncIterator[Stage]:
    flv_url = "http://127.0.0.1:9/live.flv"
    with TemporaryDirectory() as folder:
        way = BrowserWay(chromium, Screenshots(Path(folder, "seen")), open_s=5, regain_s=0.1)

        def source(webs: DouyinWebs) -> DouyinComments:
            return DouyinComments(
                webs, (way,), places=Places(gap_s=0), confirm_s=0, backoff_s=(0, 0)
            )

        async with (
            DouyinFace.open(flv_url=flv_url, script=(), stats_s=0.05) as face,
            aclosing(DouyinWebs(Proxies(), base_url=face.web_url, timeout_s=5)) as webs,
            aclosing(DouyinWebs(Proxies(), base_url="http://127.0.0.1:9", timeout_s=5)) as nobody,
        ):
            face.show_page("worker")
            yield Stage(
                source=source(webs),
                unreachable=source(nobody),
                room=Room("douyin", face.live_id, face.room_id, face.link, "小满的鞋铺"),
                say=lambda text: str(face.say(text)),
                say_again=face.resend_last,
                drop_line=face.drop_line,
                until_viewers=face.wait_viewers,
                end=face.end,
                go_offline=face.go_offline,
                refuse=face.block_signature,
            )


@asynccontextmanager
async def relay() -> AsyncIterator[Stage]:
    async with PretendRelay.open() as other:
        other.replays = True

        def source(url: str) -> RelaySource:
            return RelaySource(url, backoff_s=(0, 0))

        yield Stage(
            source=source(other.url),
            unreachable=source("http://127.0.0.1:9/stream"),
            room=Room("douyin", "80017709309", "7576912345678901234", "", "小满的鞋铺"),
            say=other.say,
            say_again=other.say_again,
            drop_line=other.drop_line,
            until_viewers=other.until_listeners,
            end=other.end,
            go_offline=lambda: other.refuse(409, "room_offline"),
            refuse=lambda: other.refuse(403),
            refusal=AuthRequired,
        )


Opens = Callable[[], AbstractAsyncContextManager[Stage]]
STAGES: dict[str, Opens] = {"douyin": douyin, "bilibili": bilibili, "relay": relay}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", params=[*STAGES, pytest.param("browser", marks=[pytest.mark.slow])])
async def opens(request: pytest.FixtureRequest) -> AsyncIterator[Opens]:
    """What sets a stage; one browser does for all of its kind."""
    if request.param in STAGES:
        yield STAGES[request.param]
        return
    with TemporaryDirectory() as folder:
        async with running_chromium(Path(folder, "browser")) as chromium:
            yield lambda: douyin_in_a_browser(chromium)


@pytest.fixture
async def stage(opens: Opens) -> AsyncIterator[Stage]:
    async with opens() as stage:
        yield stage


async def until_said(events: AsyncIterator[LiveEvent], text: str) -> list[LiveEvent]:
    seen: list[LiveEvent] = []
    with anyio.fail_after(30):
        async for event in events:
            seen.append(event)
            if isinstance(event, Comment) and event.content == text:
                break
    return seen


def comments(events: list[LiveEvent]) -> list[Comment]:
    return [event for event in events if isinstance(event, Comment)]


async def test_entered_means_connected_and_left_means_gone(stage: Stage) -> None:
    with anyio.fail_after(30):
        async with stage.source.events(stage.room):
            await stage.until_viewers(1)
        await stage.until_viewers(0)


async def test_comments_come_in_the_order_they_were_said(stage: Stage) -> None:
    async with stage.source.events(stage.room) as events:
        ids = [stage.say(f"第 {number} 条") for number in range(200)]
        seen = await until_said(events, "第 199 条")
    assert [comment.id for comment in comments(seen)] == ids
    assert {comment.room_id for comment in comments(seen)} == {stage.room.room_id}


async def test_a_repeated_comment_has_the_same_id_if_it_comes_at_all(stage: Stage) -> None:
    async with stage.source.events(stage.room) as events:
        first = stage.say("包邮吗")
        stage.say_again()
        stage.say("完")
        seen = await until_said(events, "完")
    assert {comment.id for comment in comments(seen)[:-1]} == {first}


async def test_a_lost_line_is_replaced_and_its_gap_told_twice(stage: Stage) -> None:
    async with stage.source.events(stage.room) as events:
        with anyio.fail_after(30):
            await stage.until_viewers(1)
            stage.drop_line()
            await stage.until_viewers(0)
            if not stage.replays:
                await stage.until_viewers(1)
        stage.say("之后")
        seen = await until_said(events, "之后")
    opened, closed = (event for event in seen if isinstance(event, Gap))
    assert opened.end_ms is None
    assert closed.end_ms is not None
    assert closed.start_ms == opened.start_ms <= closed.end_ms


async def test_the_iteration_ends_with_the_broadcast(stage: Stage) -> None:
    with anyio.fail_after(30):
        async with stage.source.events(stage.room) as events:
            stage.say("再见")
            stage.end()
            seen = [event async for event in events]
    assert [comment.content for comment in comments(seen)] == ["再见"]


async def test_a_room_where_nobody_is_live_is_not_entered(stage: Stage) -> None:
    stage.go_offline()
    with pytest.raises(RoomOffline), anyio.fail_after(30):
        await stage.source.events(stage.room).__aenter__()


async def test_a_refusal_is_told_as_one(stage: Stage) -> None:
    stage.refuse()
    with pytest.raises(stage.refusal) as refusal, anyio.fail_after(30):
        await stage.source.events(stage.room).__aenter__()
    assert refusal.value.remedy


async def test_without_a_server_to_reach_the_transport_has_failed(stage: Stage) -> None:
    with pytest.raises(TransportFailed), anyio.fail_after(30):
        await stage.unreachable.events(stage.room).__aenter__()


async def test_the_users_own_error_comes_out_as_it_is(stage: Stage) -> None:
    async def use() -> None:
        async with stage.source.events(stage.room):
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await use()
