"""Which segments are analysed, and when."""

from __future__ import annotations

from typing import Protocol

import structlog

from hostcue.model.analysis import Analysis
from hostcue.model.clock import now_ms
from hostcue.model.segment import Segment
from hostcue.storage.analyses import Analyses
from hostcue.storage.segments import Segments

_SHORTEST_MS = 1000  # less shows and says nothing

log = structlog.get_logger(__name__)


class Jobs(Protocol):
    """The durable engine, as far as the flow uses it."""

    async def analyse(self, recording_id: str, seq: int, run: int = 0) -> bool:
        """Run an analysis once; False when that run is known already."""
        ...


class AnalysisQueue:
    """Sends each segment to analysis once, and again only when somebody insists."""

    def __init__(
        self, jobs: Jobs, segments: Segments, analyses: Analyses, *, interval_s: float = 300
    ) -> None:
        self._jobs = jobs
        self._segments = segments
        self._analyses = analyses
        self._interval_s = interval_s

    async def consider(self, segment: Segment) -> None:
        """Analyse a segment that was just closed; failing to never harms its recording.

        One that hardly holds any media is passed over: a stream that comes and goes makes many.
        """
        recording_id, seq = segment.recording_id, segment.seq
        try:
            await self._analyses.queue(recording_id, seq, 0)
            if segment.file.duration_ms < _SHORTEST_MS:
                await self._analyses.set(recording_id, seq, 0, state="skipped", reason="too_short")
            else:
                await self._jobs.analyse(recording_id, seq)
        except Exception as exc:  # noqa: BLE001 - a broken queue must not end a recording
            log.error("analysis_not_started", recording=recording_id, seq=seq, error=exc)

    async def request(self, recording_id: str, seq: int, *, force: bool) -> Analysis:
        """Analyse by hand; without `force` a segment that was analysed is left as it is.

        Raises:
            NotFound: there is no such segment, or its file was deleted.
        """
        await self._segments.get(recording_id, seq)
        known = await self._analyses.get(recording_id, seq)
        if known is not None and not force and known.state not in {"failed", "skipped"}:
            return known
        segment = await self._segments.with_file(recording_id, seq)
        run = await self._analyses.next_run(recording_id, seq)
        analysis = await self._analyses.queue(recording_id, segment.seq, run)
        await self._jobs.analyse(recording_id, segment.seq, run)
        return analysis

    async def take_up(self) -> None:
        """After a start: analyse what a crash kept from it, as long as it is worth saying."""
        for segment in await self._segments.unanalysed_since(
            now_ms() - round(1000 * self._interval_s)
        ):
            await self.consider(segment)
