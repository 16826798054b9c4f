"""Recordings as they stand: what is stored, and what the running ones know."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import anyio

from hostcue.model.clock import now_ms
from hostcue.model.comment import Gap
from hostcue.model.recording import FINAL_STATES, MediaInfo, Progress, Recording
from hostcue.model.room import Quality
from hostcue.pipeline.session import RecordingSession
from hostcue.storage.recordings import Recordings
from hostcue.storage.segments import Segments, Totals


@dataclass(frozen=True, slots=True)
class RecordingStatus:
    """A recording as it stands; `info` and `progress` are there only while it runs.

    `coverage` is the share of the time since its start that is on disk.
    """

    recording: Recording
    quality_got: Quality
    totals: Totals
    gaps: tuple[Gap, ...]
    coverage: float
    free_bytes: int
    info: MediaInfo | None
    progress: Progress | None


class Overview:
    """Joins stored recordings with the sessions in `running`."""

    def __init__(
        self,
        recordings: Recordings,
        segments: Segments,
        running: Mapping[str, RecordingSession],
        root: Path,
    ) -> None:
        self._recordings = recordings
        self._segments = segments
        self._running = running
        self._root = root

    async def one(self, recording_id: str) -> RecordingStatus:
        """One recording.

        Raises:
            NotFound: no such recording.
        """
        recording = await self._recordings.get(recording_id)
        totals = await self._segments.totals(recording_id)
        return self._join(
            recording,
            totals.get(recording_id, Totals()),
            await self._recordings.gaps(recording_id),
            await self._recordings.qualities(),
            await anyio.to_thread.run_sync(_free_bytes, self._root),
        )

    async def every(self) -> list[RecordingStatus]:
        """All of them, the newest first."""
        totals = await self._segments.totals()
        gaps = await self._recordings.gaps_of_all()
        qualities = await self._recordings.qualities()
        free_bytes = await anyio.to_thread.run_sync(_free_bytes, self._root)
        return [
            self._join(
                recording,
                totals.get(recording.id, Totals()),
                gaps.get(recording.id, []),
                qualities,
                free_bytes,
            )
            for recording in await self._recordings.every()
        ]

    def _join(
        self,
        recording: Recording,
        totals: Totals,
        gaps: list[Gap],
        qualities: dict[str, Quality],
        free_bytes: int,
    ) -> RecordingStatus:
        session = self._running.get(recording.id)
        if session is not None:
            recording = session.recording
        media_ms, end_ms = totals.media_ms, totals.last_end_ms
        progress = session.progress if session else None
        if progress is not None:
            media_ms, end_ms = media_ms + progress.duration_ms, progress.at_ms
        elif recording.state not in FINAL_STATES:
            end_ms = now_ms()  # a gap lasts
        return RecordingStatus(
            recording=recording,
            quality_got=session.quality_got if session else qualities[recording.id],
            totals=totals,
            gaps=tuple(gaps),
            coverage=_share(media_ms, totals.first_start_ms or recording.started_ms, end_ms),
            free_bytes=free_bytes,
            info=session.info if session else None,
            progress=progress,
        )


def _share(media_ms: int, start_ms: int, end_ms: int | None) -> float:
    if end_ms is None or end_ms <= start_ms:
        return 1.0
    return min(1.0, media_ms / (end_ms - start_ms))


def _free_bytes(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
