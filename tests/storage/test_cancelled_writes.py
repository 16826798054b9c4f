"""What is cancelled halfway must not break what comes after it."""

from __future__ import annotations

import asyncio
import random

import anyio

from hostcue.model.comment import Comment
from hostcue.model.event import Event
from hostcue.storage.comments import Comments
from hostcue.storage.database import Database


def comment(number: int) -> Comment:
    return Comment(str(number), "douyin", "r", "甲", "多少钱", number)


async def test_what_is_committed_is_announced_and_ids_stay_unique_whatever_is_cancelled(
    database: Database,
) -> None:
    heard: list[Event] = []
    database.on_commit(heard.extend)
    store = Comments(database)
    chance = random.Random(5)  # noqa: S311 - moments to cancel at, nothing secret
    for trial in range(60):
        with anyio.move_on_after(chance.uniform(0, 0.006)):
            await store.take([comment(1000 * trial + k) for k in range(20)])
        await store.take([comment(1000 * trial + 500)])
    stored = await store.after(None, 0, 10_000)
    assert len(stored) == len(heard)
    assert len({item.row_id for item in stored}) == len(stored)


async def test_a_cancelled_read_leaves_no_task_behind_that_a_stop_would_wait_for(
    database: Database,
) -> None:
    store = Comments(database)
    await store.take([comment(number) for number in range(200)])
    chance = random.Random(7)  # noqa: S311 - moments to cancel at, nothing secret
    before = asyncio.all_tasks()
    for _ in range(60):
        with anyio.move_on_after(chance.uniform(0, 0.003)):
            await store.get_comments_between("r", 0, 1000)
        assert asyncio.all_tasks() == before
