"""Keeps one recording going, whatever the stream does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
from anyio.abc import TaskStatus

from hostcue.model.comment import Gap
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.model.recording import (
    MediaInfo,
    Progress,
    RecorderEvent,
    RecordingPlan,
    SegmentOpened,
)
from hostcue.model.room import LiveRoom
from hostcue.model.segment import ClosedFile
from hostcue.model.sound import SoundPlace
from hostcue.recording.connection import Connections
from hostcue.recording.engine import Engine
from hostcue.recording.protocol import CaptureJob, WorkerEvent
from hostcue.recording.reconnect import LADDER_S, RESOLVE_LADDER_S, Reconnect
from hostcue.recording.stream_keeper import StreamKeeper


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
        sound: SoundPlace | None = None,
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
        comes falls `max_lag_s` behind. What is recorded can be listened to at `sound`.
        """
        self._emit = emit
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
            sound=sound,
        )
        self._connections = Connections(engine, job, self._take)
        self._keeper = StreamKeeper(
            self._connections,
            live=live,
            reconnect=Reconnect(
                resolve,
                ladder_s=ladder_s,
                resolve_ladder_s=resolve_ladder_s,
                offline_recheck_s=offline_recheck_s,
                expiry_margin_s=expiry_margin_s,
                said_over=said_over,
            ),
            emit=emit,
            gap=gap,
            stop_timeout_s=stop_timeout_s,
            endless=endless,
        )
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
        await self._keeper.run()

    async def stop(self, reason: str = "stopped") -> None:
        """End the recording; returns after the last segment was emitted, within five seconds."""
        await self._keeper.stop(reason)

    def nudge(self) -> None:
        """The room is live again, somebody heard: if it waits to reconnect, it tries now."""
        self._keeper.nudge()

    async def listen(self, place: SoundPlace | None) -> None:
        """Have the sound of what is recorded brought there from now on, or nowhere."""
        await self._connections.listen(place)

    async def _take(self, event: WorkerEvent) -> None:
        if isinstance(event, SegmentOpened):
            first = not self._keeper.begun
            await self._keeper.arrived(event.seq, event.start_ms)
            await self._emit(event)
            if first:
                self._started.started(event.info)
        elif isinstance(event, ClosedFile):
            await self._keeper.ended(event.seq, event.window, event.duration_ms / 1000)
            await self._emit(event)
        elif isinstance(event, Progress):
            await self._emit(event)
