"""Which segments are analysed by themselves, and which only by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ready_database import open_database

from hostcue.model.segment import ClosedFile, Segment
from hostcue.model.window import Window
from hostcue.pipeline.analysis_queue import AnalysisQueue
from hostcue.storage.analyses import Analyses
from hostcue.storage.segments import Segments


@dataclass
class Desk:
    """A queue over a real database, whose jobs are only noted."""

    segments: Segments
    analyses: Analyses
    asked: list[tuple[int, int]] = field(default_factory=list)

    async def analyse(self, recording_id: str, seq: int, run: int = 0) -> bool:
        self.asked.append((seq, run))
        return True

    @property
    def queue(self) -> AnalysisQueue:
        return AnalysisQueue(self, self.segments, self.analyses)

    async def closed(self, seq: int, duration_ms: int, *, window_ms: int) -> None:
        window = Window(seq * 10_000, seq * 10_000 + window_ms)
        file = ClosedFile(seq, f"/r/{seq}", window, duration_ms, 9, "h264", "", 9, 9, 15.0)
        segment = Segment("rec", "room", "主播", "douyin", file, 5)
        await self.segments.add(segment)
        await self.queue.consider(segment)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_database(tmp_path / "hostcue.db") as database:
        yield Desk(Segments(database), Analyses(database))


async def test_a_segment_with_hardly_any_media_is_not_analysed_by_itself(desk: Desk) -> None:
    await desk.closed(0, 999, window_ms=5000)  # the source paused in it
    await desk.closed(1, 1000, window_ms=1000)
    assert desk.asked == [(1, 0)]
    skipped = await desk.analyses.get("rec", 0)
    assert skipped is not None
    assert (skipped.state, skipped.reason) == ("skipped", "too_short")
    assert [s.seq for s in await desk.segments.unanalysed_since(0)] == [1]


async def test_a_segment_that_was_too_short_is_analysed_when_somebody_insists(desk: Desk) -> None:
    await desk.closed(0, 400, window_ms=400)
    analysis = await desk.queue.request("rec", 0, force=True)
    assert (analysis.run, analysis.state) == (1, "queued")
    assert desk.asked == [(0, 1)]
