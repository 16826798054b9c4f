"""What happened in each minute, counted once."""

from __future__ import annotations

from hashlib import sha256

import pytest

from hostcue.errors import StorageFailed
from hostcue.model.comment import Comment, CommentKind, RoomStats
from hostcue.storage import viewer_sketch
from hostcue.storage.comment_minutes import CommentMinute, CommentMinutes
from hostcue.storage.comments import Comments
from hostcue.storage.database import Database


def key_of(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()[:16]


def event(
    number: int, kind: CommentKind = "chat", ts: int = 60_000, viewer: str = "", **metadata: str
) -> Comment:
    return Comment(f"m{number}", "douyin", "r", "", "", ts, kind, metadata, viewer)


async def minutes_of(database: Database) -> list[CommentMinute]:
    return await CommentMinutes(database).between("r", 0, 10**9)


async def test_each_kind_is_counted_to_the_minute_it_was_sent_in(database: Database) -> None:
    await Comments(database).take(
        [
            event(1, ts=119_999, viewer=key_of(1)),
            event(2, ts=120_000, viewer=key_of(1)),
            event(3, "like", count="7", viewer=key_of(2)),
            event(4, "enter", viewer=key_of(3)),
            event(5, "gift", count="3", diamonds="30", viewer=key_of(1)),
            event(6, "follow"),
            event(7, form="hot", count="90"),
            RoomStats("r", 70_000, 500, 900),
            RoomStats("r", 90_000, 400, 950),
        ]
    )
    first, second = await minutes_of(database)
    assert first == CommentMinute(60_000, 1, 7, 1, 1, 3, 30, 3, 400, 500, 950)
    assert second == CommentMinute(120_000, 1, 0, 0, 0, 0, 0, 1, None, None, None)


async def test_a_batch_given_again_counts_once(database: Database) -> None:
    store = Comments(database)
    batch = [event(1), event(2, "like", count="5"), event(2, "like", count="5"), event(3, "enter")]
    await store.take(batch)
    await store.take([*batch, event(4, "like")])
    (minute,) = await minutes_of(database)
    assert (minute.chats, minute.likes, minute.enters) == (1, 6, 1)


async def test_a_batch_that_failed_counts_when_it_is_given_again(database: Database) -> None:
    store = Comments(database)
    async with database.write() as tx:
        await tx.connection.exec_driver_sql("ALTER TABLE comment_minutes RENAME TO away")
    with pytest.raises(StorageFailed):
        await store.take([event(1, viewer=key_of(1)), event(2, "like", count="5")])
    async with database.write() as tx:
        await tx.connection.exec_driver_sql("ALTER TABLE away RENAME TO comment_minutes")
    assert len(await store.take([event(1, viewer=key_of(1)), event(2, "like", count="5")])) == 1
    (minute,) = await minutes_of(database)
    assert (minute.chats, minute.likes, minute.viewers) == (1, 5, 1)


async def test_viewers_are_told_apart_across_restarts(database: Database) -> None:
    await Comments(database).take([event(1, viewer=key_of(1)), event(2, viewer=key_of(2))])
    await Comments(database).take([event(3, viewer=key_of(2)), event(4, viewer=key_of(3))])
    (minute,) = await minutes_of(database)
    assert minute.viewers == 3


async def test_late_numbers_do_not_replace_newer_ones(database: Database) -> None:
    store = Comments(database)
    await store.take([RoomStats("r", 80_000, 300, 900)])
    await store.take([RoomStats("r", 70_000, 350, 800), event(1)])
    (minute,) = await minutes_of(database)
    assert (minute.online, minute.online_peak, minute.came) == (300, 350, 900)


async def test_no_count_from_outside_breaks_the_store(database: Database) -> None:
    wild = ("9" * 5000, "-3", "x", "", "²")
    await Comments(database).take(
        [event(n, "gift", count=text, diamonds=text) for n, text in enumerate(wild)]
    )
    (minute,) = await minutes_of(database)
    assert minute.gifts == 10**9 + 4
    assert minute.diamonds == 10**9


def test_thousands_of_viewers_are_counted_within_a_few_percent() -> None:
    for count in (0, 1, 3, 100, 5_000, 200_000):
        sketch = viewer_sketch.sketch_of(b"")
        viewer_sketch.note(sketch, map(key_of, range(count)))
        again = viewer_sketch.sketch_of(viewer_sketch.packed(sketch))
        assert viewer_sketch.estimate(again) == pytest.approx(count, rel=0.08)


async def test_how_many_came_is_not_known_where_the_platform_does_not_tell(
    database: Database,
) -> None:
    await Comments(database).take([RoomStats("r", 70_000, 42, 0)])
    (minute,) = await CommentMinutes(database).between("r", 0, 10**9)
    assert (minute.online, minute.came) == (42, None)
