from __future__ import annotations

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.comments.backlog import Backlog
from hostcue.errors import TransportFailed
from hostcue.model.comment import Comment, CommentKind, Gap, LiveEvent, RoomStats, Tally


def event(number: int, kind: CommentKind = "chat") -> Comment:
    return Comment(
        id=str(number), platform="p", room_id="1", user="u", content="c", ts_ms=0, kind=kind
    )


def fill(backlog: Backlog, *events: LiveEvent) -> None:
    for each in events:
        backlog.put(each)


def ids(events: list[LiveEvent]) -> list[str]:
    return [event.id for event in events if isinstance(event, Comment)]


async def test_events_come_out_in_the_order_they_went_in() -> None:
    backlog = Backlog(10)
    kinds: list[CommentKind] = ["chat", "like", "chat", "enter", "gift"]
    events = [event(number, kind) for number, kind in enumerate(kinds)]
    fill(backlog, *events)
    backlog.close()
    assert [e async for e in backlog] == events


async def test_a_full_backlog_drops_the_oldest_likes_and_enters_first() -> None:
    backlog = Backlog(4)
    fill(backlog, event(1), event(2, "like"), event(3, "enter"), event(4, "gift"))
    fill(backlog, event(5), event(6))
    assert ids(backlog.rest()) == ["1", "4", "5", "6"]
    assert backlog.dropped == 2


async def test_a_new_like_is_dropped_when_nothing_older_may_be() -> None:
    backlog = Backlog(2)
    fill(backlog, event(1), event(2), event(3, "like"))
    assert ids(backlog.rest()) == ["1", "2"]
    assert backlog.dropped == 1


async def test_chat_is_kept_beyond_the_capacity_and_its_writer_never_waits() -> None:
    backlog = Backlog(1)
    fill(backlog, *(event(number) for number in range(1000)))
    assert len(backlog.rest()) == 1000
    assert backlog.dropped == 0


async def test_what_memory_has_no_room_for_is_a_gap_at_its_place() -> None:
    backlog = Backlog(2, most=3)
    fill(backlog, *(event(number) for number in range(6)))
    assert ids(await backlog.take(2, within_s=0)) == ["0", "1"]
    fill(backlog, event(6))
    kept, opened, closed, after = backlog.rest()
    assert ids([kept, after]) == ["2", "6"]
    assert isinstance(opened, Gap)
    assert isinstance(closed, Gap)
    assert (opened.cause, opened.end_ms) == ("overload", None)
    assert (closed.cause, closed.start_ms) == ("overload", opened.start_ms)
    assert closed.end_ms is not None


async def test_a_loss_is_one_gap_whatever_else_comes_meanwhile() -> None:
    backlog = Backlog(2, most=2)
    fill(backlog, event(0), event(1), event(2))
    for number in range(5):
        fill(backlog, RoomStats("1", number, 10, 10), event(number))
    backlog.close()
    gaps = [each for each in backlog.rest() if isinstance(each, Gap)]
    assert [gap.end_ms is None for gap in gaps] == [True, False]


async def test_a_loss_ends_with_the_broadcast() -> None:
    backlog = Backlog(2, most=1)
    fill(backlog, event(0), event(1))
    backlog.close()
    _, opened, closed = [e async for e in backlog]
    assert isinstance(opened, Gap)
    assert isinstance(closed, Gap)
    assert closed.end_ms is not None


async def test_what_is_no_comment_always_finds_room() -> None:
    backlog = Backlog(1, most=1)
    fill(backlog, event(0), Gap(1, "stalled"), Tally(repeated=1))
    assert len(backlog.rest()) == 3


async def test_a_batch_is_taken_as_soon_as_it_is_large_enough() -> None:
    backlog = Backlog(10)
    fill(backlog, event(1), event(2), event(3))
    with anyio.fail_after(30):
        assert len(await backlog.take(2, within_s=3600)) == 2


async def test_the_reader_gets_what_waits_and_then_the_error() -> None:
    backlog = Backlog(2)
    backlog.put(Gap(1, "connection_lost"))
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
def test_nothing_but_likes_and_enters_is_ever_lost(kinds: list[CommentKind], capacity: int) -> None:
    backlog = Backlog(capacity)
    events = [event(number, kind) for number, kind in enumerate(kinds)]
    fill(backlog, *events)
    taken = backlog.rest()
    kept = [e for e in taken if isinstance(e, Comment) and e.kind not in {"like", "enter"}]
    assert kept == [e for e in events if e.kind not in {"like", "enter"}]
    assert ids(taken) == sorted(ids(taken), key=int)
    assert len(taken) + backlog.dropped == len(events)
