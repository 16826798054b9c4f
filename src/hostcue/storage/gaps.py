"""Gaps: spans in which nothing was recorded, or no comment received."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select
from sqlalchemy.dialects.sqlite import insert

from hostcue.model.clock import now_ms
from hostcue.model.comment import Gap
from hostcue.model.segment import Segment
from hostcue.storage import tables
from hostcue.storage.database import Database, Transaction
from hostcue.storage.remembered import Remembered

_T = tables.gaps
_OF_COMMENTS = "comments:"
_LONG = _T.c.end_ts.is_(None) | (_T.c.end_ts > _T.c.start_ts)
"""A gap that ended where it began is none: the broadcast was over."""


@dataclass(frozen=True, slots=True)
class GapTotals:
    """How many gaps there are, how long the closed ones are, and since when one lasts."""

    count: int = 0
    closed_ms: int = 0
    open_since_ms: int | None = None


class Gaps:
    """Table `gaps`; the subject of a gap is a recording, or a room's comments."""

    def __init__(self, database: Database, *, shown: int = 100) -> None:
        """Of a recording's gaps the newest are `shown`; the sums are of all."""
        self._db = database
        self._shown = shown
        self._newest = Remembered(database, self._newest_of)
        self._totals = Remembered(database, self._sums)

    async def store(self, recording_id: str, gap: Gap) -> None:
        """Open a recording's gap, or close the one that began at the same moment.

        Each opening and each closing is announced. An end that is only known better afterwards
        changes the row and no more: the row is the exact truth, and who adds up events counts a
        gap once.
        """
        try:
            async with self._db.write() as tx:
                told = gap.end_ms is not None and await _has_ended(tx, recording_id, gap)
                await store_gap(tx, recording_id, gap)
                if not told:
                    await _announce(tx, recording_id, gap)
        finally:  # without an event nobody else says so
            self._newest.forget(recording_id)
            self._totals.forget(recording_id)

    async def of(self, subject: str) -> list[Gap]:
        """The gaps of a recording or a room's comments, oldest first."""
        query = select(_T).where(_T.c.subject == subject).order_by(_T.c.start_ts)
        async with self._db.read() as connection:
            rows = await connection.execute(query)
            return [Gap(row.start_ts, row.cause, row.end_ts) for row in rows]

    async def of_comments(self, room_id: str, start_ms: int, end_ms: int) -> list[Gap]:
        """The gaps in a room's comments that reach into `[start_ms, end_ms)`, oldest first."""
        end = f":{room_id}"
        query = (
            select(_T)
            .where(
                _T.c.subject.startswith(_OF_COMMENTS),
                _T.c.subject.endswith(end, autoescape=True),
                _T.c.start_ts < end_ms,
                or_(_T.c.end_ts.is_(None), _T.c.end_ts > start_ms),
            )
            .order_by(_T.c.start_ts)
        )
        async with self._db.read() as connection:
            rows = await connection.execute(query)
            return [
                Gap(row.start_ts, row.cause, row.end_ts)
                for row in rows
                if row.subject.endswith(end)  # the database takes Room and room for one
            ]

    async def newest(self, recording_ids: Collection[str]) -> dict[str, list[Gap]]:
        """Of each recording the newest that have a length, the oldest of them first."""
        return await self._newest.of(recording_ids)

    async def totals(self, recording_ids: Collection[str]) -> dict[str, GapTotals]:
        """Sums by recording; what has no gap is left out."""
        return await self._totals.of(recording_ids)

    async def _newest_of(self, subjects: Collection[str]) -> dict[str, list[Gap]]:
        place = func.row_number().over(partition_by=_T.c.subject, order_by=_T.c.start_ts.desc())
        ranked = select(_T, place.label("place")).where(_T.c.subject.in_(subjects), _LONG)
        table = ranked.subquery()
        query = select(table).where(table.c.place <= self._shown).order_by(table.c.start_ts)
        found: dict[str, list[Gap]] = {}
        async with self._db.read() as connection:
            for row in await connection.execute(query):
                found.setdefault(row.subject, []).append(Gap(row.start_ts, row.cause, row.end_ts))
        return found

    async def _sums(self, subjects: Collection[str]) -> dict[str, GapTotals]:
        query = (
            select(
                _T.c.subject,
                func.count(),
                func.coalesce(func.sum(_T.c.end_ts - _T.c.start_ts), 0),
                func.min(_T.c.start_ts).filter(_T.c.end_ts.is_(None)),
            )
            .where(_T.c.subject.in_(subjects), _LONG)
            .group_by(_T.c.subject)
        )
        async with self._db.read() as connection:
            return {row[0]: GapTotals(*row[1:]) for row in await connection.execute(query)}

    async def before(self, segments: Sequence[Segment]) -> dict[tuple[str, int], Gap]:
        """By recording and seq, what is missing just before a segment, where something is.

        Of several gaps between two segments the first gives the cause, and their lengths add up.
        """
        if not segments:
            return {}
        table, other = tables.segment_index, tables.segment_index.alias()
        previous = (
            select(other.c.start_ts)
            .where(other.c.recording_id == table.c.recording_id, other.c.seq < table.c.seq)
            .order_by(other.c.seq.desc())
            .limit(1)
            .scalar_subquery()
        )
        chosen = (
            select(
                table.c.recording_id,
                table.c.seq,
                table.c.start_ts.label("begin_ts"),
                func.coalesce(previous, -1).label("previous_ts"),
            )
            .where(
                or_(
                    *(
                        and_(table.c.recording_id == recording_id, table.c.seq.in_(seqs))
                        for recording_id, seqs in _by_recording(segments).items()
                    )
                )
            )
            .limit(len(segments))  # SQLite joins its few rows with gaps, not the other way round
            .subquery()
        )
        query = (
            select(chosen.c.recording_id, chosen.c.seq, _T)
            .join(_T, _T.c.subject == chosen.c.recording_id)
            .where(
                _T.c.start_ts > chosen.c.previous_ts,
                _T.c.start_ts <= chosen.c.begin_ts,
                _T.c.end_ts > _T.c.start_ts,
            )
            .order_by(_T.c.start_ts)
        )
        found: dict[tuple[str, int], Gap] = {}
        async with self._db.read() as connection:
            for row in await connection.execute(query):
                key, length_ms = (row.recording_id, row.seq), row.end_ts - row.start_ts
                first = found.get(key, Gap(row.start_ts, row.cause, row.start_ts))
                end_ms = (first.end_ms or first.start_ms) + length_ms
                found[key] = Gap(first.start_ms, first.cause, end_ms)
        return found


def _by_recording(segments: Sequence[Segment]) -> dict[str, list[int]]:
    """The numbers of the segments; pairs of both would be looked for in the whole table."""
    seqs: dict[str, list[int]] = {}
    for segment in segments:
        seqs.setdefault(segment.recording_id, []).append(segment.seq)
    return seqs


async def _announce(tx: Transaction, recording_id: str, gap: Gap) -> None:
    await tx.announce(
        "recording",
        recording_id,
        "gap_opened" if gap.end_ms is None else "gap_closed",
        {
            "recording_id": recording_id,
            "start_ts": gap.start_ms,
            "end_ts": gap.end_ms,
            "cause": gap.cause,
        },
    )


async def _has_ended(tx: Transaction, subject: str, gap: Gap) -> bool:
    query = select(_T.c.end_ts).where(_T.c.subject == subject, _T.c.start_ts == gap.start_ms)
    return (await tx.connection.execute(query)).scalar() is not None


async def store_gap(tx: Transaction, subject: str, gap: Gap) -> None:
    """Insert or update one gap; it is known by its subject and its start."""
    row = {
        "subject": subject,
        "start_ts": gap.start_ms,
        "end_ts": gap.end_ms,
        "cause": gap.cause,
    }
    statement = insert(_T).values(row)
    await tx.connection.execute(
        statement.on_conflict_do_update(
            index_elements=["subject", "start_ts"], set_={"end_ts": statement.excluded.end_ts}
        )
    )


def comment_gaps_of(platform: str, room_id: str) -> str:
    """The subject under which gaps of a room's comments are kept."""
    return f"{_OF_COMMENTS}{platform}:{room_id}"


def covered(gaps: Sequence[Gap], start_ms: int, end_ms: int) -> float:
    """The share of a span that no gap covers, 0..1; an open gap lasts until now.

    Gaps may overlap: a relay's and our own, an overload and a lost connection.
    """
    missing_ms, so_far_ms = 0, start_ms
    for gap in sorted(gaps, key=lambda gap: gap.start_ms):
        until_ms = min(end_ms, now_ms() if gap.end_ms is None else gap.end_ms)
        missing_ms += max(0, until_ms - max(so_far_ms, gap.start_ms))
        so_far_ms = max(so_far_ms, until_ms)
    return 1 - missing_ms / (end_ms - start_ms) if end_ms > start_ms else 1.0
