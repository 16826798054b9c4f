from __future__ import annotations

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.comments.backlog import Backlog
from hostcue.errors import TransportFailed
from hostcue.model.comment import Comment, CommentKind, Gap


def event(number: int, kind: CommentKind = "chat") -> Comment:
    return Comment(
        id=str(number), platform="p", room_id="1", user="u", content="c", ts_ms=0, kind=kind
    )


async def fill(backlog: Backlog, *events: Comment) -> None:
    for each in events:
        await backlog.put(each)


async def test_events_come_out_in_the_order_they_went_in() -> None:
    backlog = Backlog(10)
    await fill(backlog, *(event(number) for number in range(5)))
    backlog.close()
    assert [e async for e in backlog] == [event(number) for number in range(5)]


async def test_a_full_backlog_drops_the_oldest_likes_and_enters_first() -> None:
    backlog = Backlog(4)
    await fill(backlog, event(1), event(2, "like"), event(3, "enter"), event(4, "gift"))
    await fill(backlog, event(5), event(6))
    assert [e.id for e in backlog.rest() if isinstance(e, Comment)] == ["1", "4", "5", "6"]
    assert backlog.dropped == 2


async def test_a_new_like_is_dropped_when_nothing_older_may_be() -> None:
    backlog = Backlog(2)
    await fill(backlog, event(1), event(2), event(3, "like"))
    assert [e.id for e in backlog.rest() if isinstance(e, Comment)] == ["1", "2"]
    assert backlog.dropped == 1


async def test_a_backlog_full_of_chat_makes_the_writer_wait() -> None:
    backlog = Backlog(1)
    await backlog.put(event(1))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(backlog.put, event(2))
        await anyio.wait_all_tasks_blocked()
        assert await backlog.take(5, within_s=0) == [event(1)]
    assert await backlog.take(5, within_s=0) == [event(2)]
    assert backlog.dropped == 0


async def test_a_batch_is_taken_as_soon_as_it_is_large_enough() -> None:
    backlog = Backlog(10)
    await fill(backlog, event(1), event(2), event(3))
    with anyio.fail_after(5):
        assert len(await backlog.take(2, within_s=3600)) == 2


async def test_a_batch_larger_than_the_backlog_is_not_waited_for() -> None:
    backlog = Backlog(2)
    await fill(backlog, event(1), event(2))
    with anyio.fail_after(5):
        assert len(await backlog.take(100, within_s=3600)) == 2


async def test_the_reader_gets_what_waits_and_then_the_error() -> None:
    backlog = Backlog(2)
    await backlog.put(Gap(1, "connection_lost"))
    backlog.close(TransportFailed("gone"))
    assert await anext(backlog) == Gap(1, "connection_lost")
    with pytest.raises(TransportFailed):
        await anext(backlog)


async def test_a_closed_and_drained_backlog_gives_an_empty_batch() -> None:
    backlog = Backlog(2)
    backlog.close()
    assert await backlog.take(5, within_s=3600) == []


@given(
    kinds=st.lists(st.sampled_from(["chat", "gift", "like", "enter", "follow"])),
    capacity=st.integers(1, 8),
)
async def test_nothing_but_likes_and_enters_is_ever_lost(
    kinds: list[CommentKind], capacity: int
) -> None:
    backlog = Backlog(capacity)
    events = [event(number, kind) for number, kind in enumerate(kinds)]

    async def write() -> None:
        await fill(backlog, *events)
        backlog.close()

    taken: list[object] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        await anyio.wait_all_tasks_blocked()
        while batch := await backlog.take(3, within_s=0):
            taken += batch
    kept = [e for e in taken if isinstance(e, Comment) and e.kind not in {"like", "enter"}]
    assert kept == [e for e in events if e.kind not in {"like", "enter"}]
    assert len(taken) + backlog.dropped == len(events)
