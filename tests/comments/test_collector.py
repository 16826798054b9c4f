from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import TaskStatus

from hostcue.comments.backlog import Backlog
from hostcue.comments.collector import Collector
from hostcue.comments.douyin.client import DouyinComments
from hostcue.comments.douyin.places import Places
from hostcue.comments.douyin.websocket import WebsocketWay
from hostcue.errors import Blocked, HostcueError, TransportFailed
from hostcue.model.clock import now_ms
from hostcue.model.comment import Comment, CommentKind, Gap, LiveEvent
from hostcue.model.room import DEFAULT_ACCESS, Access, Room
from hostcue.platforms.douyin.webs import DouyinWebs
from hostcue.sim.douyin import DouyinFace

ROOM = Room(platform="fake", live_id="1", room_id="1", url="http://127.0.0.1", anchor_name="a")


def event(number: int, kind: CommentKind = "chat", *, age_ms: int = 0) -> Comment:
    return Comment(
        id=str(number),
        platform="fake",
        room_id="1",
        user="u",
        content=f"第 {number} 条",
        ts_ms=now_ms() - age_ms,
        kind=kind,
    )


class FakeComments:
    """A source that yields what a test sends it, and ends or fails when told to."""

    def __init__(self) -> None:
        self.refuses: HostcueError | None = None
        self.fails: HostcueError | None = None
        self.send, self.receive = anyio.create_memory_object_stream[LiveEvent](10_000)

    @asynccontextmanager
    async def events(
        self, room: Room, access: Access = DEFAULT_ACCESS
    ) -> AsyncGenerator[AsyncIterator[LiveEvent]]:
        if self.refuses:
            raise self.refuses
        yield self._events()

    async def _events(self) -> AsyncIterator[LiveEvent]:
        async for event in self.receive:
            yield event
        if self.fails:
            raise self.fails


@pytest.fixture
def source() -> Iterator[FakeComments]:
    source = FakeComments()
    with source.send, source.receive:
        yield source


class Store:
    """Takes batches; fails as often as it is told to."""

    def __init__(self, *, failures: int = 0) -> None:
        self.failures = failures
        self.batches: list[list[LiveEvent]] = []
        self.tried = 0
        self._changed = anyio.Event()

    async def take(self, batch: list[LiveEvent]) -> None:
        self.tried += 1
        if self.failures < self.tried:
            self.batches.append(list(batch))
        changed, self._changed = self._changed, anyio.Event()
        changed.set()
        if self.failures >= self.tried:
            raise OSError("database is locked")

    async def until(self, holds: Callable[[], bool]) -> None:
        with anyio.fail_after(30):
            while not holds():
                await self._changed.wait()

    @property
    def ids(self) -> list[str]:
        return [e.id for batch in self.batches for e in batch if isinstance(e, Comment)]


async def test_a_rooms_comments_reach_the_store_in_order_and_once(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    douyin = DouyinComments(
        webs, (WebsocketWay(push_url=face.push_url),), places=Places(gap_s=0), backoff_s=(0, 0)
    )
    collector, store = Collector(douyin, flush_s=0.01), Store()

    async def run(*, task_status: TaskStatus[None]) -> None:
        await collector.run(room, on_batch=store.take, task_status=task_status)

    said: list[int] = []
    states = [collector.health.state]
    async with anyio.create_task_group() as tasks:
        await tasks.start(run)
        states.append(collector.health.state)
        said += [face.say(f"第 {number} 条") for number in range(50)]
        await store.until(lambda: len(store.ids) == 50)
        face.drop_line()
        await face.until(lambda: face.connections >= 2)
        said += [face.say(f"再 {number}") for number in range(50)]
        face.end()
    states.append(collector.health.state)
    assert store.ids == [str(number) for number in said]
    assert states == ["connecting", "live", "ended"]
    assert collector.health.reconnects == 1


async def test_a_batch_is_handed_on_when_it_is_full(source: FakeComments) -> None:
    store = Store()
    collector = Collector(source, flush_s=3600, batch_size=3)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: collector.run(ROOM, on_batch=store.take))
        for number in range(7):
            await source.send.send(event(number))
        await store.until(lambda: store.tried == 2)
        assert [len(batch) for batch in store.batches] == [3, 3]
        source.send.close()
    assert [len(batch) for batch in store.batches] == [3, 3, 1]


async def test_a_batch_is_handed_on_when_its_time_is_up(source: FakeComments) -> None:
    store = Store()
    async with anyio.create_task_group() as tasks:
        collector = Collector(source, flush_s=0.02)
        tasks.start_soon(lambda: collector.run(ROOM, on_batch=store.take))
        await source.send.send(event(1))
        await store.until(lambda: store.tried == 1)
        source.send.close()
    assert store.ids == ["1"]


async def test_a_store_that_fails_gets_the_batch_again_and_the_later_ones_after_it(
    source: FakeComments,
) -> None:
    store = Store(failures=3)
    collector = Collector(source, batch_size=2, retry_s=(0.0, 0.0))
    for number in range(20):
        source.send.send_nowait(event(number))
    source.send.close()
    await collector.run(ROOM, on_batch=store.take)
    assert store.ids == [str(number) for number in range(20)]
    assert "database is locked" in collector.health.last_error


async def test_while_the_store_fails_likes_make_room_for_chat_and_are_counted(
    source: FakeComments,
) -> None:
    store = Store(failures=1)
    collector = Collector(
        source, flush_s=0.0, batch_size=1, backlog=Backlog(4), retry_s=(3600.0, 3600.0)
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: collector.run(ROOM, on_batch=store.take))
        await source.send.send(event(0))
        await store.until(lambda: store.tried == 1)
        for number in range(1, 5):
            await source.send.send(event(number, "like"))
        for number in range(5, 9):
            await source.send.send(event(number))
        await anyio.wait_all_tasks_blocked()
        assert collector.health.dropped == 4
        tasks.cancel_scope.cancel()
    assert store.ids == ["0", "5", "6", "7", "8"]


async def test_whoever_stops_a_collector_gets_the_last_comments_first(source: FakeComments) -> None:
    store = Store()
    collector = Collector(source, flush_s=3600)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: collector.run(ROOM, on_batch=store.take))
        await source.send.send(event(1))
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert store.ids == ["1"]


async def test_what_was_taken_is_not_handed_on_again_at_the_end(source: FakeComments) -> None:
    store = Store()
    async with anyio.create_task_group() as tasks:
        collector = Collector(source, flush_s=0)
        tasks.start_soon(lambda: collector.run(ROOM, on_batch=store.take))
        await source.send.send(event(1, "like"))
        await store.until(lambda: store.tried == 1)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert store.ids == ["1"]


async def test_the_sources_error_is_raised_after_what_came_before_it_is_handed_on(
    source: FakeComments,
) -> None:
    store = Store()
    source.fails = Blocked("refused", remedy="set DOUYIN_COOKIE")
    collector = Collector(source, flush_s=3600)
    await source.send.send(event(1))
    source.send.close()
    with pytest.raises(Blocked):
        await collector.run(ROOM, on_batch=store.take)
    assert store.ids == ["1"]
    assert (collector.health.state, collector.health.reason) == ("failed", "risk_control")
    assert collector.health.last_error == "refused"


async def test_a_source_that_cannot_connect_fails_the_start(source: FakeComments) -> None:
    source.refuses = TransportFailed("no route")
    with pytest.raises(TransportFailed):
        await Collector(source).run(ROOM, on_batch=Store().take)


async def test_health_tells_of_gaps_rate_and_lag(source: FakeComments) -> None:
    store = Store()
    collector = Collector(source, flush_s=0.0)
    assert collector.health.last_message_age_ms is None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: collector.run(ROOM, on_batch=store.take))
        for number in range(5):
            await source.send.send(event(number, age_ms=2000))
        await source.send.send(Gap(1, "stalled"))
        await anyio.wait_all_tasks_blocked()
        outage = collector.health
        await source.send.send(Gap(1, "stalled", 2))
        await anyio.wait_all_tasks_blocked()
        mended = collector.health
        source.send.close()
    assert (outage.state, outage.reason, outage.reconnects) == ("reconnecting", "stalled", 0)
    assert (mended.state, mended.reason, mended.reconnects) == ("live", "", 1)
    assert mended.messages_per_min == 5
    assert mended.lag_ms is not None
    assert 2000 <= mended.lag_ms < 4000
    assert mended.last_message_age_ms is not None
