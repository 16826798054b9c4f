"""What analyses segments: the steps, the models they ask, and the queue they wait in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from hostcue.analysis.frames import extract_frames
from hostcue.analysis.templates import TemplateWriter
from hostcue.config import Settings
from hostcue.jobs.engine import Jobs
from hostcue.model.tip import Frame
from hostcue.model.window import Window
from hostcue.pipeline.analysis import SegmentAnalysis, Stations, Stores
from hostcue.pipeline.analysis_queue import AnalysisQueue
from hostcue.pipeline.chats import Chats
from hostcue.pipeline.digests import Digests
from hostcue.pipeline.live_audio import LiveAudio
from hostcue.wiring.outside import open_writer

_CLOSE_S = 1.0


@asynccontextmanager
async def open_analysis_queue(
    settings: Settings,
    stores: Stores,
    digests: Digests,
    chats: Chats,
    live_audio: LiveAudio | None,
) -> AsyncIterator[AnalysisQueue]:
    """The queue; what is under way when the context is left goes on after the next start."""

    async def settled(room_id: str, until_ms: int) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(chats.settled, room_id, until_ms)
            if live_audio is not None:
                tasks.start_soon(live_audio.settled, room_id, until_ms)

    async with open_writer(settings) as model:
        steps = SegmentAnalysis(
            stores,
            Stations(
                digests=digests,
                frames=frames_of,
                settled=settled,
                listens=lambda room_id: live_audio is not None and live_audio.listens(room_id),
            ),
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
