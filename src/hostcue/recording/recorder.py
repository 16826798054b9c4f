"""Keeps one recording going, whatever the stream does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import anyio
import anyio.lowlevel
import structlog
from anyio.abc import TaskStatus

from hostcue.errors import DiskFull, RoomOffline
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
from hostcue.recording.connection import Connections
from hostcue.recording.engine import Engine
from hostcue.recording.failure import failure_of
from hostcue.recording.ledger import GapLedger
from hostcue.recording.protocol import CaptureJob, Ended, WorkerEvent
from hostcue.recording.reconnect import (
    LADDER_S,
    REFUSED,
    RESOLVE_LADDER_S,
    URL_EXPIRED,
    Reconnect,
    expires,
)

_ENDS = {"eof": "ended", "changed": "changed"}  # of what can't be taken up again, with the reason

log = structlog.get_logger(__name__)


def _never() -> bool:
    return False


class Recorder:
    """One recording from start to stop: its connections, gaps and states.

    A dropped stream is tried again at once and then by `ladder_s`. Less often, by
    `resolve_ladder_s`, the room is resolved anew; at once when the address was refused or expires.
    Until there is another address, the old one is tried on. Only the platform's word, given twice,
    ends a broadcast; mere silence never does. Once is enough when `said_over`: the comment stream
    has said so too.

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
        said_over: Callable[[], bool] = _never,
        first_seq: int = 0,
        gap: Gap | None = None,
        open_timeout_s: float = 10.0,
        read_timeout_s: float = 8.0,
        max_lag_s: float = 4.0,
        ladder_s: tuple[float, ...] = LADDER_S,
        resolve_ladder_s: tuple[float, ...] = RESOLVE_LADDER_S,
        offline_recheck_s: float = 20.0,
        expiry_margin_s: float = 60.0,
        stop_timeout_s: float = 3.0,
        endless: bool = True,
    ) -> None:
        """`endless` is false for a stream whose end is the end, as a local file's always is.

        A `gap` that lasts ends with the first segment; nothing is recorded from before its start.
        A stream is taken to have stalled when nothing comes for `read_timeout_s`, or when what
        comes falls `max_lag_s` behind.
        """
        self._live = live
        self._emit = emit
        self._stop_timeout_s = stop_timeout_s
        self._endless = endless and live.source.container != "file"
        job = CaptureJob(
            id="",
            url=live.source.url,
            container=live.source.container,
            headers=live.source.headers,
            proxies=proxies,
            policy=policy,
            output=str(output.absolute()),
            recording_id=recording_id,
            save_format=plan.save_format,
            segment_s=plan.segment_s,
            zone=zone,
            first_seq=first_seq,
            not_before_ms=None,
            open_timeout_s=open_timeout_s,
            read_timeout_s=read_timeout_s,
            max_lag_s=max_lag_s,
            aligned=plan.aligned,
        )
        self._connections = Connections(engine, job, self._take)
        self._reconnect = Reconnect(
            resolve,
            ladder_s=ladder_s,
            resolve_ladder_s=resolve_ladder_s,
            offline_recheck_s=offline_recheck_s,
            expiry_margin_s=expiry_margin_s,
            said_over=said_over,
        )
        self._state: RecordingState | None = None
        self._reason = ""
        self._resolved: LiveRoom | None = None
        self._no_other = False
        self._gaps = GapLedger(emit, gap)
        self._brought_s = 0.0
        self._waiting = anyio.CancelScope()
        self._stop_reason: str | None = None
        self._done = anyio.Event()
        self._started: TaskStatus[MediaInfo] = anyio.TASK_STATUS_IGNORED

    async def run(self, *, task_status: TaskStatus[MediaInfo] = anyio.TASK_STATUS_IGNORED) -> None:
        """Record until stopped or until the broadcast ends; started once pictures are written.

        When cancelled, it stops as `stop` does, then lets the cancellation through.

        Raises:
            MediaUnsupported: the first connection brought codecs that can't be recorded.
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

    def nudge(self) -> None:
        """The room is live again, somebody heard: if it waits to reconnect, it tries now."""
        self._reconnect.nudge()

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
        self._waiting.cancel()
        await self._connections.stop(self._stop_timeout_s)

    async def _record(self) -> Exception | None:
        """Connect again and again; what made it impossible is returned."""
        try:
            while True:
                ended = await self._connect()
                if self._state is None:
                    return failure_of(ended, users_own=self._live.room.platform == "direct")
                if self._stop_reason is not None:
                    await self._finish("stopped", self._stop_reason)
                    return None
                if ended.cause in _ENDS and not self._endless:
                    await self._finish("stopped", _ENDS[ended.cause])
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

    async def _connect(self) -> Ended:
        source = self._live.source
        ended = await self._connections.make(source, self._gaps.recorded_to_ms)
        if self._state is not None and ended.cause in REFUSED and expires(source):
            ended = replace(ended, cause=URL_EXPIRED)
        log.info("recording_connection_ended", cause=ended.cause, detail=ended.detail)
        return ended

    async def _take(self, event: WorkerEvent) -> None:
        if isinstance(event, SegmentOpened):
            await self._open(event)
        elif isinstance(event, ClosedFile):
            await self._close(event)
        elif isinstance(event, Progress):
            await self._emit(event)

    async def _open(self, event: SegmentOpened) -> None:
        first = self._state is None
        if self._state != "recording":
            self._brought_s = 0.0
            await self._change("recording", "")
        await self._gaps.started(event.seq, event.start_ms)
        await self._emit(event)
        if first:
            self._started.started(event.info)

    async def _close(self, file: ClosedFile) -> None:
        self._brought_s += file.duration_ms / 1000
        await self._gaps.started(file.seq, file.window.start_ms)
        await self._gaps.closed(file.window.end_ms)
        await self._emit(file)

    async def _lose(self, ended: Ended) -> None:
        """The stream is gone; a failed attempt to come back only changes the reason."""
        if self._state == "recording":
            self._no_other = False
            self._reconnect.recorded(self._brought_s)
            await self._change("reconnecting", ended.cause)
            await self._gaps.begin(ended.cause)
        elif not (self._no_other and (ended.cause == URL_EXPIRED or ended.cause in REFUSED)):
            await self._note(ended.cause)

    async def _told(self, reason: str) -> None:
        """Why the platform gives no other address says more than that the old one is refused."""
        self._no_other = True
        await self._note(reason)

    async def _note(self, reason: str) -> None:
        if reason != self._reason:
            await self._change("reconnecting", reason)

    async def _wait_turn(self, cause: str) -> str | None:
        """Wait until it is time to connect again; the reason, if the recording is over instead."""
        with anyio.CancelScope() as self._waiting:
            if self._stop_reason is None:
                try:
                    live = await self._reconnect.turn(cause, self._live.source, self._told)
                except RoomOffline:
                    return "offline"
                if live is not None:
                    self._no_other = False
                    if live.room.room_id != self._live.room.room_id:
                        await self._gaps.begin_anew()
                    self._live = self._resolved = live
        return self._stop_reason

    async def _finish(self, state: RecordingState, reason: str) -> None:
        # a broadcast that is over has no gap at its end
        await self._gaps.give_up(0 if reason == "offline" else now_ms())
        await self._change(state, reason)

    async def _change(self, state: RecordingState, reason: str) -> None:
        self._state, self._reason = state, reason
        live, self._resolved = self._resolved, None
        await self._emit(StateChanged(state, reason, now_ms(), live))
