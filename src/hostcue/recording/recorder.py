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
from hostcue.recording.stream_keeper import USUAL, StreamKeeper, StreamRules, never


class Recorder:
    """One recording from start to stop: its connections, gaps and states.

    What becomes of a dropped stream says `StreamKeeper`.

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
        said_over: Callable[[], bool] = never,
        first_seq: int = 0,
        gap: Gap | None = None,
        sound: SoundPlace | None = None,
        rules: StreamRules = USUAL,
    ) -> None:
        """What is recorded can be listened to at `sound`.

        A `gap` that lasts ends with the first segment; nothing is recorded from before its start.
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
            open_timeout_s=rules.open_timeout_s,
            read_timeout_s=rules.read_timeout_s,
            max_lag_s=rules.max_lag_s,
            aligned=plan.aligned,
            sound=sound,
        )
        self._connections = Connections(engine, job, self._take)
        self._keeper = StreamKeeper(
            self._connections,
            live=live,
            resolve=resolve,
            said_over=said_over,
            emit=emit,
            gap=gap,
            rules=rules,
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
