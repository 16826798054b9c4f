"""Committed events, to be read again by clients that were away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from sqlalchemy import Row, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from hostcue.model.disk import DISK
from hostcue.model.event import Event, StreamName
from hostcue.model.json_text import object_from
from hostcue.storage import tables
from hostcue.storage.comments import Comments, comment_event
from hostcue.storage.database import Database, Transaction
from hostcue.storage.utterances import Utterances

_T = tables.events


class Outbox:
    """Table `events`."""

    def __init__(self, database: Database, comments: Comments) -> None:
        self._db = database
        self._comments = comments
        self._utterances = Utterances(database)

    @property
    def last_id(self) -> int:
        """The highest id committed so far."""
        return self._db.last_id

    async def after(
        self, stream: StreamName, subject: str | None, event_id: int, limit: int
    ) -> list[Event]:
        """Events after `event_id`, in order; all subjects when none is given.

        What happens to the disk concerns every recording.
        """
        query = (
            select(_T)
            .where(_T.c.stream == stream, _T.c.id > event_id)
            .order_by(_T.c.id)
            .limit(limit)
        )
        if subject is not None:
            shared = (DISK,) if stream == "recording" else ()
            query = query.where(_T.c.subject.in_((subject, *shared)))
        async with self._db.read() as connection:
            return [_event(row) for row in await connection.execute(query)]

    async def dated_after(
        self, stream: StreamName, types: Sequence[str], event_id: int, limit: int
    ) -> list[tuple[int, Event]]:
        """Events of these types after `event_id`, in order, each with when it was committed."""
        query = (
            select(_T)
            .where(_T.c.stream == stream, _T.c.id > event_id, _T.c.type.in_(types))
            .order_by(_T.c.id)
            .limit(limit)
        )
        async with self._db.read() as connection:
            return [(row.created_at, _event(row)) for row in await connection.execute(query)]

    async def announce(
        self, stream: StreamName, subject: str, kind: str, data: Mapping[str, object]
    ) -> None:
        """Store and send an event that belongs to no other row."""
        async with self._db.write() as tx:
            await tx.announce(stream, subject, kind, data)

    async def kinds(self, stream: StreamName, subject: str) -> list[str]:
        """The types of what happened to a subject, in order, as far back as events are kept."""
        query = select(_T.c.type).where(_T.c.stream == stream, _T.c.subject == subject)
        async with self._db.read() as connection:
            return list((await connection.execute(query.order_by(_T.c.id))).scalars())

    async def told(self, stream: StreamName, subject: str, kind: str, *, limit: int) -> list[Event]:
        """The newest events of one kind that a subject had, in order."""
        query = (
            select(_T)
            .where(_T.c.stream == stream, _T.c.subject == subject, _T.c.type == kind)
            .order_by(_T.c.id.desc())
            .limit(limit)
        )
        async with self._db.read() as connection:
            return [_event(row) for row in await connection.execute(query)][::-1]

    async def with_comments_after(
        self, room_id: str | None, event_id: int, limit: int
    ) -> list[Event]:
        """Comments and what else happened in a room after `event_id`, in order."""
        events = await self.after("comments", room_id, event_id, limit)
        comments = await self._comments.after(room_id, event_id, limit)
        return _merged(
            events, [comment_event(item.comment, item.row_id) for item in comments], limit
        )

    async def with_utterances_after(
        self, room_id: str | None, event_id: int, limit: int
    ) -> list[Event]:
        """What was said in a room after `event_id`, and what else listening brought, in order."""
        events = await self.after("speech", room_id, event_id, limit)
        return _merged(events, await self._utterances.after(room_id, event_id, limit), limit)

    async def can_resume(self, stream: StreamName, event_id: int) -> bool:
        """Whether everything of the stream after `event_id` is still kept."""
        table = tables.horizons
        query = select(table.c.id).where(table.c.stream == stream)
        async with self._db.read() as connection:
            horizon = (await connection.execute(query)).scalar() or 0
        return horizon <= event_id <= self._db.last_id

    async def prune(self, before_ms: int) -> int:
        """Drop events older than `before_ms`, but for the last ones of the disk; returns how many.

        Comments and utterances stay, but a stream resumes over them only as far back as events
        reach.
        """
        async with self._db.write() as tx:
            for stream in ("recording", "comments", "speech"):
                newest = (
                    await tx.connection.execute(
                        select(func.max(_T.c.id)).where(
                            _T.c.stream == stream, _T.c.created_at < before_ms
                        )
                    )
                ).scalar() or 0
                newest = max(newest, await _newest_row(tx, stream, before_ms))
                if newest:
                    await tx.connection.execute(
                        insert(tables.horizons)
                        .values(stream=stream, id=newest)
                        .on_conflict_do_update(index_elements=["stream"], set_={"id": newest})
                    )
            # what listeners were told of the disk last is read from these after a restart
            kept = select(func.max(_T.c.id)).where(_T.c.subject == DISK).group_by(_T.c.type)
            gone = await tx.connection.execute(
                delete(_T).where(_T.c.created_at < before_ms, _T.c.id.not_in(kept))
            )
        return gone.rowcount


async def _newest_row(tx: Transaction, stream: str, before_ms: int) -> int:
    """The last of the rows older than `before_ms` that a stream carries beside its events."""
    rows = {
        "comments": (tables.comments.c.row_id, tables.comments.c.received_at),
        "speech": (tables.utterances.c.row_id, tables.utterances.c.created_at),
    }
    if stream not in rows:
        return 0
    row_id, stored_at = rows[stream]
    query = select(row_id).where(stored_at < before_ms)
    query = query.order_by(row_id.desc()).limit(1)  # reads back over a day, not all
    return (await tx.connection.execute(query)).scalar() or 0


def _merged(events: list[Event], rows: list[Event], limit: int) -> list[Event]:
    # both lists are complete up to their own ends only, so the first `limit` of the merge are
    return sorted(events + rows, key=lambda event: event.id or 0)[:limit]


def _event(row: Row[tuple[object, ...]]) -> Event:
    stream = cast("StreamName", row.stream)
    return Event(stream, row.subject, row.type, object_from(row.data), row.id)
