"""The segment index, and the files still open."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Delete, Row, case, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from hostcue.errors import FileDeleted, NotFound
from hostcue.model.recording import SegmentOpened
from hostcue.model.segment import ClosedFile, Segment, SegmentStatus
from hostcue.model.window import Window
from hostcue.storage import tables
from hostcue.storage.database import Database
from hostcue.storage.remembered import Remembered

_T = tables.segment_index
_OPEN = tables.open_segments


@dataclass(frozen=True, slots=True)
class OpenSegment:
    """A file that was begun and, as far as the database knows, not closed."""

    seq: int
    path: str
    start_ms: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What a recording holds so far; `window_ms` is how long its segments took."""

    segments: int = 0
    bytes: int = 0
    media_ms: int = 0
    window_ms: int = 0
    first_start_ms: int | None = None
    last_end_ms: int | None = None


class Segments:
    """Tables `segment_index` and `open_segments`."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._totals = Remembered(database, self._sums)

    async def opened(self, recording_id: str, segment: SegmentOpened) -> None:
        """Remember an open file, so that it is found again after a crash."""
        row = {
            "recording_id": recording_id,
            "seq": segment.seq,
            "path": segment.path,
            "start_ts": segment.start_ms,
        }
        async with self._db.write() as tx:
            await tx.connection.execute(
                insert(_OPEN)
                .values(row)
                .on_conflict_do_update(
                    index_elements=["recording_id", "seq"],
                    set_={"path": segment.path, "start_ts": segment.start_ms},
                )
            )

    async def add(self, segment: Segment) -> bool:
        """Index a closed file and announce `segment_ready`, in one commit; each only once.

        False when that segment is indexed already.
        """
        file = segment.file
        row = {
            "recording_id": segment.recording_id,
            "seq": file.seq,
            "path": file.path,
            "start_ts": file.window.start_ms,
            "end_ts": file.window.end_ms,
            "room_id": segment.room_id,
            "anchor_name": segment.anchor_name,
            "platform_key": segment.platform,
            "created_at": segment.created_ms,
            "duration_ms": file.duration_ms,
            "bytes": file.bytes,
            "video_codec": file.video_codec,
            "audio_codec": file.audio_codec,
            "width": file.width,
            "height": file.height,
            "fps": file.fps,
            "status": file.status,
        }
        announced = ("recording_id", "seq", "path", "start_ts", "end_ts", "status")
        async with self._db.write() as tx:
            result = await tx.connection.execute(insert(_T).values(row).on_conflict_do_nothing())
            await tx.connection.execute(_forget(segment.recording_id, file.seq))
            if result.rowcount == 0:
                return False
            await tx.announce(
                "recording",
                segment.recording_id,
                "segment_ready",
                {key: row[key] for key in announced},
            )
        return True

    async def forget_open(self, recording_id: str, seq: int) -> None:
        """An open file turned out to hold nothing."""
        async with self._db.write() as tx:
            await tx.connection.execute(_forget(recording_id, seq))

    async def still_open(self, recording_id: str) -> list[OpenSegment]:
        """Files of a recording that were never closed, in order."""
        query = select(_OPEN).where(_OPEN.c.recording_id == recording_id).order_by(_OPEN.c.seq)
        async with self._db.read() as connection:
            return [
                OpenSegment(row.seq, row.path, row.start_ts)
                for row in await connection.execute(query)
            ]

    async def recordings_with_open_files(self) -> list[str]:
        """Ids of recordings that a crash interrupted."""
        async with self._db.read() as connection:
            return list(
                (await connection.execute(select(_OPEN.c.recording_id).distinct())).scalars()
            )

    async def get(self, recording_id: str, seq: int) -> Segment:
        """One segment.

        Raises:
            NotFound: it was never recorded.
        """
        query = select(_T).where(_T.c.recording_id == recording_id, _T.c.seq == seq)
        async with self._db.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFound(f"recording {recording_id} has no segment {seq}", field="seq")
        return _segment(row)

    async def with_file(self, recording_id: str, seq: int) -> Segment:
        """One segment that has a file.

        Raises:
            NotFound: it was never recorded.
            FileDeleted: its file was deleted to make room.
        """
        segment = await self.get(recording_id, seq)
        if segment.file.status == "deleted":
            raise FileDeleted(
                f"the file of segment {seq} was deleted to make room",
                field="seq",
                remedy="its lines and comments are still there; pin recordings that should stay",
            )
        return segment

    async def page(
        self, recording_id: str | None, *, after: int | None = None, limit: int = 100
    ) -> list[Segment]:
        """Segments of one recording by number, those above `after`; of all rooms the newest."""
        query = select(_T).limit(limit)
        if recording_id is None:
            query = query.order_by(_T.c.created_at.desc(), _T.c.seq.desc())
        else:
            query = query.where(_T.c.recording_id == recording_id).order_by(_T.c.seq)
            if after is not None:
                query = query.where(_T.c.seq > after)
        async with self._db.read() as connection:
            return [_segment(row) for row in await connection.execute(query)]

    async def unanalysed_since(self, start_ms: int) -> list[Segment]:
        """Segments that ended after `start_ms` and were never analysed to an end, oldest first."""
        done = (
            select(tables.analyses.c.seq)
            .where(
                tables.analyses.c.recording_id == _T.c.recording_id,
                tables.analyses.c.seq == _T.c.seq,
                tables.analyses.c.state.in_(("done", "skipped", "failed")),
            )
            .exists()
        )
        there = _T.c.status != "deleted"
        query = select(_T).where(_T.c.end_ts > start_ms, there, ~done).order_by(_T.c.end_ts)
        async with self._db.read() as connection:
            return [_segment(row) for row in await connection.execute(query)]

    async def next_seq(self, recording_id: str) -> int:
        """The number the next file of a recording gets."""
        taken: list[int | None] = [-1]
        async with self._db.read() as connection:
            for table in (_T, _OPEN):  # what could not be recovered yet keeps its number
                query = select(func.max(table.c.seq)).where(table.c.recording_id == recording_id)
                taken += (await connection.execute(query)).scalars()
        return max(seq for seq in taken if seq is not None) + 1

    async def totals(self, recording_ids: Collection[str]) -> dict[str, Totals]:
        """Sums by recording; one without segments is left out."""
        return await self._totals.of(recording_ids)

    async def _sums(self, recording_ids: Collection[str]) -> dict[str, Totals]:
        query = (
            select(
                _T.c.recording_id,
                func.count(),
                func.sum(case((_T.c.status == "deleted", 0), else_=_T.c.bytes)),
                func.sum(_T.c.duration_ms),
                func.sum(_T.c.end_ts - _T.c.start_ts),
                func.min(_T.c.start_ts),
                func.max(_T.c.end_ts),
            )
            .where(_T.c.recording_id.in_(recording_ids))
            .group_by(_T.c.recording_id)
        )
        async with self._db.read() as connection:
            return {row[0]: Totals(*row[1:]) for row in await connection.execute(query)}


def _forget(recording_id: str, seq: int) -> Delete:
    return delete(_OPEN).where(_OPEN.c.recording_id == recording_id, _OPEN.c.seq == seq)


def _segment(row: Row[tuple[object, ...]]) -> Segment:
    file = ClosedFile(
        seq=row.seq,
        path=row.path,
        window=Window(row.start_ts, row.end_ts),
        duration_ms=row.duration_ms,
        bytes=row.bytes,
        video_codec=row.video_codec,
        audio_codec=row.audio_codec,
        width=row.width,
        height=row.height,
        fps=row.fps,
        status=cast("SegmentStatus", row.status),
    )
    return Segment(
        row.recording_id, row.room_id, row.anchor_name, row.platform_key, file, row.created_at
    )
