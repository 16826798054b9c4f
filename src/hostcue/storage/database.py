"""The database file: one writer at a time, readers beside it, and one sequence of ids."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import anyio
import structlog
from sqlalchemy import event, func, make_url, select, text
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import ArgumentError, DatabaseError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from hostcue.errors import ConfigError, StorageFailed
from hostcue.model.clock import now_ms
from hostcue.model.event import Event, StreamName
from hostcue.model.json_text import to_json
from hostcue.storage import tables
from hostcue.storage.migrations import HEAD

if TYPE_CHECKING:
    import aiosqlite

log = structlog.get_logger(__name__)

_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "busy_timeout=10000",
    "secure_delete=ON",  # what is erased is overwritten, not only unlinked
)

Listener = Callable[[Sequence[Event]], None]


@dataclass(slots=True)
class Transaction:
    """A write in progress; what it announces is sent out after the commit, never before."""

    connection: AsyncConnection
    _last_id: int
    announced: list[Event] = field(default_factory=list[Event])

    def next_id(self) -> int:
        """The next number of the one sequence; commits happen in the order of these numbers."""
        self._last_id += 1
        return self._last_id

    def give_back(self, last_id: int) -> None:
        """The numbers after `last_id` were not used: no row and no event bears them."""
        self._last_id = last_id

    async def announce(
        self, stream: StreamName, subject: str, kind: str, data: Mapping[str, object]
    ) -> None:
        """Put an event into the outbox."""
        item = Event(stream, subject, kind, data, self.next_id())
        await self.connection.execute(
            tables.events.insert().values(
                id=item.id,
                stream=stream,
                subject=subject,
                type=kind,
                data=to_json(data),
                created_at=now_ms(),
            )
        )
        self.announced.append(item)

    async def keep_used(self, last_id: int) -> None:
        """Rows up to this one are deleted; else a restart might give the last number out again."""
        table = tables.horizons
        await self.connection.execute(
            insert(table)
            .values(stream="deleted", id=last_id)
            .on_conflict_do_update(
                index_elements=["stream"], set_={"id": func.max(table.c.id, last_id)}
            )
        )

    def publish(self, items: Iterable[Event]) -> None:
        """Send events out after the commit without outbox rows: their own rows are their store."""
        self.announced.extend(items)

    @property
    def last_id(self) -> int:
        """The highest number given out so far."""
        return self._last_id


class Database:
    """SQLite in WAL mode. Writes queue up in this process; readers never wait for them."""

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine, last_id: int) -> None:
        self._writer = writer
        self._reader = reader
        self._turn = anyio.Lock()
        self._last_id = last_id
        self._listeners: list[Listener] = []

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Database]:
        """Create or upgrade the file at `url`, then open it.

        Raises:
            ConfigError: another database than SQLite, or a file from a newer hostcue.
        """
        path = sqlite_path(url)
        await anyio.to_thread.run_sync(_upgrade, path)
        target = f"sqlite+aiosqlite:///{path}"
        # hidden parameters: a traceback would print comments and sealed links
        writer = create_async_engine(target, pool_size=1, max_overflow=0, hide_parameters=True)
        reader = create_async_engine(target, pool_size=4, max_overflow=4, hide_parameters=True)
        _configure(writer, begin="BEGIN IMMEDIATE")
        _configure(reader, begin="BEGIN")
        try:
            async with reader.connect() as connection:
                last_id = await _highest_id(connection)
            yield cls(writer, reader, last_id)
        finally:
            with anyio.CancelScope(shield=True):
                await writer.dispose()
                await reader.dispose()

    def on_commit(self, listener: Listener) -> None:
        """Call `listener` with the events of each transaction, after its commit, in order."""
        self._listeners.append(listener)

    @property
    def last_id(self) -> int:
        """The highest id given out and committed."""
        return self._last_id

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees one consistent state.

        A read is not cancelled: SQLAlchemy would throw the connection away, and a driver that is
        thrown away in the middle of an answer can keep the whole process from ending.

        Raises:
            StorageFailed: the file cannot be read.
        """
        with _storage_errors(), anyio.CancelScope(shield=True):
            async with self._reader.connect() as connection:
                yield connection

    async def fetch(self, query: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
        """The rows of one query as the driver has them: where they are thousands, in half the time.

        Raises:
            StorageFailed: the file cannot be read.
        """
        with _storage_errors():
            async with self._reader.connect() as connection:
                raw = await connection.get_raw_connection()
                driver = cast("aiosqlite.Connection", raw.driver_connection)
                rows = await driver.execute_fetchall(query, parameters)
                return cast("list[tuple[Any, ...]]", rows)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """The only way to change rows; commits on leaving, rolls back on an exception.

        A transaction that has begun is not cancelled: a commit cut short may have happened all
        the same, and its ids would be given out a second time.

        Raises:
            StorageFailed: nothing was written (disk full, file locked or damaged).
        """
        async with self._turn:
            with anyio.CancelScope(shield=True):
                with _storage_errors():
                    async with self._writer.begin() as connection:
                        transaction = Transaction(connection, self._last_id)
                        yield transaction
                self._last_id = transaction.last_id
                if transaction.announced:
                    for listener in self._listeners:
                        listener(transaction.announced)

    async def settle(self) -> None:
        """Move what was written into the file itself: the log beside it still holds erased rows.

        As far as readers let it; what is left goes the next time, or when the file is closed.

        Raises:
            StorageFailed: the file cannot be written.
        """
        async with self._turn:
            with anyio.CancelScope(shield=True), _storage_errors():
                async with self._writer.connect() as connection:
                    raw = await connection.get_raw_connection()
                    driver = cast("aiosqlite.Connection", raw.driver_connection)
                    await driver.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as exc:
        raise StorageFailed(
            f"the database could not be used: {str(exc.__cause__ or exc).splitlines()[0]}",
            remedy="look at the free space and the permissions of the data folder",
        ) from exc


def sqlite_path(url: str) -> Path:
    """The file a database URL names.

    Raises:
        ConfigError: the URL is not one of SQLite, or names no file.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigError(
            "HOSTCUE_DATABASE_URL is not a database URL",
            field="HOSTCUE_DATABASE_URL",
            remedy="leave it unset, or use sqlite:///path/to/hostcue.db",
        ) from None
    if parsed.get_backend_name() != "sqlite":
        raise ConfigError(
            f"HOSTCUE_DATABASE_URL names {parsed.get_backend_name()}; only sqlite works for now",
            field="HOSTCUE_DATABASE_URL",
            remedy="leave it unset, or use sqlite:///path/to/hostcue.db",
        )
    if not parsed.database or parsed.database == ":memory:":
        raise ConfigError(
            "HOSTCUE_DATABASE_URL names no file",
            field="HOSTCUE_DATABASE_URL",
            remedy="use sqlite:///path/to/hostcue.db",
        )
    return Path(parsed.database)


def _configure(engine: AsyncEngine, *, begin: str) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def _on_connect(raw: Any, _: object) -> None:
        raw.isolation_level = None  # we begin ourselves: the driver would begin too late
        cursor = raw.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _on_begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)


async def _highest_id(connection: AsyncConnection) -> int:
    found = [
        (await connection.execute(select(func.max(column)))).scalar()
        for column in (
            tables.comments.c.row_id,
            tables.utterances.c.row_id,
            tables.events.c.id,
            tables.tips.c.row_id,
            tables.horizons.c.id,
        )
    ]
    return max((int(value) for value in found if value is not None), default=0)


def _upgrade(path: Path) -> None:
    """Bring the file to the newest revision; alembic is loaded only when there is work to do."""
    from sqlalchemy import create_engine, inspect

    engine = create_engine(f"sqlite:///{path}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with engine.connect() as connection:
            known = inspect(connection).has_table("alembic_version")
            revision = (
                connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
                if known
                else None
            )
    except (OSError, DatabaseError) as exc:
        raise ConfigError(
            f"{path} cannot be used as the database: {getattr(exc, 'orig', None) or exc}",
            field="HOSTCUE_DATABASE_URL",
            remedy="make the folder writable, or move a damaged file away",
        ) from exc
    finally:
        engine.dispose()
    if revision == HEAD:
        return
    from hostcue.storage.migrations.run import upgrade

    upgrade(path)
    log.info("database_upgraded", revision=HEAD, came_from=revision or "nothing")
