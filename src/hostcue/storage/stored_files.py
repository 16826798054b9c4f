"""Recorded files as what they take up on the disk, and their end."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Exists, exists, func, select, tuple_, update

from hostcue.model.retention import DeletedBy, StoredFile
from hostcue.storage import tables
from hostcue.storage.database import Database

_T = tables.segment_index
_ANALYSES = tables.analyses
_RECORDINGS = tables.recordings

_TELLING, _TELLING_MS = 2, 60_000  # so many segments, or so much media, tell a pace

Place = tuple[int, str, int]
"""Where a file stands in the order of age: its end, its recording, its number."""


class StoredFiles:
    """Table `segment_index`, seen from the disk."""

    def __init__(self, database: Database, *, patience_s: float = 24 * 3600) -> None:
        """An analysis that made no step for `patience_s` no longer protects its file."""
        self._db = database
        self._patience_ms = round(1000 * patience_s)

    async def bytes(self) -> int:
        """All recorded files together."""
        query = select(func.sum(_T.c.bytes)).where(_on_disk())
        async with self._db.read() as connection:
            return int((await connection.execute(query)).scalar() or 0)

    async def bytes_per_hour(
        self, recording_ids: Sequence[str], *, newest: int = 100
    ) -> dict[str, int]:
        """What the newest segments of each recording took per hour.

        Nothing of one that has neither two segments nor a minute: that says too little.
        """
        rates: dict[str, int] = {}
        async with self._db.read() as connection:
            for recording_id in recording_ids:
                recent = (
                    select(_T.c.bytes, _T.c.duration_ms)
                    .where(_T.c.recording_id == recording_id)
                    .order_by(_T.c.seq.desc())
                    .limit(newest)
                    .subquery()
                )
                sums = select(
                    func.count(), func.sum(recent.c.bytes), func.sum(recent.c.duration_ms)
                )
                count, total, length_ms = (await connection.execute(sums)).one()
                if length_ms and (count >= _TELLING or length_ms >= _TELLING_MS):
                    rates[recording_id] = int(total) * 3_600_000 // int(length_ms)
        return rates

    async def oldest(
        self, *, now_ms: int, after: Place | None = None, limit: int = 500
    ) -> list[StoredFile]:
        """Files on the disk, the oldest first, those after a place in that order."""
        order = (_T.c.end_ts, _T.c.recording_id, _T.c.seq)
        query = (
            select(_T, _pinned().label("pinned"), self._analysing(now_ms).label("analysing"))
            .where(_on_disk())
            .order_by(*order)
            .limit(limit)
        )
        if after is not None:
            query = query.where(tuple_(*order) > tuple_(*after))
        async with self._db.read() as connection:
            return [
                StoredFile(
                    row.recording_id,
                    row.seq,
                    row.path,
                    row.start_ts,
                    row.end_ts,
                    row.bytes,
                    pinned=bool(row.pinned),
                    analysing=bool(row.analysing),
                )
                for row in await connection.execute(query)
            ]

    async def mark_deleted(
        self, chosen: Sequence[tuple[StoredFile, DeletedBy]], *, now_ms: int
    ) -> list[StoredFile]:
        """Mark and announce (`segment_deleted`) in one commit; those it happened to are returned.

        What was pinned or asked for analysis since it was chosen stays as it is. The row stays in
        any case: lines and comments refer to it.
        """
        marked = []
        async with self._db.write() as tx:
            for file, rule in chosen:
                result = await tx.connection.execute(
                    update(_T)
                    .where(
                        _T.c.recording_id == file.recording_id,
                        _T.c.seq == file.seq,
                        _on_disk(),
                        ~_pinned(),
                        ~self._analysing(now_ms),
                    )
                    .values(status="deleted")
                )
                if result.rowcount == 0:
                    continue
                marked.append(file)
                await tx.announce(
                    "recording",
                    file.recording_id,
                    "segment_deleted",
                    {
                        "recording_id": file.recording_id,
                        "seq": file.seq,
                        "path": file.path,
                        "start_ts": file.start_ms,
                        "end_ts": file.end_ms,
                        "bytes": file.bytes,
                        "rule": rule,
                    },
                )
        return marked

    async def deleted_paths(
        self, *, after: Place | None = None, limit: int = 5000
    ) -> list[tuple[Place, str]]:
        """Files that rows call deleted, the oldest first."""
        order = (_T.c.end_ts, _T.c.recording_id, _T.c.seq)
        query = select(*order, _T.c.path).where(_T.c.status == "deleted").order_by(*order)
        if after is not None:
            query = query.where(tuple_(*order) > tuple_(*after))
        async with self._db.read() as connection:
            rows = await connection.execute(query.limit(limit))
            return [((row.end_ts, row.recording_id, row.seq), row.path) for row in rows]

    async def is_path_of_another(self, path: str) -> bool:
        """Whether a row that is not deleted bears the path."""
        query = select(exists().where(_T.c.path == path, _on_disk()))
        async with self._db.read() as connection:
            return bool((await connection.execute(query)).scalar())

    def _analysing(self, now_ms: int) -> Exists:
        return exists().where(
            _ANALYSES.c.recording_id == _T.c.recording_id,
            _ANALYSES.c.seq == _T.c.seq,
            _ANALYSES.c.state.in_(("queued", "running")),
            _ANALYSES.c.updated_at > now_ms - self._patience_ms,
        )


def _on_disk() -> ColumnElement[bool]:
    return _T.c.status != "deleted"


def _pinned() -> Exists:
    return exists().where(_RECORDINGS.c.id == _T.c.recording_id, _RECORDINGS.c.pinned)
