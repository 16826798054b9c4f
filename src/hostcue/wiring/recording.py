"""Who records rooms."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from anyio.abc import TaskGroup

from hostcue.config import Settings
from hostcue.model.segment import Segment
from hostcue.pipeline.analysis import Stores
from hostcue.pipeline.analysis_queue import AnalysisQueue
from hostcue.pipeline.broadcast import Recordable
from hostcue.pipeline.chats import Chats
from hostcue.pipeline.disk_gate import DiskGate
from hostcue.pipeline.live_audio import LiveAudio
from hostcue.pipeline.logbook import Books
from hostcue.pipeline.supervisor import Supervisor
from hostcue.pipeline.watch import Polling
from hostcue.recording.engine import Engine
from hostcue.recording.recorder import Recorder
from hostcue.rooms.chain import Resolvers


def supervisor_of(
    settings: Settings,
    stores: Stores,
    chats: Chats,
    tasks: TaskGroup,
    engine: Engine,
    resolvers: Resolvers,
    gate: DiskGate,
    analysis_queue: AnalysisQueue | None,
    live_audio: LiveAudio | None,
) -> Supervisor:
    """As the settings want it."""
    recorder = partial(Recorder, engine, zone=settings.tz, policy=settings.address_policy)
    return Supervisor(
        tasks,
        engine=engine,
        books=Books(
            stores.recordings,
            stores.segments,
            stores.gaps,
            analyse=_in_turn(live_audio, analysis_queue),
        ),
        chats=chats,
        parts=Recordable(
            recorder=recorder,
            resolve=lambda plan: resolvers.resolve(plan.link, plan.quality, plan.access),
            room_of=resolvers.room_of,
            proxies=settings.proxies,
            gate=gate,
            polling=Polling(settings.poll_s),
            zone=settings.tz,
            speech=live_audio.recorded if live_audio is not None else None,
        ),
        records_root=settings.records_root,
        max_recordings=settings.max_recordings,
    )


def _in_turn(
    live_audio: LiveAudio | None, analysis_queue: AnalysisQueue | None
) -> Callable[[Segment], Awaitable[None]]:
    """What is done with a closed segment; without any part it is only recorded."""

    async def closed(segment: Segment) -> None:
        if live_audio is not None:
            live_audio.closed(segment)
        if analysis_queue is not None:
            await analysis_queue.consider(segment)

    return closed
