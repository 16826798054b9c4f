"""What becomes of speech that an earlier release stored."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config

from hostcue.model.utterance import Utterance
from hostcue.storage import migrations
from hostcue.storage.analyses import Analyses
from hostcue.storage.database import Database
from hostcue.storage.utterances import Utterances


def at_revision(path: Path, revision: str, *, down: bool = False) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("sqlalchemy.url", f"sqlite:///{path}")
    (command.downgrade if down else command.upgrade)(config, revision)


def fill(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO utterances VALUES ('r', 'u1', 1000, 2000, '上链接')")
        connection.execute(
            "INSERT INTO analyses VALUES ('rec', 0, 0, 'done', 1, 'ai', 'm', 'v2', '', 1, 2, 3, 4,"
            " 5, 6, 0.5, 7, 8)"
        )
    connection.close()


async def test_older_speech_was_sent_and_is_read_as_before(tmp_path: Path) -> None:
    path = tmp_path / "hostcue.db"
    at_revision(path, "0005")
    fill(path)
    async with Database.open(f"sqlite:///{path}") as database:
        utterances = Utterances(database)
        assert await utterances.between("r", 0, 10_000) == [
            Utterance("u1", "r", 1000, 2000, "上链接", source="sent")
        ]
        assert await utterances.after(None, 0, 10) == []  # nobody was told of it by an event
        analysis = await Analyses(database).get("rec", 0)
    assert analysis is not None
    assert (analysis.comment_coverage, analysis.speech_coverage) == (0.5, None)


def test_it_can_be_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "hostcue.db"
    at_revision(path, "0005")
    fill(path)
    at_revision(path, "head")
    at_revision(path, "0005", down=True)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT * FROM utterances").fetchall() == [
            ("r", "u1", 1000, 2000, "上链接")
        ]
    connection.close()
