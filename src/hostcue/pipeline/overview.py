"""Recordings as they stand: what is stored, and what the running ones know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hostcue.model.clock import now_ms
from hostcue.model.comment import Gap
from hostcue.model.recording import FINAL_STATES, MediaInfo, Progress, Recording
from hostcue.model.room import Quality
from hostcue.pipeline.logbook import Books
from hostcue.pipeline.session import RecordingSession
from hostcue.storage.gaps import GapTotals
from hostcue.storage.segments import Totals


@dataclass(frozen=True, slots=True)
class RecordingStatus:
    """A recording as it stands; `info` and `progress` are there only while it runs.

    `gaps` are the newest, `gap_count` and `gap_ms` tell of all; one that lasts counts until now.
    `coverage` is the share on disk of what was broadcast: of the time of all segments and gaps.
    `next_check_ms` is when the platform is asked next whether a watched room is live.
    """

    recording: Recording
    quality_got: Quality
    totals: Totals
    gaps: tuple[Gap, ...]
    gap_count: int
    gap_ms: int
    coverage: float
    info: MediaInfo | None
    progress: Progress | None
    next_check_ms: int | None


class Overview:
    """Joins stored recordings with the sessions in `running`."""

    def __init__(self, books: Books, running: Mapping[str, RecordingSession]) -> None:
        self._books = books
        self._running = running

    async def one(self, recording_id: str) -> RecordingStatus:
        """One recording.

        Raises:
            NotFound: no such recording.
        """
        return (await self._of([await self._books.recordings.get(recording_id)]))[0]

    async def newest(self, limit: int, *, before_ms: int | None = None) -> list[RecordingStatus]:
        """The recordings started last, the newest first.

        Without `before_ms` those that run are there too, however long ago they were started.
        """
        running = list(self._running) if before_ms is None else []
        return await self._of(
            await self._books.recordings.newest(limit, before_ms=before_ms, also=running)
        )

    async def _of(self, recordings: Sequence[Recording]) -> list[RecordingStatus]:
        ids = [recording.id for recording in recordings]
        totals = await self._books.segments.totals(ids)
        gaps = await self._books.gaps.newest(ids)
        gap_totals = await self._books.gaps.totals(ids)
        qualities = await self._books.recordings.qualities(ids)
        return [
            self._join(
                recording,
                totals.get(recording.id, Totals()),
                gaps.get(recording.id, []),
                gap_totals.get(recording.id, GapTotals()),
                qualities[recording.id],
            )
            for recording in recordings
        ]

    def _join(
        self,
        recording: Recording,
        totals: Totals,
        gaps: list[Gap],
        gap_totals: GapTotals,
        quality: Quality,
    ) -> RecordingStatus:
        session = self._running.get(recording.id)
        logbook = session.logbook if session else None
        if logbook is not None:  # what is pinned is known to the database alone
            recording = replace(logbook.recording, pinned=recording.pinned)
        progress = logbook.progress if logbook else None
        gap_ms = gap_totals.closed_ms
        if gap_totals.open_since_ms is not None:
            until_ms = recording.since_ms if recording.state in FINAL_STATES else now_ms()
            gap_ms += max(0, until_ms - gap_totals.open_since_ms)
        open_ms = progress.duration_ms if progress else 0
        open_window_ms = progress.window_ms if progress else 0
        return RecordingStatus(
            recording=recording,
            quality_got=quality,
            totals=totals,
            gaps=tuple(gaps),
            gap_count=gap_totals.count,
            gap_ms=gap_ms,
            coverage=_share(totals.media_ms + open_ms, totals.window_ms + open_window_ms + gap_ms),
            info=logbook.info if logbook else None,
            progress=progress,
            next_check_ms=session.next_check_ms if session else None,
        )


def _share(media_ms: int, broadcast_ms: int) -> float:
    return min(1.0, media_ms / broadcast_ms) if broadcast_ms > 0 else 1.0
