"""Digests of stored windows, beside the window before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from ready_database import open_database

from hostcue.comments.digest import digest
from hostcue.model.comment import Comment, Gap
from hostcue.model.window import Window
from hostcue.pipeline.digests import Digests
from hostcue.storage.comments import Comments
from hostcue.storage.database import Database
from hostcue.storage.gaps import Gaps

WINDOW = Window(600_000, 900_000)


class Room:
    """A room's stored comments; `say` stores some and returns nothing."""

    def __init__(self, database: Database) -> None:
        self.comments = Comments(database)
        self.gaps = Gaps(database)
        self.digests = Digests(self.comments, self.gaps, digest)
        self._said = 0

    async def say(self, text: str, *, at_ms: int, times: int = 1) -> None:
        rows = [
            Comment(
                f"m{self._said + n}", "douyin", "r", "甲***", text, at_ms + n, viewer=f"{n:016x}"
            )
            for n in range(times)
        ]
        self._said += times
        await self.comments.take(rows)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with open_database(tmp_path / "hostcue.db") as database:
        yield Room(database)


async def test_the_trend_is_against_as_long_a_window_just_before(room: Room) -> None:
    await room.say("你好呀大家", at_ms=100_000)
    await room.say("多少钱", at_ms=400_000, times=4)
    await room.say("多少钱", at_ms=600_000, times=12)
    await room.say("多少钱", at_ms=900_000, times=3)
    found = await room.digests.of("r", WINDOW)
    (topic,) = found.digest.topics
    assert (topic.count, topic.askers, topic.before, topic.trend) == (12, 12, 4, "rising")
    assert (found.digest.per_min, found.digest.per_min_before) == (2.4, 0.8)
    assert (found.window, found.coverage) == (WINDOW, 1.0)


async def test_the_first_window_of_a_room_has_no_trend(room: Room) -> None:
    await room.say("多少钱", at_ms=600_000, times=3)
    (topic,) = (await room.digests.of("r", WINDOW)).digest.topics
    assert (topic.before, topic.trend) == (None, None)


async def test_what_was_listened_to_for_a_part_is_compared_for_that_part(room: Room) -> None:
    await room.say("多少钱", at_ms=480_000, times=8)  # the room was joined then: 120 s of 300 s
    await room.say("多少钱", at_ms=600_000, times=20)
    found = await room.digests.of("r", WINDOW)
    assert found.digest.topics[0].trend == "steady"
    assert (found.digest.per_min, found.digest.per_min_before) == (4.0, 4.0)


async def test_gaps_do_not_look_like_silence(room: Room) -> None:
    await room.comments.gap("douyin", "r", Gap(750_000, "stalled", 900_000))
    await room.say("多少钱", at_ms=600_000, times=10)
    found = await room.digests.of("r", WINDOW, "douyin")
    assert (found.coverage, found.digest.per_min) == (0.5, 4.0)


async def test_a_window_in_which_nothing_was_received_has_no_pace(room: Room) -> None:
    await room.comments.gap("douyin", "r", Gap(0, "stalled"))
    found = await room.digests.of("r", WINDOW, "douyin")
    assert (found.digest.total, found.digest.per_min, found.coverage) == (0, None, 0.0)


async def test_of_too_many_comments_the_window_ends_where_reading_ended(room: Room) -> None:
    await room.say("多少钱", at_ms=600_000, times=30)
    found = await Digests(room.comments, room.gaps, digest, most=20).of("r", WINDOW)
    assert (found.digest.total, found.window.end_ms) == (20, 600_020)


async def test_a_room_nobody_knows_has_an_empty_digest(room: Room) -> None:
    found = await room.digests.of("elsewhere", WINDOW)
    assert (found.digest.total, found.digest.topics) == (0, ())
