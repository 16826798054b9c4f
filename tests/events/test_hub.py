"""Every client sees all of its stream, or is told that it does not."""

from __future__ import annotations

import anyio

from hostcue.events.hub import Hub, everything
from hostcue.events.stream import follow
from hostcue.model.event import Event


def event(number: int | None, subject: str = "a") -> Event:
    return Event("recording", subject, "x", {"n": number}, number)


async def nothing_stored(_: int) -> list[Event]:
    return []


async def collect(hub: Hub, into: list[Event], *, started: anyio.Event, **options: object) -> None:
    defaults: dict[str, object] = {"resume": None, "can_resume": False, "replay": nothing_stored}
    stream = follow(hub, "recording", everything, **(defaults | options))  # type: ignore[arg-type] # test shorthand
    async for item in stream:
        into.append(item)
        started.set()


async def test_an_event_that_is_stored_and_live_comes_once() -> None:
    hub, got, started = Hub(), list[Event](), anyio.Event()
    pages = [[event(1), event(2)], [event(3)], []]

    async def replay(after: int) -> list[Event]:
        if len(pages) == 2:
            hub.publish([event(3), event(4)])
        return pages.pop(0)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:

            async def run() -> None:
                await collect(hub, got, started=started, resume=0, can_resume=True, replay=replay)

            tasks.start_soon(run)
            await started.wait()
            await anyio.wait_all_tasks_blocked()
            hub.publish([event(5)])
            hub.close()
    assert [item.id for item in got] == [1, 2, 3, 4, 5]


async def test_a_client_that_asks_for_what_is_gone_gets_a_reset() -> None:
    hub, got, started = Hub(), list[Event](), anyio.Event()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:

            async def run() -> None:
                await collect(hub, got, started=started, resume=7, can_resume=False)

            tasks.start_soon(run)
            await started.wait()
            await anyio.wait_all_tasks_blocked()
            hub.publish([event(3)])  # ids of a new data folder are lower than the client's
            hub.close()
    assert [item.type for item in got] == ["reset", "x"]


async def test_a_slow_client_is_cut_off_with_a_lag_event_and_harms_no_other() -> None:
    hub = Hub(queue_size=2)
    slow = follow(
        hub, "recording", everything, resume=None, can_resume=False, replay=nothing_stored
    )
    with hub.subscribe("recording") as quick, anyio.fail_after(5):
        hub.publish([event(0)])
        assert await quick.next() == event(0)
        async with anyio.create_task_group() as tasks:
            first: list[Event] = []

            async def read_one() -> None:
                first.append(await anext(slow))

            tasks.start_soon(read_one)
            await anyio.wait_all_tasks_blocked()
            hub.publish([event(1)])
        assert await quick.next() == event(1)
        for number in range(2, 7):
            hub.publish([event(number)])
            assert await quick.next() == event(number)
        rest = [item async for item in slow]
    assert [item.id for item in first] == [1]
    assert [item.type for item in rest] == ["x", "x", "lag"]


async def test_a_subject_gets_its_own_events_only() -> None:
    hub = Hub()
    with hub.subscribe("recording", "a".__eq__) as subscription, anyio.fail_after(5):
        hub.publish([event(1, "b"), event(2, "a"), Event("comments", "a", "chat", {}, 3)])
        hub.close()
        assert await subscription.next() == event(2, "a")
        assert await subscription.next() is None


async def test_after_closing_every_new_stream_ends_at_once() -> None:
    hub = Hub()
    hub.close()
    with hub.subscribe("recording") as subscription, anyio.fail_after(5):
        assert await subscription.next() is None
        assert subscription.ending == "closed"
    assert hub.listeners == 0
