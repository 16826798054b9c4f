"""One connection to a stream, from its worker's start to the file it may leave open."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import anyio
import structlog

from hostcue.errors import HostcueError, WorkerDied
from hostcue.model.recording import SegmentOpened
from hostcue.model.room import StreamSource
from hostcue.model.segment import ClosedFile
from hostcue.model.sound import SoundPlace
from hostcue.recording.engine import Engine
from hostcue.recording.host import Worker
from hostcue.recording.protocol import CaptureJob, Ended, Listened, StreamJob, WorkerEvent

_MARGIN_S = 2.0
_MOMENT_S = 1.0
_KEY_S = 15.0  # after connecting, the worker waits so long for a key frame

log = structlog.get_logger(__name__)


class Connections:
    """The connections to a stream, one at a time, each with a worker of its own.

    They follow `job`; where to connect, and what came before, is added to it each time. `take` is
    awaited for what the workers report, in order; what it raises ends the connection.
    """

    def __init__(
        self, engine: Engine, job: StreamJob, take: Callable[[WorkerEvent], Awaitable[None]]
    ) -> None:
        self._engine = engine
        self._job = job
        self._take = take
        self._opened: SegmentOpened | None = None
        self._listens = False
        self._worker: Worker | None = None
        self._patience = anyio.CancelScope()
        self._stops = False
        self._give_up_s = math.inf

    async def make(self, source: StreamSource, recorded_to_ms: int | None) -> Ended:
        """Connect and go on until the stream ends or breaks, or somebody calls `stop`."""
        job = self._job = replace(
            self._job,
            id=uuid4().hex,
            url=source.url,
            container=source.container,
            headers=source.headers,
            not_before_ms=recorded_to_ms,
        )
        try:
            async with self._engine.worker(job) as self._worker:
                if self._stops:
                    await self._worker.stop()
                elif self._job.sound != job.sound:  # it was said meanwhile
                    await self._worker.listen(self._job.sound)
                ended = await self._follow(self._worker)
        except WorkerDied as exc:
            ended = Ended(exc.code, exc.message)
        finally:
            self._worker = None
            self._listens = False
        self._remember(ended)
        await self._rescue()
        return ended

    async def listen(self, place: SoundPlace | None) -> None:
        """Have the sound of what is recorded brought there from now on, or nowhere."""
        if isinstance(self._job, CaptureJob):
            self._job = replace(self._job, sound=place)
        if self._worker is not None:
            await self._worker.listen(place)

    async def stop(self, within_s: float) -> None:
        """Ask the worker to close its segment and end; it is killed if it takes longer."""
        self._stops = True
        self._give_up_s = anyio.current_time() + within_s
        if self._worker is not None:
            self._patience.deadline = min(self._patience.deadline, self._give_up_s)
            await self._worker.stop()

    async def _follow(self, worker: Worker) -> Ended:
        """Take what the worker reports; one that falls silent is killed."""
        job = self._job
        while True:
            goes = self._listens or self._opened
            quiet_s = _MARGIN_S + (2 * job.stall_s if goes else job.open_timeout_s + _KEY_S)
            event = await self._report(worker, quiet_s)
            if event is None:
                await worker.kill()
                return Ended(WorkerDied.code, "the recording worker gave no sign of life")
            if isinstance(event, Ended):
                lost = event.cause == "orphaned"
                return Ended(WorkerDied.code, event.detail) if lost else event
            await self._pass_on(event)

    async def _report(self, worker: Worker, quiet_s: float) -> WorkerEvent | None:
        """What it says next; None if nothing comes.

        After the time is up there is another moment: a server that stood still itself finds then
        what its workers said meanwhile.
        """
        for wait_s in (quiet_s, _MOMENT_S):
            deadline = min(anyio.current_time() + wait_s, self._give_up_s)
            with anyio.CancelScope(deadline=deadline) as self._patience:
                return await anext(worker, None)
        return None

    def _remember(self, ended: Ended) -> None:
        """What was recorded last; of a worker that died nobody knows."""
        job, knows = self._job, ended.cause != WorkerDied.code
        self._job = replace(
            job,
            last_key=ended.last_key or (job.last_key if knows else ""),
            last_piece=ended.last_piece or (job.last_piece if knows else ""),
        )

    async def _pass_on(self, event: WorkerEvent) -> None:
        if isinstance(event, SegmentOpened):
            self._opened = event
        elif isinstance(event, ClosedFile):
            self._opened = None
            self._go_on_after(event.seq)
        elif isinstance(event, Listened):
            self._listens = True
        await self._take(event)

    async def _rescue(self) -> None:
        """Make a segment of what the worker left open; one that holds nothing frees its number."""
        if self._opened is None or not isinstance(self._job, CaptureJob):
            return
        opened, self._opened = self._opened, None
        try:
            file = await self._engine.recover(
                Path(opened.path), start_ms=opened.start_ms, zone=self._job.zone
            )
        except HostcueError as exc:
            log.warning("segment_left_open", path=opened.path, error=exc)
            self._go_on_after(opened.seq)
            return
        if file is not None:
            await self._pass_on(file)

    def _go_on_after(self, seq: int) -> None:
        if isinstance(self._job, CaptureJob):
            self._job = replace(self._job, first_seq=seq + 1)
