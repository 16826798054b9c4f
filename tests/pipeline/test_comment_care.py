"""Old comments go where the operator said so, and a viewer's when the viewer wants it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from ready_database import open_database

from hostcue.comments.pseudonyms import Pseudonyms
from hostcue.model.clock import now_ms
from hostcue.model.comment import Comment
from hostcue.model.utterance import Utterance
from hostcue.pipeline.comment_care import CommentCare
from hostcue.storage.comment_minutes import CommentMinutes
from hostcue.storage.comments import Comments
from hostcue.storage.database import Database
from hostcue.storage.utterances import Utterances

DAY_MS = 24 * 3600 * 1000


@dataclass
class House:
    database: Database
    comments: Comments
    pseudonyms: Pseudonyms

    def care(self, keep_days: float | None = None) -> CommentCare:
        utterances = Utterances(self.database)
        return CommentCare(
            self.comments, utterances, self.pseudonyms, keep_days=keep_days, batch=3, pause_s=0
        )

    async def store(self, *numbers: int, viewer: str = "", days_ago: float = 0) -> None:
        comments = [
            Comment(f"m{n}", "douyin", f"r{n % 2}", "甲", f"t{n}", 60_000, viewer=viewer)
            for n in numbers
        ]
        stored = await self.comments.take([self.pseudonyms.veil(item) for item in comments])
        async with self.database.write() as tx:
            await tx.connection.exec_driver_sql(
                "UPDATE comments SET received_at = ? WHERE row_id = ?",
                [(now_ms() - round(days_ago * DAY_MS), item.row_id) for item in stored],
            )

    async def left(self) -> list[str]:
        return [item.comment.id for item in await self.comments.after(None, 0, 1000)]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_database(tmp_path / "a.db") as database:
        yield House(database, Comments(database), Pseudonyms(b"key"))


async def test_nothing_is_too_old_unless_the_operator_says_so(house: House) -> None:
    await house.store(*range(5), days_ago=4000)
    assert await house.care().drop_old() == 0
    assert len(await house.left()) == 5


async def test_what_is_older_than_it_is_kept_goes_and_its_minutes_stay(house: House) -> None:
    await house.store(*range(10), days_ago=8)
    await house.store(*range(10, 14), days_ago=6)
    assert await house.care(keep_days=7).drop_old() == 10
    assert await house.left() == [f"m{n}" for n in range(10, 14)]
    (minute,) = await CommentMinutes(house.database).between("r0", 0, 10**9)
    assert minute.chats == 7


async def test_what_the_host_said_goes_like_comments(house: House) -> None:
    said, now = Utterances(house.database), now_ms()
    await said.add([Utterance(f"u{n}", "r", n, n + 1, "好") for n in range(7)])
    async with house.database.write() as tx:
        await tx.connection.exec_driver_sql("UPDATE utterances SET created_at = 0")
    await said.add([Utterance("new", "r", 8, 9, "好"), Utterance("late", "r", now - 9, now, "好")])
    last_id = house.database.last_id
    assert await house.care().drop_old() == 0
    assert await house.care(keep_days=7).drop_old() == 7
    assert [one.id for one in await said.between("r", 0, now + 1)] == ["new", "late"]
    assert house.database.last_id == last_id


async def test_a_viewer_s_comments_go_from_all_rooms_and_only_those(house: House) -> None:
    await house.store(*range(10), viewer="98765")
    await house.store(10, 11, viewer="5")
    await house.store(12, 13, viewer="111111")
    assert await house.care().erase_user("douyin", "98765") == 10
    assert await house.care().erase_user("douyin", "111111") == 0
    assert await house.left() == ["m10", "m11", "m12", "m13"]
    assert await house.care().erase(house.pseudonyms.viewer_of("douyin", "5")) == 2
    assert await house.care().erase("") == 0
    assert await house.left() == ["m12", "m13"]


async def test_an_erased_comment_is_gone_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "b.db"
    async with open_database(path) as database:
        store = Comments(database)
        await store.take(
            [Comment("m", "douyin", "r", "甲", "a word to forget", 1, viewer="ab" * 8)]
        )
        care = CommentCare(store, Utterances(database), Pseudonyms(b"key"))
        assert await care.erase("ab" * 8) == 1
    assert b"a word to forget" not in path.read_bytes()


async def test_comments_are_stored_while_old_ones_go(house: House) -> None:
    await house.store(*range(60), days_ago=9)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(house.care(keep_days=7).drop_old)
        for number in range(100, 120):
            await house.store(number)
    assert await house.left() == [f"m{n}" for n in range(100, 120)]


async def test_what_is_erased_is_in_no_file_of_the_database_while_it_is_open(
    house: House, tmp_path: Path
) -> None:
    key = house.pseudonyms.viewer_of("douyin", "98765")
    comment = Comment("m1", "douyin", "r", "甲", "written-and-erased", 60_000, viewer="98765")
    await house.comments.take([house.pseudonyms.veil(comment)])
    assert any(b"written-and-erased" in path.read_bytes() for path in tmp_path.iterdir())
    assert await house.care().erase(key) == 1
    assert not any(b"written-and-erased" in path.read_bytes() for path in tmp_path.iterdir())
    await house.store(2)
    assert await house.left() == ["m2"]
