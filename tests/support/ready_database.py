"""A database that is there already: creating one takes longer than most tests that need it."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

from hostcue.storage.database import Database
from hostcue.storage.migrations.run import upgrade


@asynccontextmanager
async def open_database(path: Path) -> AsyncIterator[Database]:
    """As after an earlier start; what is in the file already stays."""
    lay(path)
    async with Database.open(f"sqlite:///{path}") as database:
        yield database


def lay(path: Path) -> None:
    """Put an empty database there, unless there is a file."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_empty())


@cache
def _empty() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hostcue.db"
        upgrade(path)
        return path.read_bytes()
