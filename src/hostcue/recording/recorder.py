"""Keeps one recording going, whatever the stream does."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import anyio
import anyio.lowlevel
import structlog
from anyio.abc import TaskStatus

from hostcue.errors import (
    DiskFull,
    HostcueError,
    RoomOffline,
    WorkerDied,
)
from hostcue.model.clock import now_ms
from hostcue.model.comment import Gap
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.model.recording import (
    MediaInfo,
    Progress,
    RecorderEvent,
    RecordingPlan,
    RecordingState,
    SegmentOpened,
    StateChanged,
)
from hostcue.model.room import LiveRoom
from hostcue.model.segment import ClosedFile
from hostcue.recording.engine import Engine
from hostcue.recording.failure import failure_of
from hostcue.recording.host import Worker
from hostcue.recording.protocol import CaptureJob, Ended, WorkerEvent
from hostcue.recording.reconnect import Reconnect

_MARGIN_S = 2.0
_KEY_S = 15.0  # after connecting, the worker waits so long for a key frame

log = structlog.get_logger(__name__)


class Recorder:
    """One recording from start to stop: its connections, gaps, numbers and states.

    A dropped stream is taken up again by the ladder: at once and a second later at the same
    address, from then on after resolving the room anew (at once when the address was refused).
    Only the platform's word, given twice, ends a broadcast; mere silence never does.

    `emit` is awaited for every event, in order; what it raises ends the recording.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        recording_id: str,
        plan: RecordingPlan,
        live: LiveRoom,
        output: Path,
        zone: str | None,
        proxies: Proxies,
        policy: AddressPolicy,
        resolve: Callable[[], Awaitable[LiveRoom]],
        emit: Callable[[RecorderEvent], Awaitable[None]],
        first_seq: int = 0,
        open_timeout_s: float = 10.0,
        read_timeout_s: float = 8.0,
        ladder_s: tuple[float, ...] = (0, 1, 2, 4, 8, 15, 30),
        offline_recheck_s: float = 20.0,
        stop_timeout_s: float = 3.0,
        endless: bool = True,
    ) -> None:
        """`endless` is false for a stream whose end is the end, as a local file's always is."""
        self._engine = engine
        self._id = recording_id
        self._plan = plan
        self._live = live
        self._output = output
        self._zone = zone
        self._proxies = proxies
        self._policy = policy
        self._emit = emit
        self._seq = first_seq
        self._open_timeout_s = open_timeout_s
        self._read_timeout_s = read_timeout_s
        self._stop_timeout_s = stop_timeout_s
        self._endless = endless and live.source.container != "file"
        self._reconnect = Reconnect(resolve, ladder_s=ladder_s, offline_recheck_s=offline_recheck_s)
        self._state: RecordingState | None = None
        self._reason = ""
        self._resolved: LiveRoom | None = None
        self._opened: SegmentOpened | None = None
        self._end_ms: int | None = None
        self._gap: Gap | None = None
        self._since_s = 0.0
        self._worker: Worker | None = None
        self._patience = anyio.CancelScope()
        self._stop_reason: str | None = None
        self._give_up_s = math.inf
        self._done = anyio.Event()
        self._started: TaskStatus[MediaInfo] = anyio.TASK_STATUS_IGNORED

    async def run(self, *, task_status: TaskStatus[MediaInfo] = anyio.TASK_STATUS_IGNORED) -> None:
        """Record until stopped or until the broadcast ends; started once pictures are written.

        When cancelled, it stops as `stop` does, then lets the cancellation through.

        Raises:
            MediaUnsupported: the first connection brought nothing that can be recorded.
            PrivateAddress: it led into a private network.
            TransportFailed: it could not be made.
            RoomNotFound, AuthRequired: there is no such stream, or not for us.
            Blocked: the platform named a stream and keeps it from us.
            WorkerDied: the worker that was to make it crashed.
            DiskFull: the disk takes no more, at any time; the state is `paused_disk` then.
            RecordingError: stopped before anything was recorded, or the folder can't be written.
        """
        self._started = task_status
        failure: Exception | None = None
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._stop_when_cancelled)
                with anyio.CancelScope(shield=True):
                    failure = await self._record()
                tasks.cancel_scope.cancel()
        finally:
            self._done.set()
        await anyio.lowlevel.checkpoint_if_cancelled()
        if failure is not None:
            raise failure

    async def stop(self, reason: str = "stopped") -> None:
        """End the recording; returns after the last segment was emitted, within five seconds."""
        await self._ask_to_stop(reason)
        await self._done.wait()

    async def _stop_when_cancelled(self) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                # nobody asked for it: a restart takes the recording up again
                await self._ask_to_stop("server_stopped")

    async def _ask_to_stop(self, reason: str) -> None:
        if self._stop_reason is not None:
            return
        self._stop_reason = reason
        self._give_up_s = anyio.current_time() + self._stop_timeout_s
        if self._worker is None:
            self._patience.cancel()  # it waits to reconnect
        else:
            self._patience.deadline = min(self._patience.deadline, self._give_up_s)
            await self._worker.stop()

    async def _record(self) -> Exception | None:
        """Connect again and again; what made it impossible is returned."""
        try:
            while True:
                ended = await self._connection()
                if self._state is None:
                    return failure_of(ended, users_own=self._live.room.platform == "direct")
                if self._stop_reason is not None:
                    await self._finish("stopped", self._stop_reason)
                    return None
                if ended.cause == "eof" and not self._endless:
                    await self._finish("stopped", "ended")
                    return None
                if ended.cause == DiskFull.code:
                    await self._finish("paused_disk", ended.cause)
                    return DiskFull(ended.detail)
                await self._lose(ended)
                over = await self._wait_turn(ended.cause)
                if over is not None:
                    await self._finish("stopped", over)
                    return None
        except Exception as exc:  # noqa: BLE001 - so that it leaves the task group as itself
            return exc

    async def _connection(self) -> Ended:
        """One worker from its start to its end, the file it may have left open included."""
        job = self._job()
        try:
            async with self._engine.worker(job) as self._worker:
                if self._stop_reason is not None:
                    await self._worker.stop()
                ended = await self._follow(self._worker, job.stall_s)
        except WorkerDied as exc:
            ended = Ended(exc.code, exc.message)
        finally:
            self._worker = None
        log.info("recording_connection_ended", cause=ended.cause, detail=ended.detail)
        await self._rescue()
        return ended

    def _job(self) -> CaptureJob:
        source = self._live.source
        return CaptureJob(
            id=uuid4().hex,
            url=source.url,
            container=source.container,
            headers=source.headers,
            proxies=self._proxies,
            policy=self._policy,
            output=str(self._output.absolute()),
            recording_id=self._id,
            save_format=self._plan.save_format,
            segment_s=self._plan.segment_s,
            zone=self._zone,
            first_seq=self._seq,
            not_before_ms=self._end_ms,
            open_timeout_s=self._open_timeout_s,
            read_timeout_s=self._read_timeout_s,
        )

    async def _follow(self, worker: Worker, stall_s: float) -> Ended:
        """Take what the worker reports; one that falls silent is killed."""
        while True:
            quiet_s = _MARGIN_S + (2 * stall_s if self._opened else self._open_timeout_s + _KEY_S)
            deadline = min(anyio.current_time() + quiet_s, self._give_up_s)
            event: WorkerEvent | None = None
            with anyio.CancelScope(deadline=deadline) as self._patience:
                event = await anext(worker, None)
            if event is None:
                await worker.kill()
                return Ended(WorkerDied.code, "the recording worker gave no sign of life")
            if isinstance(event, Ended):
                lost = event.cause == "orphaned"
                return Ended(WorkerDied.code, event.detail) if lost else event
            await self._take(event)

    async def _take(self, event: WorkerEvent) -> None:
        if isinstance(event, SegmentOpened):
            await self._open(event)
        elif isinstance(event, ClosedFile):
            await self._close(event)
        elif isinstance(event, Progress):
            await self._emit(event)

    async def _open(self, event: SegmentOpened) -> None:
        self._opened = event
        first = self._state is None
        if self._state != "recording":
            self._since_s = anyio.current_time()
            await self._change("recording", "")
            await self._end_gap(event.start_ms)
        await self._emit(event)
        if first:
            self._started.started(event.info)

    async def _close(self, file: ClosedFile) -> None:
        self._opened = None
        self._seq = file.seq + 1
        self._end_ms = file.window.end_ms
        await self._emit(file)

    async def _rescue(self) -> None:
        """Make a segment of what the worker left open; one that holds nothing frees its number."""
        if self._opened is None:
            return
        opened, self._opened = self._opened, None
        try:
            file = await self._engine.recover(
                Path(opened.path), start_ms=opened.start_ms, zone=self._zone
            )
        except HostcueError as exc:
            log.warning("segment_left_open", path=opened.path, error=exc)
            self._seq = opened.seq + 1
            return
        if file is not None:
            await self._close(file)

    async def _lose(self, ended: Ended) -> None:
        """The stream is gone; a failed attempt to come back only changes the reason."""
        if self._state == "recording":
            self._reconnect.recorded(anyio.current_time() - self._since_s)
            await self._change("reconnecting", ended.cause)
            self._gap = Gap(now_ms() if self._end_ms is None else self._end_ms, ended.cause)
            await self._emit(self._gap)
        else:
            await self._note(ended.cause)

    async def _note(self, reason: str) -> None:
        if reason != self._reason:
            await self._change("reconnecting", reason)

    async def _wait_turn(self, cause: str) -> str | None:
        """Wait until it is time to connect again; the reason, if the recording is over instead."""
        with anyio.CancelScope() as self._patience:
            if self._stop_reason is None:
                try:
                    live = await self._reconnect.turn(cause, self._note)
                except RoomOffline:
                    return "offline"
                if live is not None:
                    self._live = self._resolved = live
        return self._stop_reason

    async def _finish(self, state: RecordingState, reason: str) -> None:
        # a broadcast that is over has no gap at its end
        await self._end_gap(0 if reason == "offline" else now_ms())
        await self._change(state, reason)

    async def _end_gap(self, end_ms: int) -> None:
        if self._gap is not None:
            gap, self._gap = self._gap, None
            await self._emit(Gap(gap.start_ms, gap.cause, max(gap.start_ms, end_ms)))

    async def _change(self, state: RecordingState, reason: str) -> None:
        self._state, self._reason = state, reason
        live, self._resolved = self._resolved, None
        await self._emit(StateChanged(state, reason, now_ms(), live))
