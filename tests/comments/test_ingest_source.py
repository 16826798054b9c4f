"""Rooms whose comments somebody else collects."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio

from hostcue.comments.collector import Collector
from hostcue.comments.ingest import IngestSource
from hostcue.model.comment import Gap, LiveEvent
from hostcue.model.room import Room

ROOM = Room("douyin", "80017709309", "7576912345678901234", "https://live.douyin.com/1", "小满")


async def next_gap(events: AsyncIterator[LiveEvent]) -> Gap:
    with anyio.fail_after(30):
        event = await anext(events)
    assert isinstance(event, Gap)
    return event


async def test_a_room_waits_until_something_is_sent() -> None:
    source = IngestSource()
    async with source.events(ROOM) as events:
        waiting = await next_gap(events)
        assert (waiting.cause, waiting.end_ms) == ("ingest_waiting", None)
        source.heard("douyin", "of another room")
        source.heard("bilibili", ROOM.room_id)
        with anyio.move_on_after(0.05) as patience:
            await anext(events)
        assert patience.cancelled_caught


async def test_silence_is_a_gap_until_the_next_delivery() -> None:
    source = IngestSource(silence_s=0.1)
    async with source.events(ROOM) as events:
        await next_gap(events)
        source.heard(ROOM.platform, ROOM.room_id)
        assert (await next_gap(events)).end_ms is not None
        opened = await next_gap(events)
        assert (opened.cause, opened.end_ms) == ("ingest_silent", None)
        source.heard(ROOM.platform, ROOM.room_id)
        closed = await next_gap(events)
    assert closed.start_ms == opened.start_ms
    assert closed.end_ms is not None
    assert closed.end_ms >= closed.start_ms


async def test_the_states_are_waiting_live_and_waiting_for_more() -> None:
    source, states = IngestSource(silence_s=0.1), list[str]()
    collector = Collector(source, flush_s=0)
    noted = anyio.Event()

    async def note(_: list[LiveEvent]) -> None:
        nonlocal noted
        states.append(f"{collector.health.state} {collector.health.reason}".strip())
        noted.set()
        noted = anyio.Event()

    async with anyio.create_task_group() as tasks:

        async def run() -> None:
            await collector.run(ROOM, on_batch=note)

        with anyio.fail_after(30):
            tasks.start_soon(run)
            await noted.wait()
            source.heard(ROOM.platform, ROOM.room_id)
            await noted.wait()
            await noted.wait()
        tasks.cancel_scope.cancel()
    assert states[:3] == ["waiting ingest_waiting", "live", "reconnecting ingest_silent"]
