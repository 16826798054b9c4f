"""Every client sees all of its stream, or is told that it does not."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.events.hub import Hub, Wanted, everything
from hostcue.events.message import Message, as_batch, singly
from hostcue.events.stream import Replay, Rhythm, follow
from hostcue.events.traffic import Traffic
from hostcue.model.event import Event


def event(number: int | None, subject: str = "a") -> Event:
    return Event("recording", subject, "x", {"n": number}, number)


async def nothing_stored(_: int) -> list[Event]:
    return []


def stream(
    hub: Hub,
    *,
    wanted: Wanted = everything,
    resume: int | None = None,
    can_resume: bool = False,
    replay: Replay = nothing_stored,
    rhythm: Rhythm | None = None,
) -> AsyncGenerator[list[Message], None]:
    return follow(
        hub,
        "recording",
        wanted,
        resume=resume,
        can_resume=can_resume,
        replay=replay,
        rhythm=rhythm or Rhythm(rest_s=0),
    )


async def collect(messages: AsyncGenerator[list[Message], None], into: list[Event]) -> None:
    async with aclosing(messages):
        async for some in messages:
            into += [message.event for message in some]


async def until_listening(hub: Hub) -> None:
    with anyio.fail_after(30):
        while not hub.listeners:
            await anyio.lowlevel.checkpoint()
        await anyio.wait_all_tasks_blocked()


async def test_an_event_that_is_stored_and_live_comes_once() -> None:
    hub, got = Hub(), list[Event]()
    pages = [[event(1), event(2)], [event(3)], []]

    async def replay(_: int) -> list[Event]:
        if len(pages) == 2:
            hub.publish([event(3), event(4)])
        return pages.pop(0)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(collect, stream(hub, resume=0, can_resume=True, replay=replay), got)
            await until_listening(hub)
            hub.publish([event(5)])
            hub.close()
    assert [item.id for item in got] == [1, 2, 3, 4, 5]


async def test_a_replay_brings_only_what_is_wanted_and_still_comes_to_its_end() -> None:
    hub, got, asked = Hub(), list[Event](), list[int]()
    pages = [[event(1, "a"), event(2, "b")], [event(3, "b")], [event(4, "a")], []]

    async def replay(after: int) -> list[Event]:
        asked.append(after)
        return pages.pop(0)

    def wanted(one: Event) -> bool:
        return one.subject == "a"

    messages = stream(hub, wanted=wanted, resume=0, can_resume=True, replay=replay)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(collect, messages, got)
            await until_listening(hub)
            hub.close()
    assert [item.id for item in got] == [1, 4]
    assert asked == [0, 2, 3, 4]


async def test_a_client_that_asks_for_what_is_gone_gets_a_reset() -> None:
    hub, got = Hub(), list[Event]()
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(collect, stream(hub, resume=7), got)
            await until_listening(hub)
            hub.publish([event(3)])  # ids of a new data folder are lower than the client's
            hub.close()
    assert [item.type for item in got] == ["reset", "x"]


async def test_a_slow_client_is_cut_off_with_a_lag_event_and_harms_no_other() -> None:
    hub = Hub(queue_size=2)
    with hub.subscribe("recording") as quick, anyio.fail_after(30):
        async with aclosing(stream(hub)) as slow:
            first: list[Message] = []

            async def read_one() -> None:
                first.extend(await anext(slow))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read_one)
                await anyio.wait_all_tasks_blocked()
                hub.publish([event(1)])
            for number in range(2, 7):
                assert [message.event.id for message in quick.take()] == [number - 1]
                hub.publish([event(number)])
            rest = [message.event for some in [some async for some in slow] for message in some]
    assert [message.event.id for message in first] == [1]
    assert [item.type for item in rest] == ["x", "x", "lag"]


async def test_what_comes_after_a_silence_goes_out_at_once_and_the_rest_gathers() -> None:
    hub = Hub()
    async with aclosing(stream(hub, rhythm=Rhythm(3600, silence_s=7200))) as messages:
        sizes: list[int] = []

        async def read() -> None:
            sizes.append(len(await anext(messages)))

        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read)
                await until_listening(hub)
                hub.publish([event(1)])
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read)
                await anyio.wait_all_tasks_blocked()
                for number in range(2, 503):  # more than half of the queue does not wait longer
                    hub.publish([event(number)])
            assert sizes == [1, 501]
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read)
                await anyio.wait_all_tasks_blocked()
                hub.publish([event(600)])
                hub.close()  # a stop waits for no rest
        assert sizes == [1, 501, 1]


async def test_silence_is_broken_by_a_sign_of_life() -> None:
    async with aclosing(stream(Hub(), rhythm=Rhythm(silence_s=0.01))) as messages:
        with anyio.fail_after(30):
            assert await anext(messages) == []
            assert await anext(messages) == []


async def test_a_subject_gets_its_own_events_only() -> None:
    hub = Hub()

    def wanted(one: Event) -> bool:
        return one.subject == "a"

    with hub.subscribe("recording", wanted) as subscription, anyio.fail_after(30):
        hub.publish([event(1, "b"), event(2, "a"), Event("comments", "a", "chat", {}, 3)])
        hub.close()
        await subscription.arrival()
        assert [message.event for message in subscription.take()] == [event(2, "a")]


async def test_after_closing_every_new_stream_ends_at_once() -> None:
    hub = Hub()
    hub.close()
    with hub.subscribe("recording") as subscription, anyio.fail_after(30):
        await subscription.arrival()
        assert subscription.take() == []
        assert subscription.ending == "closed"
    assert hub.listeners == 0


async def test_all_clients_get_the_same_bytes_of_an_event() -> None:
    hub = Hub()
    with hub.subscribe("recording") as one, hub.subscribe("recording") as other:
        hub.publish([event(1)])
        (first,), (second,) = one.take(), other.take()
    assert first.single is second.single
    assert first.single == b'data: {"type":"x","data":{"n":1}}\nid: 1\n\n'


def test_a_batch_has_the_id_of_its_last_event_that_has_one() -> None:
    batch = as_batch([Message(event(4)), Message(event(5)), Message(event(None))])
    assert batch == (
        b'data: {"type":"batch","data":[{"type":"x","data":{"n":4},"id":4},'
        b'{"type":"x","data":{"n":5},"id":5},{"type":"x","data":{"n":null}}]}\nid: 5\n\n'
    )
    assert b"id:" not in as_batch([Message(event(None))])


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none(), max_size=4))
def test_whatever_an_event_holds_is_one_line_that_reads_back(data: dict[str, object]) -> None:
    one = Message(Event("comments", "a", "chat", data, 7))
    *lines, end, after = singly([one]).split(b"\n")
    assert (len(lines), end, after) == (2, b"", b"")
    assert b"\r" not in lines[0]
    assert json.loads(lines[0].removeprefix(b"data: ")) == {"type": "chat", "data": data}
    assert lines[1] == b"id: 7"
    assert json.loads(one.item) == {"type": "chat", "data": data, "id": 7}


@pytest.mark.parametrize("content", ["\ud83d", "half \udc00 a pair"])
def test_half_a_surrogate_pair_ends_no_stream(content: str) -> None:
    text = Message(Event("comments", "a", "chat", {"content": content})).single
    assert json.loads(text.removeprefix(b"data: "))["data"]["content"].replace("?", "") != content


def test_traffic_is_counted_by_subject_and_type_and_forgets_the_oldest() -> None:
    traffic = Traffic(remembered=2)
    for subject in ("a", "b", "a", "c"):
        traffic.count(
            [Event("comments", subject, "chat", {}), Event("comments", subject, "gap", {})]
        )
    assert traffic.of("a") == {}
    assert traffic.of("b") == {"chat": 1, "gap": 1}
    assert traffic.of("c") == {"chat": 1, "gap": 1}
