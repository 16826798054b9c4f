"""What a crash or a stop left behind of a recording."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import structlog

from hostcue.errors import HostcueError
from hostcue.model.comment import Gap
from hostcue.model.recording import Recording
from hostcue.pipeline.logbook import Logbook
from hostcue.recording.engine import Engine
from hostcue.recording.naming import PART, part_fields
from hostcue.storage.gaps import Gaps
from hostcue.storage.segments import Segments, Totals

log = structlog.get_logger(__name__)

_BEHIND_MS = 30_000
"""What a connection brings first is older than itself, by so much at most."""


@dataclass(frozen=True, slots=True)
class Left:
    """What could not be made a segment.

    `above_seq` is the highest number that a file still bears, -1 for none; `lost_since_ms` is when
    the first of those began in which there is nothing to play.
    """

    above_seq: int = -1
    lost_since_ms: int | None = None


class Recovery:
    """Makes segments of open files, `at_once` at a time: each is read and written as a whole."""

    def __init__(
        self,
        engine: Engine,
        segments: Segments,
        gaps: Gaps,
        *,
        zone: str | None,
        at_once: int = 4,
    ) -> None:
        self._engine = engine
        self._segments = segments
        self._gaps = gaps
        self._zone = zone
        self._turns = anyio.CapacityLimiter(at_once)
        self._scopes: set[anyio.CancelScope] = set()

    def close(self) -> None:
        """The server stops: what is not recovered by now is so after its next start."""
        for scope in self._scopes:
            scope.cancel()

    async def files(self, logbook: Logbook) -> Left:
        """Finish and index the files left open, those no row knows of included."""
        recording, lost = logbook.recording, list[int]()
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                lost = await self._recover(logbook, recording)
            finally:
                self._scopes.discard(scope)
        left = await anyio.to_thread.run_sync(_open_files, recording)
        above_seq = max((part_fields(part)[0] for part in left), default=-1)
        return Left(above_seq, min(lost, default=None))

    async def _recover(self, logbook: Logbook, recording: Recording) -> list[int]:
        """The starts of those that hold nothing."""
        lost = []
        known = {Path(item.path): item for item in await self._segments.still_open(recording.id)}
        found = await anyio.to_thread.run_sync(_open_files, recording)
        for part in sorted({*known, *found}):
            item = known.get(part)
            try:
                async with self._turns:
                    file = await self._engine.recover(
                        part, start_ms=item.start_ms if item else None, zone=self._zone
                    )
            except HostcueError as exc:
                log.error("not_recovered", recording=recording.id, file=part.name, error=exc)
                continue
            if file is not None:  # also when its worker could still finish it by itself
                await logbook.index(replace(file, status="recovered"))
            elif item is not None:
                await self._segments.forget_open(recording.id, item.seq)
                lost.append(item.start_ms)
        return lost

    async def gap(self, recording: Recording, left: Left) -> Gap | None:
        """What is missing since: the gap that lasted then, or one from where the media ended.

        A broadcast of which nothing was kept is missing from its beginning on.
        """
        known = await self._gaps.of(recording.id)
        lasting = [gap for gap in known if gap.end_ms is None]
        for gap in lasting[1:]:
            await self._gaps.store(recording.id, replace(gap, end_ms=gap.start_ms))
        if lasting:
            return lasting[0]
        totals = await self._segments.totals([recording.id])
        end_ms = totals.get(recording.id, Totals()).last_end_ms
        ends = [end_ms, left.lost_since_ms, *(gap.end_ms for gap in known)]
        reached_ms = max((ms for ms in ends if ms is not None), default=0)
        begun = recording.state in {"starting", "recording"}
        if begun and reached_ms < recording.since_ms - _BEHIND_MS:
            reached_ms = recording.since_ms
        return Gap(reached_ms, "restart") if reached_ms else None


def _open_files(recording: Recording) -> list[Path]:
    if not recording.output:  # never live so far
        return []
    return list(Path(recording.output).glob(f"{recording.id}_*{PART}"))
