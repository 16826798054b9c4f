"""The file: made, upgraded, refused, and one sequence of ids."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from hostcue.errors import ConfigError, StorageFailed
from hostcue.model.event import Event
from hostcue.storage import migrations, tables
from hostcue.storage.database import Database, sqlite_path
from hostcue.storage.lock import sole_owner
from hostcue.storage.migrations.run import upgrade
from hostcue.storage.vault import Vault


def test_the_revisions_lead_to_the_tables_in_the_code(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    upgrade(path)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, tables.metadata) == []
    engine.dispose()


def test_head_names_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.HEAD]


async def test_a_file_of_a_newer_hostcue_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hostcue.db"
    upgrade(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(ConfigError, match="does not fit this hostcue"):
        async with Database.open(f"sqlite:///{path}"):
            pass


@pytest.mark.parametrize("url", ["postgresql://host/db", "sqlite://", "sqlite:///:memory:"])
def test_another_database_is_refused_with_the_variable_named(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        sqlite_path(url)
    assert caught.value.field == "HOSTCUE_DATABASE_URL"


async def test_a_transaction_that_fails_announces_nothing(database: Database) -> None:
    heard: list[Event] = []
    database.on_commit(heard.extend)
    with pytest.raises(ZeroDivisionError):
        async with database.write() as tx:
            await tx.announce("recording", "r1", "recording_state", {})
            raise ZeroDivisionError
    assert heard == []
    async with database.write() as tx:
        await tx.announce("recording", "r1", "recording_state", {"state": "recording"})
    assert [event.type for event in heard] == ["recording_state"]


async def test_ids_go_on_after_a_restart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hostcue.db'}"
    async with Database.open(url) as database, database.write() as tx:
        await tx.announce("recording", "r1", "x", {})
        first = tx.last_id
    async with Database.open(url) as database, database.write() as tx:
        assert tx.next_id() == first + 1


async def test_a_database_error_is_ours_and_says_what_to_look_at(database: Database) -> None:
    with pytest.raises(StorageFailed) as caught:
        async with database.write() as tx:
            await tx.connection.exec_driver_sql("INSERT INTO nowhere VALUES (1)")
    assert "nowhere" in caught.value.message
    assert caught.value.remedy


def test_a_data_folder_has_one_owner(tmp_path: Path) -> None:
    with (
        sole_owner(tmp_path),
        pytest.raises(ConfigError, match="another hostcue"),
        sole_owner(tmp_path),
    ):
        pass
    with sole_owner(tmp_path):
        pass


def test_a_vault_opens_what_it_sealed_and_its_key_is_private(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    sealed = Vault.at(file).seal("https://host/a?sign=1")
    assert b"sign" not in sealed
    assert Vault.at(file).open(sealed) == "https://host/a?sign=1"
    assert file.stat().st_mode & 0o077 == 0


def test_a_vault_with_another_key_says_so(tmp_path: Path) -> None:
    sealed = Vault.at(tmp_path / "one.key").seal("x")
    with pytest.raises(ConfigError, match="another key"):
        Vault.at(tmp_path / "two.key").open(sealed)
