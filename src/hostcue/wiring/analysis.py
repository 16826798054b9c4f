"""What analyses segments: the steps, the models they ask, and the queue they wait in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from hostcue.analysis.frames import extract_frames
from hostcue.analysis.templates import TemplateWriter
from hostcue.config import Settings
from hostcue.jobs.engine import Jobs
from hostcue.model.tip import Frame
from hostcue.model.window import Window
from hostcue.pipeline.analysis import SegmentAnalysis, Stations, Stores
from hostcue.pipeline.analysis_queue import AnalysisQueue
from hostcue.pipeline.digests import Digests
from hostcue.wiring.outside import open_writer

_CLOSE_S = 1.0


@asynccontextmanager
async def open_analysis_queue(
    settings: Settings,
    stores: Stores,
    digests: Digests,
    settled: Callable[[str, int], Awaitable[None]],
) -> AsyncIterator[AnalysisQueue]:
    """The queue; what is under way when the context is left goes on after the next start.

    `settled` returns once all comments of a room before a moment are stored.
    """
    async with open_writer(settings) as model:
        steps = SegmentAnalysis(
            stores,
            Stations(digests=digests, frames=frames_of, settled=settled),
            model=model,
            templates=TemplateWriter(),
            backoff_s=settings.model_backoff_s,
        )
        async with Jobs.open(settings.data_dir / "jobs.db", steps, grace_s=_CLOSE_S) as jobs:
            yield AnalysisQueue(jobs, stores.segments, stores.analyses)


def frames_of(
    path: Path, window: Window, prefix: str, *, at_least: int = 4, at_most: int = 24
) -> list[Frame]:
    """Pictures from a window of a file."""
    return extract_frames(path, window, prefix=prefix, at_least=at_least, at_most=at_most)
