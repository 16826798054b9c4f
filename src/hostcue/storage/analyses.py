"""Analyses and where they stand."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Row, Update, func, select, update
from sqlalchemy.dialects.sqlite import insert

from hostcue.model.analysis import Analysis, AnalysisMode, AnalysisState
from hostcue.model.clock import now_ms
from hostcue.storage import tables
from hostcue.storage.database import Database, Transaction

_T = tables.analyses


class Analyses:
    """Table `analyses`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def queue(self, recording_id: str, seq: int, run: int) -> Analysis:
        """The run's row, made when it is missing."""
        now = now_ms()
        async with self._db.write() as tx:
            await tx.connection.execute(
                insert(_T)
                .values(
                    recording_id=recording_id,
                    seq=seq,
                    run=run,
                    state="queued",
                    attempts=0,
                    mode="",
                    model="",
                    prompt_version="",
                    reason="",
                    comments_seen=0,
                    frames_seen=0,
                    comment_coverage=1.0,
                    created_at=now,
                    updated_at=now,
                )
                .on_conflict_do_nothing()
            )
        found = await self.get(recording_id, seq, run)
        if found is None:
            raise LookupError("a row just written is gone")
        return found

    async def get(self, recording_id: str, seq: int, run: int | None = None) -> Analysis | None:
        """One run, or the newest one; None when the segment was never to be analysed."""
        query = select(_T).where(_T.c.recording_id == recording_id, _T.c.seq == seq)
        query = query.order_by(_T.c.run.desc()).limit(1)
        if run is not None:
            query = query.where(_T.c.run == run)
        async with self._db.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _analysis(row)

    async def last_done(self) -> Analysis | None:
        """The analysis that ended last, however it ended."""
        query = select(_T).where(_T.c.state.in_(("done", "failed"))).limit(1)
        async with self._db.read() as connection:
            row = (await connection.execute(query.order_by(_T.c.updated_at.desc()))).one_or_none()
        return None if row is None else _analysis(row)

    async def next_run(self, recording_id: str, seq: int) -> int:
        """The number of the next run of a segment."""
        query = select(func.max(_T.c.run)).where(_T.c.recording_id == recording_id, _T.c.seq == seq)
        async with self._db.read() as connection:
            last = (await connection.execute(query)).scalar()
        return 0 if last is None else int(last) + 1

    async def count_attempt(self, recording_id: str, seq: int, run: int) -> None:
        """One more call of the model is about to be made; stored before it is."""
        async with self._db.write() as tx:
            await tx.connection.execute(
                _of(recording_id, seq, run).values(
                    state="running", attempts=_T.c.attempts + 1, updated_at=now_ms()
                )
            )

    async def set(self, recording_id: str, seq: int, run: int, **values: object) -> None:
        """Change columns of a run."""
        async with self._db.write() as tx:
            await set_analysis(tx, recording_id, seq, run, values)


async def set_analysis(
    tx: Transaction, recording_id: str, seq: int, run: int, values: dict[str, object]
) -> None:
    """Change columns of a run inside a transaction."""
    await tx.connection.execute(_of(recording_id, seq, run).values(updated_at=now_ms(), **values))


def _of(recording_id: str, seq: int, run: int) -> Update:
    return update(_T).where(_T.c.recording_id == recording_id, _T.c.seq == seq, _T.c.run == run)


def _analysis(row: Row[tuple[object, ...]]) -> Analysis:
    return Analysis(
        recording_id=row.recording_id,
        seq=row.seq,
        run=row.run,
        state=cast("AnalysisState", row.state),
        attempts=row.attempts,
        mode=cast("AnalysisMode", row.mode),
        model=row.model,
        prompt_version=row.prompt_version,
        reason=row.reason,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        latency_ms=row.latency_ms,
        model_ms=row.model_ms,
        comments_seen=row.comments_seen,
        frames_seen=row.frames_seen,
        comment_coverage=row.comment_coverage,
        speech_coverage=row.speech_coverage,
        created_ms=row.created_at,
        updated_ms=row.updated_at,
    )
