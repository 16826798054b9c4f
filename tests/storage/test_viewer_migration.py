"""What becomes of names that an earlier release kept whole."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config

from hostcue.storage import migrations
from hostcue.storage.comment_minutes import CommentMinutes
from hostcue.storage.comments import Comments
from hostcue.storage.database import Database


def at_revision(path: Path, revision: str, *, down: bool = False) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("sqlalchemy.url", f"sqlite:///{path}")
    (command.downgrade if down else command.upgrade)(config, revision)


def fill(path: Path) -> None:
    rows = [
        (1, "m1", "爱逛街的猫", '{"user_id":"98765","level":"3"}', "chat"),
        (2, "m2", "", "{}", "chat"),
        (3, "m3", "薛***", '{"user_id":"111111"}', "follow"),
        (4, "m4", "甲", '{"user_id":"7","count":"3","diamonds":"30"}', "gift"),
    ]
    with sqlite3.connect(path) as connection:
        connection.executemany(
            "INSERT INTO comments VALUES (?, ?, ?, '多少钱', 60000, 'r', 'douyin', ?, ?, 61000)",
            rows,
        )
    connection.close()


async def test_old_names_are_masked_ids_go_and_minutes_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "hostcue.db"
    at_revision(path, "0004")
    fill(path)
    async with Database.open(f"sqlite:///{path}") as database:
        stored = await Comments(database).get_comments_between("r", 0, 10**9)
        (minute,) = await CommentMinutes(database).between("r", 0, 10**9)
    assert [item.comment.user for item in stored] == ["爱***", "", "薛***", "甲***"]
    assert [dict(item.comment.metadata) for item in stored] == [
        {"level": "3"},
        {},
        {},
        {"count": "3", "diamonds": "30"},
    ]
    assert {item.comment.viewer for item in stored} == {""}
    assert (minute.chats, minute.follows, minute.gifts, minute.diamonds) == (2, 1, 3, 30)
    assert minute.viewers == 0
    assert b"98765" not in path.read_bytes()


def test_it_can_be_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "hostcue.db"
    at_revision(path, "0004")
    fill(path)
    at_revision(path, "head")
    at_revision(path, "0004", down=True)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM comments").fetchone() == (4,)
    connection.close()


async def test_what_a_collector_told_of_who_wrote_goes_too(tmp_path: Path) -> None:
    path = tmp_path / "hostcue.db"
    at_revision(path, "0004")
    told = '{"sec_uid":"MS4wLjAB","nickName":"爱逛街的猫","a \\"b\\"":"1","diamonds":"-9"}'
    rows = [
        (1, "m1", "爱逛街的猫", "爱逛街的猫 送出了小心心", told, "gift"),
        (2, "m2", "爱逛街的猫", "爱逛街的猫是谁", "{}", "chat"),
    ]
    with sqlite3.connect(path) as connection:
        connection.executemany(
            "INSERT INTO comments VALUES (?, ?, ?, ?, 60000, 'r', 'douyin', ?, ?, 61000)", rows
        )
    connection.close()
    async with Database.open(f"sqlite:///{path}") as database:
        gift, chat = await Comments(database).get_comments_between("r", 0, 10**9)
        (minute,) = await CommentMinutes(database).between("r", 0, 10**9)
    assert gift.comment.content == "爱*** 送出了小心心"
    assert gift.comment.metadata == {'a "b"': "1", "diamonds": "-9"}
    assert chat.comment.content == "爱逛街的猫是谁"
    assert minute.diamonds == 0
    assert b"MS4wLjAB" not in path.read_bytes()
