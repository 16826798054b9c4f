"""Runs alembic from code: there is no alembic.ini, the file to upgrade is an argument."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from hostcue.errors import ConfigError


def upgrade(path: Path, revision: str = "head") -> None:
    """Bring a SQLite file to `revision`.

    Raises:
        ConfigError: the file was written by a newer hostcue.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("sqlalchemy.url", f"sqlite:///{path}".replace("%", "%%"))
    try:
        command.upgrade(config, revision)
    except CommandError as exc:
        raise ConfigError(
            f"the database {path.name} does not fit this hostcue ({exc})",
            field="HOSTCUE_DATABASE_URL",
            remedy="install the newer hostcue that wrote it, or point to another file",
        ) from exc
