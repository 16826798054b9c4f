"""One recording: its recorder's reports become rows, events and analyses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import structlog
from anyio.abc import TaskStatus

from hostcue.errors import (
    Conflict,
    HostcueError,
    RoomNotFound,
    RoomOffline,
    StorageFailed,
)
from hostcue.model.clock import now_ms
from hostcue.model.comment import Gap
from hostcue.model.recording import (
    FINAL_STATES,
    MediaInfo,
    Progress,
    RecorderEvent,
    Recording,
    RecordingPlan,
    SegmentOpened,
    StateChanged,
)
from hostcue.model.room import LiveRoom, Quality
from hostcue.model.segment import ClosedFile, Segment
from hostcue.pipeline.chats import Chats
from hostcue.recording.recorder import Recorder
from hostcue.storage.recordings import Recordings
from hostcue.storage.segments import Segments

log = structlog.get_logger(__name__)

_STORE_AGAIN_AFTER_S = (0.2, 1.0, 5.0)
"""A database that is busy or full for a moment must not cost a segment its row."""


@dataclass(frozen=True, slots=True)
class Recordable:
    """What a session needs to make a recorder of its own.

    "Offline" is believed when it was said twice, `offline_recheck_s` apart.
    """

    recorder: Callable[..., Recorder]
    resolve: Callable[[RecordingPlan], Awaitable[LiveRoom]]
    resume_after_s: tuple[float, ...] = (0, 2, 5, 10, 20, 30)
    offline_recheck_s: float = 20.0


class RecordingSession:
    """A recording that runs in this process; `recording` always shows its latest state."""

    def __init__(
        self,
        recording: Recording,
        *,
        parts: Recordable,
        recordings: Recordings,
        segments: Segments,
        chats: Chats,
        analyse: Callable[[Segment], Awaitable[None]],
        announced: bool = False,
    ) -> None:
        self.recording = recording
        self.info: MediaInfo | None = None
        self.progress: Progress | None = None
        self.quality_got: Quality = recording.plan.quality
        self.finished = anyio.Event()
        self._parts = parts
        self._recordings = recordings
        self._segments = segments
        self._chats = chats
        self._analyse = analyse
        self._recorder: Recorder | None = None
        self._waiting = anyio.CancelScope()
        self._restart_gap: Gap | None = None
        self._announced = announced
        self._ready: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
        self.stopping = False

    async def run(self, live: LiveRoom, *, task_status: TaskStatus[None]) -> None:
        """Record until stopped or until the broadcast ends; started once media arrives.

        Raises:
            HostcueError: the first connection could not be made; nothing was stored.
        """
        try:
            self._ready = task_status
            self.quality_got = live.source.quality
            with self._waiting:
                await self._record(live, 0)
            if not self._announced:
                raise Conflict("the recording was stopped before it began")
        finally:
            await self._close()

    async def resume(self, gap_from_ms: int | None, *, above_seq: int = -1) -> None:
        """Go on after a restart: the room is resolved until it answers, or says it is over.

        New segments get numbers above `above_seq`, the highest that a file on disk bears.
        """
        try:
            with self._waiting:
                if gap_from_ms is not None:
                    self._restart_gap = Gap(gap_from_ms, "restart")
                    await self._stored(self._recordings.gap, self.recording.id, self._restart_gap)
                await self._take(StateChanged("reconnecting", "restart", now_ms()))
                await self._resume(above_seq)
        finally:
            await self._close()

    async def stop(self, reason: str) -> None:
        """End the recording; its last segment is indexed and announced when this returns."""
        self.stopping = True
        if self._recorder is not None:
            await self._recorder.stop(reason)
        self._waiting.cancel()
        await self.finished.wait()
        if self.recording.state not in FINAL_STATES:
            await self._take(StateChanged("stopped", reason, now_ms()))

    @property
    def announced(self) -> bool:
        """Whether the recording is known to others: media has arrived at least once."""
        return self._announced

    async def fail(self, change: StateChanged) -> None:
        """The recording broke in a way nobody foresaw; it stays wanted for the next start."""
        await self._take(change)

    async def _resume(self, above_seq: int) -> None:
        pauses = self._parts.resume_after_s
        tries = 0
        offline_s: float | None = None
        while True:
            await anyio.sleep(pauses[min(tries, len(pauses) - 1)])
            tries += 1
            try:
                live = await self._parts.resolve(self.recording.plan)
                await self._take(StateChanged("reconnecting", "restart", now_ms(), live))
                next_seq = await self._segments.next_seq(self.recording.id)
                await self._record(live, max(next_seq, above_seq + 1))
            except (RoomOffline, RoomNotFound) as exc:
                now_s = anyio.current_time()
                if offline_s is not None and now_s - offline_s >= self._parts.offline_recheck_s:
                    await self._take(StateChanged("stopped", exc.code, now_ms()))
                    return
                offline_s = now_s if offline_s is None else offline_s
                await self._take(StateChanged("reconnecting", exc.code, now_ms()))
            except HostcueError as exc:
                offline_s = None
                log.warning("resume_failed", recording=self.recording.id, error=exc)
                await self._take(StateChanged("reconnecting", exc.code, now_ms()))
            else:
                return

    async def _record(self, live: LiveRoom, first_seq: int) -> None:
        recording = self.recording
        await self._join_comments(live)
        self._recorder = self._parts.recorder(
            recording_id=recording.id,
            plan=recording.plan,
            live=live,
            output=Path(recording.output),
            resolve=lambda: self._parts.resolve(recording.plan),
            emit=self._take,
            first_seq=first_seq,
        )
        await self._recorder.run()

    async def _began(self) -> None:
        """The first media arrived: from now on the recording exists for everyone."""
        await self._recordings.add(self.recording, self.quality_got)
        self._announced = True
        self._ready.started()

    async def _close(self) -> None:
        with anyio.CancelScope(shield=True), anyio.move_on_after(5):
            if self._restart_gap is not None:  # what came after the end of a broadcast is no loss
                ended = self.recording.state == "stopped"
                gap = replace(
                    self._restart_gap, end_ms=self._restart_gap.start_ms if ended else now_ms()
                )
                await self._stored(self._recordings.gap, self.recording.id, gap)
            await self._chats.leave(self.recording.room.live_id, self.recording.id)
        self.finished.set()

    async def _join_comments(self, live: LiveRoom) -> None:
        if self.recording.plan.comments and self._chats.has_source(live.room.platform):
            await self._chats.join(live.room, self.recording.id)

    async def _take(self, event: RecorderEvent) -> None:
        match event:
            case StateChanged():
                await self._state(event)
            case SegmentOpened():
                self.info = event.info
                if not self._announced:
                    await self._began()
                await self._stored(self._segments.opened, self.recording.id, event)
                if self._restart_gap is not None:
                    gap = replace(self._restart_gap, end_ms=event.start_ms)
                    self._restart_gap = None
                    await self._stored(self._recordings.gap, self.recording.id, gap)
            case Progress():
                self.progress = event
            case ClosedFile():
                self.progress = None
                await self.index(event)
            case Gap():
                await self._stored(self._recordings.gap, self.recording.id, event)

    async def _state(self, change: StateChanged) -> None:
        before = self.recording
        room = before.room if change.live is None else change.live.room
        self.recording = replace(
            before,
            state=change.state,
            reason=change.reason,
            since_ms=change.at_ms,
            room=replace(before.room, room_id=room.room_id, title=room.title),
        )
        if change.live is not None:
            self.quality_got = change.live.source.quality
            if room.room_id != before.room.room_id:
                await self._join_comments(change.live)
        news = (before.state, before.reason) != (change.state, change.reason)
        if self._announced and (news or change.live is not None):
            log.info(
                "recording_state",
                recording=before.id,
                state=change.state,
                reason=change.reason,
            )
            await self._stored(self._recordings.set_state, before.id, change)
        if change.state == "stopped" and change.reason != "server_stopped":
            await self._stored(self._recordings.set_wanted, before.id, False)

    async def index(self, file: ClosedFile) -> None:
        """Give a closed file its row and its event, and have it analysed."""
        recording, room = self.recording, self.recording.room
        segment = Segment(
            recording.id, room.room_id, room.anchor_name, room.platform, file, now_ms()
        )
        if await self._stored(self._segments.add, segment):
            log.info("segment_ready", recording=recording.id, seq=file.seq, bytes=file.bytes)
            await self._analyse(segment)

    async def _stored(self, write: Callable[..., Awaitable[object]], *args: object) -> bool:
        """Write, trying again while the database cannot; whether it worked and changed something.

        A segment that got no row is on disk and still listed as open: the next start indexes it.
        """
        for pause_s in (*_STORE_AGAIN_AFTER_S, None):
            try:
                return await write(*args) is not False
            except StorageFailed as exc:
                log.error("not_stored", recording=self.recording.id, error=exc, again_in_s=pause_s)
                if pause_s is not None:
                    await anyio.sleep(pause_s)
        return False
