from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import anyio
import pytest
from structlog.testing import capture_logs

from hostcue.comments.douyin.address import Resume
from hostcue.comments.douyin.client import DouyinComments
from hostcue.comments.douyin.inbox import Inbox
from hostcue.comments.douyin.places import Places
from hostcue.comments.douyin.ways import Visit
from hostcue.comments.douyin.websocket import WebsocketWay
from hostcue.errors import Blocked
from hostcue.model.clock import now_ms
from hostcue.model.comment import (
    Comment,
    Gap,
    LiveEvent,
    ProductChange,
    RoomControl,
    RoomStats,
    Tally,
    WayTaken,
)
from hostcue.model.room import Room
from hostcue.platforms.douyin.pb import webcast_pb2 as pb
from hostcue.platforms.douyin.webs import DouyinWebs
from hostcue.sim.douyin import DouyinFace

OURS = (RoomStats, WayTaken, Tally)
NOT_OURS = ("websockets.server", "uvicorn", "httpx2", "httpcore2", "asyncio")


def source(
    webs: DouyinWebs,
    face: DouyinFace,
    *,
    push_url: str | None = None,
    heartbeat_s: float = 10.0,
    silence_s: float = 8.0,
) -> DouyinComments:
    way = WebsocketWay(
        push_url=face.push_url if push_url is None else push_url, heartbeat_s=heartbeat_s
    )
    return DouyinComments(
        webs,
        (way,),
        places=Places(gap_s=0),
        silence_s=silence_s,
        confirm_s=0.0,
        backoff_s=(0.0, 0.0),
    )


async def until_chat(events: AsyncIterator[LiveEvent], text: str) -> list[LiveEvent]:
    """Everything up to this comment, without the room's steady count of viewers."""
    seen: list[LiveEvent] = []
    with anyio.fail_after(30):
        async for event in events:
            if not isinstance(event, OURS):
                seen.append(event)
            if isinstance(event, Comment) and event.content == text:
                return seen
    raise AssertionError(f"the iteration ended before {text!r}: {seen}")


async def drain(events: AsyncIterator[LiveEvent]) -> list[LiveEvent]:
    """Everything to the end of the iteration, without the steady count of viewers."""
    with anyio.fail_after(30):
        return [event async for event in events if not isinstance(event, OURS)]


async def unique_id(webs: DouyinWebs) -> str:
    async with webs.lend() as web:
        return web.identity.user_unique_id


def texts(events: list[LiveEvent]) -> list[str]:
    return [event.content for event in events if isinstance(event, Comment)]


async def test_a_comment_arrives_with_who_wrote_it_and_when(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with source(webs, face).events(room) as events:
        before_ms = now_ms()
        number = face.say("多少钱", "慢半拍的橘子")
        (comment,) = await until_chat(events, "多少钱")
    assert isinstance(comment, Comment)
    assert comment.id == str(number)
    assert (comment.platform, comment.room_id) == ("douyin", room.room_id)
    assert (comment.user, comment.kind) == ("慢半拍的橘子", "chat")
    assert before_ms <= comment.ts_ms <= now_ms()
    assert comment.viewer.isdecimal()


async def test_what_was_said_before_we_came_arrives_once_and_with_its_own_time(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    an_hour_ago = now_ms() - 3_600_000
    face.say("早就问过", ts_ms=an_hour_ago)
    async with source(webs, face).events(room) as events:
        face.say("新问的")
        seen = await until_chat(events, "新问的")
    assert texts(seen) == ["早就问过", "新问的"]
    assert isinstance(seen[0], Comment)
    assert seen[0].ts_ms == an_hour_ago


async def test_all_that_happens_in_a_room_becomes_events(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with source(webs, face).events(room) as events:
        face.gift("玫瑰", count=3, diamonds=10)
        face.like(count=5)
        face.enter_room("新来的")
        face.follow()
        face.show_product("飞织小白鞋")
        face.say("完")
        seen = await until_chat(events, "完")
        with anyio.fail_after(30):
            stats = await anext(event async for event in events if isinstance(event, RoomStats))
    gifts = [e for e in seen if isinstance(e, Comment) and e.kind == "gift"]
    assert sum(int(gift.metadata["count"]) for gift in gifts) == 3
    assert sum(int(gift.metadata["diamonds"]) for gift in gifts) == 30
    kinds = [e.kind for e in seen if isinstance(e, Comment)]
    assert kinds[-4:] == ["like", "enter", "follow", "chat"]
    assert [e.title for e in seen if isinstance(e, ProductChange)] == ["飞织小白鞋"]
    assert isinstance(stats, RoomStats)
    assert stats.online > 0


async def test_a_comment_resent_by_the_platform_arrives_once(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with source(webs, face).events(room) as events:
        face.say("包邮吗")
        face.resend_last()
        face.say("完")
        assert texts(await until_chat(events, "完")) == ["包邮吗", "完"]


@pytest.mark.parametrize("code", [1006, 1000, 1001, 1013])
async def test_a_dropped_line_is_a_gap_with_nothing_lost_and_nothing_twice(
    face: DouyinFace, webs: DouyinWebs, room: Room, code: int
) -> None:
    async with source(webs, face).events(room) as events:
        face.say("之前")
        before = await until_chat(events, "之前")
        face.drop_line(code)
        await face.until(lambda: face.connections >= 2)
        face.say("之后")
        after = await until_chat(events, "之后")
    assert texts(before + after) == ["之前", "之后"]
    opened, closed = (event for event in after if isinstance(event, Gap))
    assert (opened.cause, opened.end_ms) == ("connection_lost", None)
    assert (closed.start_ms, closed.cause) == (opened.start_ms, opened.cause)
    assert closed.end_ms is not None
    assert opened.start_ms <= closed.end_ms <= now_ms()


@pytest.mark.parametrize("code", [1000, 1006])
async def test_what_is_said_while_a_line_closes_comes_by_the_next(
    face: DouyinFace, webs: DouyinWebs, room: Room, code: int
) -> None:
    async with source(webs, face).events(room) as events:
        face.drop_line(code)
        with anyio.fail_after(30):
            while face.connections < 2:
                face.say("还在吗")
                await anyio.lowlevel.checkpoint()
        face.say("完")
        seen = await until_chat(events, "完")
    assert texts(seen)[-2:] == ["还在吗", "完"]


async def test_what_is_said_while_the_line_is_down_is_fetched_on_reconnect(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with source(webs, face).events(room) as events:
        face.drop_line()
        await face.wait_viewers(0)
        for number in range(5):
            face.say(f"断线时 {number}")
        seen = await until_chat(events, "断线时 4")
    assert texts(seen) == [f"断线时 {number}" for number in range(5)]


async def test_what_the_first_fetch_brings_is_delivered_before_anything_is_read_from_the_line(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    face.say("早就问过")
    async with webs.lend() as web:
        visit = Visit(room, web, Inbox(room.room_id))
        async with WebsocketWay(push_url=face.push_url).open(visit) as connection:
            delivery = await connection.receive()
    assert texts(list(delivery.events)) == ["早就问过"]
    assert not delivery.spoke


async def test_a_reconnect_goes_on_from_the_latest_cursor(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with source(webs, face).events(room) as events:
        face.say("之前")
        await until_chat(events, "之前")
        face.drop_line()
        face.say("之后")
        await until_chat(events, "之后")
    first_fetches = [path for path, _ in face.requests if "/webcast/im/fetch/" in path]
    assert len(first_fetches) == 1


async def test_who_comes_back_from_a_page_of_another_visitor_does_not_use_its_cursor(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    way = WebsocketWay(push_url=face.push_url)
    async with webs.lend() as web:
        visit = Visit(room, web, Inbox(room.room_id))
        async with way.open(visit) as connection:
            await connection.receive()
        ours = visit.resume
        assert ours.cursor
        theirs = pb.Response(cursor="d-1_u-1_fh-1_t-1_r-1", internal_ext="wss_push_did:2")
        visit.inbox.read_response(theirs, now_ms())  # as the browser's way does
        assert visit.resume == Resume()
        face.say("说给浏览器的时候")
        async with way.open(visit) as connection:
            delivery = await connection.receive()
        assert texts(list(delivery.events)) == ["说给浏览器的时候"]
        assert visit.resume.cursor
        cursors = [query["cursor"] for _, query, _ in face.seen.handshakes]
        assert theirs.cursor not in cursors
        await web.identity.renew()
        assert visit.resume == Resume()


async def test_the_line_lives_on_heartbeats_and_acknowledgements(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with source(webs, face, heartbeat_s=0.05).events(room):
        with anyio.fail_after(30):
            await face.until(lambda: face.heartbeats >= 4 and face.acks >= 4)
        assert face.connections == 1


async def test_the_first_heartbeat_follows_the_handshake_at_once(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with source(webs, face, heartbeat_s=3600).events(room):
        with anyio.fail_after(30):
            await face.until(lambda: face.heartbeats == 1)


async def test_a_line_that_falls_silent_is_replaced_and_the_gap_reported(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with source(webs, face, silence_s=0.4, heartbeat_s=0.05).events(room) as events:
        face.say("之前")
        await until_chat(events, "之前")
        face.stall()
        face.refuse_polling("500")  # so that nobody says whether anything was missed
        with anyio.fail_after(30):
            await face.until(lambda: face.connections >= 2)
        face.stall(on=False)
        face.say("之后")
        after = await until_chat(events, "之后")
    gaps = [event for event in after if isinstance(event, Gap)]
    assert [gap.cause for gap in gaps] == ["stalled", "stalled"]
    assert gaps[1].end_ms is not None
    assert gaps[1].end_ms - gaps[0].start_ms >= 400


async def test_what_a_silent_line_kept_back_is_filled_in_before_another_is_opened(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with source(webs, face, silence_s=0.4).events(room) as events:
        face.say("之前")
        await until_chat(events, "之前")
        face.freeze()
        for number in range(40):
            face.say(f"没送到 {number}")
        stalled_ms = now_ms()
        seen = await until_chat(events, "没送到 39")
        with anyio.fail_after(30):
            await face.wait_viewers(1)
            await face.until(lambda: face.connections == 2)
        face.say("之后")
        seen += await until_chat(events, "之后")
    assert texts(seen) == [*(f"没送到 {number}" for number in range(40)), "之后"]
    closed = [event for event in seen if isinstance(event, Gap) and event.end_ms is not None]
    assert {gap.cause for gap in closed} == {"stalled"}
    inside = [gap for gap in closed if gap.start_ms <= stalled_ms + 200 <= (gap.end_ms or 0)]
    assert inside == []


async def test_more_than_one_answer_holds_is_filled_in_by_the_next(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with source(webs, face, silence_s=0.4).events(room) as events:
        face.say("之前")
        await until_chat(events, "之前")
        face.freeze()
        for number in range(250):
            face.say(f"没送到 {number}")
        seen = await until_chat(events, "没送到 249")
    assert texts(seen) == [f"没送到 {number}" for number in range(250)]


async def test_what_no_answer_brought_any_more_is_in_the_gap_of_a_silent_line(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with source(webs, face, silence_s=0.4).events(room) as events:
        face.say("之前")
        seen = await until_chat(events, "之前")
        face.freeze()
        start_ms = now_ms()
        for number in range(250):
            face.say(f"没送到 {number}", ts_ms=start_ms + number)
        seen += await until_chat(events, "没送到 99")
        face.refuse_polling("500")  # while the next question waits for its time
        face.forget()
        with anyio.fail_after(30):
            await face.until(lambda: face.connections == 2)
        face.say("之后")
        seen += await until_chat(events, "之后")
    missing = [ts for _, text, ts in face.said if text not in texts(seen)]
    assert len(missing) == 50
    closed = [event for event in seen if isinstance(event, Gap) and event.end_ms is not None]
    assert all(any(g.start_ms <= ts <= (g.end_ms or 0) for g in closed) for ts in missing)


async def test_what_the_platform_has_no_more_is_the_gap_of_a_silent_line(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with source(webs, face, silence_s=0.6).events(room) as events:
        face.say("之前")
        await until_chat(events, "之前")
        face.freeze()
        face.say("谁也没看到")
        face.forget()
        while now_ms() <= face.said[-1][2]:
            await anyio.lowlevel.checkpoint()
        face.say("补回来")
        seen = await until_chat(events, "补回来")
    (_, lost, lost_ms), (_, _, found_ms) = face.said[-2:]
    assert lost not in texts(seen)
    (gap,) = (event for event in seen if isinstance(event, Gap))
    assert gap.cause == "stalled"
    assert gap.start_ms <= lost_ms < found_ms == gap.end_ms


async def test_a_quiet_room_has_no_gap_and_a_line_that_is_new(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with source(webs, face, silence_s=0.4).events(room) as events:
        face.say("之前")
        await until_chat(events, "之前")
        face.stall()
        with anyio.fail_after(30):
            await face.until(lambda: face.connections == 2)
        face.stall(on=False)
        face.say("之后")
        after = await until_chat(events, "之后")
    assert texts(after) == ["之后"]
    assert not any(isinstance(event, Gap) for event in after)


async def test_a_room_is_believed_to_be_quiet_once_in_a_row(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with source(webs, face, silence_s=0.2).events(room) as events:
        face.say("之前")
        await until_chat(events, "之前")
        heard_ms = now_ms()
        face.stall()
        with anyio.fail_after(30):
            gap = await anext(event async for event in events if isinstance(event, Gap))
        assert face.connections == 2
    assert (gap.cause, gap.end_ms) == ("stalled", None)
    assert gap.start_ms <= heard_ms + 100


async def test_frames_that_nobody_can_read_are_passed_over(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with source(webs, face).events(room) as events:
        face.send_raw(b"\xff\xff\xff")
        face.say("完")
        assert texts(await until_chat(events, "完")) == ["完"]
    assert face.connections == 1


async def test_a_platform_that_only_sends_what_nobody_can_read_has_changed(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with source(webs, face, silence_s=0.4).events(room) as events:
        face.stall()
        face.stall(on=False)
        face.send_raw(b"\xff\xff\xff")
        face.stall()
        with anyio.fail_after(30):
            gap = await anext(event async for event in events if isinstance(event, Gap))
    assert (gap.cause, gap.end_ms) == ("upstream_changed", None)


async def test_plain_frames_are_read_like_compressed_ones(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    face.compress(on=False)
    async with source(webs, face).events(room) as events:
        face.say("没压缩")
        await until_chat(events, "没压缩")


async def test_without_a_push_url_the_server_is_the_one_the_platform_names(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with source(webs, face, push_url="").events(room) as events:
        face.say("完")
        await until_chat(events, "完")


async def test_a_refused_device_comes_back_as_somebody_else(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    face.block_signature()
    visitor = await unique_id(webs)

    async def relent() -> None:
        await face.until(lambda: face.refusals == 1)
        face.block_signature(on=False)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(relent)
        async with source(webs, face).events(room) as events:
            face.say("完")
            await until_chat(events, "完")
    assert face.refusals == 1
    assert await unique_id(webs) != visitor


async def test_a_device_refused_while_watching_ends_in_blocked(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with source(webs, face).events(room) as events:
        face.say("之前")
        await until_chat(events, "之前")
        face.block_signature()
        face.drop_line()
        with pytest.raises(Blocked) as refusal:
            await drain(events)
    assert refusal.value.remedy
    assert face.refusals == 2


async def test_silence_under_risk_control_ends_in_blocked(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with source(webs, face, silence_s=0.2).events(room) as events:
        face.stall()
        face.risk_control("empty")
        with pytest.raises(Blocked):
            await drain(events)
    assert face.connections == 1


async def test_the_announced_end_of_the_broadcast_ends_the_iteration(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with source(webs, face).events(room) as events:
        face.say("再见")
        face.end()
        seen = await drain(events)
    assert texts(seen) == ["再见"]
    assert [event.action for event in seen if isinstance(event, RoomControl)] == ["ended"]
    assert not any(isinstance(event, Gap) for event in seen)


async def test_a_broadcast_that_stops_without_a_word_is_asked_for_twice_and_ends(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with source(webs, face, silence_s=0.3).events(room) as events:
        face.go_offline()
        assert await drain(events) == []
    entered = [path for path, _ in face.requests if "/webcast/room/web/enter/" in path]
    assert len(entered) == 3


async def test_silence_while_the_host_has_begun_another_broadcast_ends_this_one(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with source(webs, face, silence_s=0.3).events(room) as events:
        face.stall()
        face.go_live()
        await drain(events)


async def test_no_chat_line_is_lost_on_a_consumer_that_sleeps(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with source(webs, face).events(room) as events:
        for number in range(4000):
            face.say(f"第 {number} 条")
        await face.until(lambda: face.acks >= 10)
        seen = await until_chat(events, "第 3999 条")
    assert texts(seen) == [f"第 {number} 条" for number in range(4000)]


async def test_no_secret_reaches_a_log_line_or_an_error(
    face: DouyinFace, webs: DouyinWebs, room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logs:
        async with source(webs, face).events(room) as events:
            face.block_signature()
            face.drop_line()
            with pytest.raises(Blocked) as refusal:
                await drain(events)
    async with webs.lend() as web:
        cookie = await web.identity.cookie_header()
    # The pretend server, in this process, logs too.
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith(NOT_OURS)]
    said = f"{logs} {ours} {refusal.value} {refusal.value.remedy}"
    assert cookie.split("ttwid=")[1] not in said
    assert "signature=" not in said
