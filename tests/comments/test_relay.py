"""A relay's stream, kept coming."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from fastapi.responses import PlainTextResponse, StreamingResponse
from pretend_relay import PretendRelay
from structlog.testing import capture_logs

from hostcue.comments.relay import RelaySource
from hostcue.errors import (
    AuthRequired,
    ConfigError,
    HostcueError,
    PrivateAddress,
    RateLimited,
    RoomOffline,
    TransportFailed,
    UpstreamChanged,
)
from hostcue.model.comment import Comment, Gap, LiveEvent, Tally, WayTaken
from hostcue.model.network import AddressPolicy
from hostcue.model.room import Room

ROOM = Room("douyin", "80017709309", "7576912345678901234", "https://live.douyin.com/1", "小满")
TOKEN = "the-token-of-the-relay"
ANYWHERE = AddressPolicy(allow_private=True)


@pytest.fixture
async def relay() -> AsyncIterator[PretendRelay]:
    async with PretendRelay.open() as relay:
        yield relay


def source(
    relay: PretendRelay,
    *,
    token: str = TOKEN,
    policy: AddressPolicy = ANYWHERE,
    silence_s: float = 20.0,
    open_timeout_s: float = 5.0,
) -> RelaySource:
    return RelaySource(
        relay.url,
        token=token,
        policy=policy,
        silence_s=silence_s,
        backoff_s=(0.0, 0.0),
        open_timeout_s=open_timeout_s,
    )


async def until(events: AsyncIterator[LiveEvent], text: str) -> list[LiveEvent]:
    seen: list[LiveEvent] = []
    with anyio.fail_after(30):
        async for event in events:
            seen.append(event)
            if isinstance(event, Comment) and event.content == text:
                return seen
    raise AssertionError(f"the iteration ended before {text!r}")


def texts(events: list[LiveEvent]) -> list[str]:
    return [event.content for event in events if isinstance(event, Comment)]


def last_tally(events: list[LiveEvent]) -> Tally:
    return [event for event in events if isinstance(event, Tally)][-1]


@asynccontextmanager
async def listening(source: RelaySource) -> AsyncIterator[AsyncIterator[LiveEvent]]:
    with anyio.fail_after(30):
        context = source.events(ROOM)
        events = await context.__aenter__()
    try:
        yield events
    finally:
        await context.__aexit__(None, None, None)


async def test_the_room_is_named_and_the_token_shown_to_the_relay(relay: PretendRelay) -> None:
    async with listening(source(relay)) as events:
        await relay.until_listeners(1)
        relay.say("在吗")
        assert await until(events, "在吗")
    assert relay.requests[0]["authorization"] == f"Bearer {TOKEN}"
    assert relay.requests[0]["accept"] == "text/event-stream"


async def test_the_way_is_told_first(relay: PretendRelay) -> None:
    async with listening(source(relay)) as events:
        assert await anext(events) == WayTaken("relay")


async def test_a_dropped_line_is_resumed_after_the_last_event(relay: PretendRelay) -> None:
    async with listening(source(relay)) as events:
        await relay.until_listeners(1)
        relay.say("之前")
        await until(events, "之前")
        relay.drop_line()
        await relay.until_listeners(0)
        relay.say("断线时")
        relay.say("之后")
        seen = await until(events, "之后")
    assert relay.requests[-1]["last-event-id"] == "1"
    assert texts(seen) == ["断线时", "之后"]
    opened, closed = (event for event in seen if isinstance(event, Gap))
    assert (opened.cause, opened.end_ms) == ("connection_lost", None)
    assert closed.end_ms is not None
    assert closed.end_ms >= closed.start_ms == opened.start_ms


async def test_what_comes_twice_is_left_out_and_counted(relay: PretendRelay) -> None:
    async with listening(source(relay)) as events:
        await relay.until_listeners(1)
        relay.say("一")
        relay.say_again()
        relay.say("二")
        seen = await until(events, "二")
        relay.say("完")
        seen += await until(events, "完")
    assert texts(seen) == ["一", "二", "完"]
    assert last_tally(seen).repeated == 1


async def test_garbage_and_giants_are_left_out_and_counted(relay: PretendRelay) -> None:
    async with listening(source(relay)) as events:
        await relay.until_listeners(1)
        relay.send_raw(b"\xff\xfe{")
        relay.send_raw(b'{"type":"red_packet","data":{}}')
        relay.send_raw(b"x" * (3 << 20))
        relay.send_lines(b"no field at all\n\n\x00\n\n")
        relay.say("还好")
        seen = await until(events, "还好")
        relay.say("完")
        seen += await until(events, "完")
    assert texts(seen) == ["还好", "完"]
    assert last_tally(seen).unknown == {"red_packet": 1}
    assert last_tally(seen).unreadable == {"relay": 2}


async def test_what_cannot_be_read_does_not_cost_the_rest_of_its_batch(
    relay: PretendRelay,
) -> None:
    batch = [
        {"type": "chat", "data": {"id": "1", "content": "前"}},
        {"type": "red_packet", "data": {}},
        {"type": "chat", "data": {"id": "2"}},
        7,
        {"type": "chat", "data": {"id": "3", "content": "后"}},
    ]
    async with listening(source(relay)) as events:
        await relay.until_listeners(1)
        relay.send_raw(json.dumps({"type": "batch", "data": batch}).encode())
        seen = await until(events, "后")
        relay.say("完")
        seen += await until(events, "完")
    assert texts(seen) == ["前", "后", "完"]
    assert last_tally(seen).unknown == {"red_packet": 1}
    assert last_tally(seen).unreadable == {"relay": 2}


async def test_a_relay_that_says_nothing_at_all_is_left_and_asked_again(
    relay: PretendRelay,
) -> None:
    async with listening(source(relay, silence_s=0.3)) as events:
        await relay.until_listeners(1)
        relay.say("之前")
        await until(events, "之前")
        with anyio.fail_after(30):
            gap = await anext(event async for event in events if isinstance(event, Gap))
        relay.say("之后")
        seen = await until(events, "之后")
    assert (gap.cause, gap.end_ms) == ("stalled", None)
    assert any(isinstance(event, Gap) and event.end_ms for event in seen)
    assert texts(seen) == ["之后"]


async def test_a_relay_that_does_not_answer_is_not_waited_for(relay: PretendRelay) -> None:
    async def nothing() -> AsyncIterator[bytes]:
        await anyio.sleep_forever()
        yield b""

    relay.answers = [lambda: StreamingResponse(nothing(), media_type="text/event-stream")]
    async with listening(source(relay, silence_s=0.2)) as events:
        with anyio.fail_after(30):
            seen = [await anext(events), await anext(events)]
    assert isinstance(seen[1], Gap)
    assert seen[1].cause == "stalled"


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (401, "", AuthRequired),
        (403, "", AuthRequired),
        (404, "not_found", TransportFailed),
        (409, "room_offline", RoomOffline),
        (410, "", UpstreamChanged),
        (429, "", RateLimited),
        (503, "", TransportFailed),
    ],
)
async def test_each_refusal_is_told_apart(
    relay: PretendRelay, status: int, code: str, error: type[HostcueError]
) -> None:
    relay.refuse(status, code)
    with pytest.raises(error), anyio.fail_after(30):
        await source(relay).events(ROOM).__aenter__()


async def test_a_page_in_place_of_a_stream_is_not_read(relay: PretendRelay) -> None:
    relay.answers = [lambda: PlainTextResponse("welcome")]
    with pytest.raises(UpstreamChanged, match="no stream"), anyio.fail_after(30):
        await source(relay).events(ROOM).__aenter__()


async def test_a_token_refused_later_ends_the_iteration(relay: PretendRelay) -> None:
    async with listening(source(relay)) as events:
        await relay.until_listeners(1)
        relay.refuse(401)
        relay.drop_line()
        with pytest.raises(AuthRequired) as failure, anyio.fail_after(30):
            while True:
                await anext(events)
    assert "HOSTCUE_RELAY_TOKEN" in (failure.value.remedy or "")


async def test_the_token_does_not_follow_where_the_relay_sends_us(relay: PretendRelay) -> None:
    async with PretendRelay.open() as elsewhere:
        relay.redirect(f"{elsewhere.base_url}/stream")
        async with listening(source(relay)) as events:
            await elsewhere.until_listeners(1)
            elsewhere.say("别处")
            await until(events, "别处")
        elsewhere.redirect(f"{relay.base_url}/stream")  # and back: it does not come out again
        with pytest.raises(TransportFailed), anyio.fail_after(30):
            await source(relay).events(ROOM).__aenter__()
    assert relay.requests[0]["authorization"] == f"Bearer {TOKEN}"
    assert all("authorization" not in headers for headers in elsewhere.requests)
    assert sum("authorization" in headers for headers in relay.requests) == 2


async def test_the_token_goes_along_within_the_relay(relay: PretendRelay) -> None:
    relay.answers = [lambda: relay_again(relay)]
    async with listening(source(relay)) as events:
        await relay.until_listeners(1)
        relay.say("换了地址")
        await until(events, "换了地址")
    assert [headers["authorization"] for headers in relay.requests] == [f"Bearer {TOKEN}"] * 2


def relay_again(relay: PretendRelay) -> PlainTextResponse:
    relay.answers = []
    return PlainTextResponse("", 307, {"Location": "/stream"})


async def test_a_relay_cannot_send_us_into_a_private_network(relay: PretendRelay) -> None:
    async with PretendRelay.open() as inside:
        relay.redirect(f"{inside.base_url}/stream")
        with pytest.raises(PrivateAddress), anyio.fail_after(30):
            await source(relay, policy=AddressPolicy()).events(ROOM).__aenter__()
        assert inside.requests == []


@pytest.mark.parametrize("url", ["", "relay", "ftp://relay/x", "http://", "http://[::1", "//x"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ConfigError) as failure:
        RelaySource(url)
    assert failure.value.field == "HOSTCUE_RELAY_URL"


async def test_no_secret_reaches_a_log_line_or_an_error(
    relay: PretendRelay, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "of-the-query"
    with capture_logs() as logs:
        guarded = RelaySource(f"{relay.url}&access_token={secret}", token=TOKEN, policy=ANYWHERE)
        relay.refuse(403)
        with pytest.raises(AuthRequired) as failure, anyio.fail_after(30):
            await guarded.events(ROOM).__aenter__()
    ours = [r.getMessage() for r in caplog.records if r.name.startswith(("hostcue", "httpx2"))]
    said = f"{logs} {ours} {failure.value} {failure.value.remedy}"
    assert secret not in said
    assert TOKEN not in said
