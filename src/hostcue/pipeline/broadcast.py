"""One broadcast after the other is recorded to its end, over whatever interrupts it on our side."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
import structlog

from hostcue.errors import DiskFull, HostcueError, RoomNotFound, RoomOffline
from hostcue.model.clock import now_ms
from hostcue.model.comment import Gap, RoomControl
from hostcue.model.network import Proxies
from hostcue.model.recording import (
    Progress,
    RecorderEvent,
    RecordingPlan,
    SegmentOpened,
    StateChanged,
)
from hostcue.model.room import LiveRoom, Room
from hostcue.model.segment import ClosedFile
from hostcue.model.sound import SoundPlace
from hostcue.pipeline.chats import Chats
from hostcue.pipeline.disk_gate import DiskGate
from hostcue.pipeline.live_audio_recorded import RecordedRooms
from hostcue.pipeline.logbook import SERVER_STOPPED, Logbook
from hostcue.pipeline.watch import Comeback, Polling, reason_of
from hostcue.recording.recorder import Recorder

log = structlog.get_logger(__name__)

_DISK = "disk"


@dataclass(frozen=True, slots=True)
class Recordable:
    """What it takes to watch a room and to make recorders for it.

    `room_of` tells what a link alone says of its room, `speech` is told of what is recorded.
    "Offline" is believed when it was said twice, `offline_recheck_s` apart. A room's own proxy goes
    before `proxies`. `zone` and `clock` are what showtimes are read in.
    """

    recorder: Callable[..., Recorder]
    resolve: Callable[[RecordingPlan], Awaitable[LiveRoom]]
    room_of: Callable[[str], Room]
    proxies: Proxies = field(default_factory=Proxies)
    gate: DiskGate = field(default_factory=DiskGate)
    polling: Polling = field(default_factory=Polling)
    zone: str | None = None
    clock: Callable[[], int] = now_ms
    resume_after_s: tuple[float, ...] = (0, 2, 5, 10, 20, 30)
    offline_recheck_s: float = 20.0
    speech: RecordedRooms | None = None


class BroadcastRecorder:
    """Makes the recorders of one recording, and keeps its logbook of what they report.

    It records while the disk's gate is open; what it misses meanwhile is a gap. `began` is awaited
    when the first media has arrived, `recorded` is told of media as it comes.
    """

    def __init__(
        self,
        logbook: Logbook,
        parts: Recordable,
        chats: Chats,
        *,
        began: Callable[[], Awaitable[None]],
        recorded: Callable[[int], None],
    ) -> None:
        self.above_seq = -1
        self.stop_reason: str | None = None
        self._logbook = logbook
        self._parts = parts
        self._chats = chats
        self._began = began
        self._recorded = recorded
        self._recorder: Recorder | None = None
        self._sound: SoundPlace | None = None
        self._said: RoomControl | None = None
        self._comeback = Comeback(
            self._resolve,
            pauses_s=parts.resume_after_s,
            offline_recheck_s=parts.offline_recheck_s,
            said_over=self._said_over,
        )

    async def record(self, live: LiveRoom | None) -> None:
        """Record a broadcast to its end; None: it has to be found again first.

        Raises:
            HostcueError: the first connection could not be made.
        """
        try:
            found = live or await self._find_again()
            while found is not None and not await self._record(found):
                found = await self._find_again()
        finally:
            with anyio.CancelScope(shield=True), anyio.move_on_after(5):
                recording = self._logbook.recording
                if self._parts.speech is not None:
                    server_stops = self.stop_reason == SERVER_STOPPED
                    self._parts.speech.leave(recording.id, server_stops=server_stops)
                    self._sound = None
                await self._chats.leave(recording.room, recording.id)

    async def stop(self, reason: str) -> None:
        """End what is recorded now; its last segment is indexed when this returns."""
        self.stop_reason = self.stop_reason or reason
        if self._recorder is not None:
            await self._recorder.stop(reason)

    def hear(self, control: RoomControl) -> None:
        """The comment stream says that the broadcast has ended, or goes on."""
        if control.action == "paused":
            return
        self._said = control if control.action == "ended" else None
        if self._recorder is not None:  # either way the platform has something to say now
            self._recorder.nudge()

    def _said_over(self) -> bool:
        return self._said is not None and self._said.room_id == self._logbook.recording.room.room_id

    async def _resolve(self) -> LiveRoom:
        return await self._parts.resolve(self._logbook.recording.plan)

    async def _record(self, live: LiveRoom) -> bool:
        """Record until the broadcast is over (True), or until it has to be found again."""
        logbook, gate = self._logbook, self._parts.gate
        failure: HostcueError | None = None
        try:
            if gate.reason is None:
                await self._capture(live)
        except HostcueError as exc:
            failure = exc
            if isinstance(exc, DiskFull):
                gate.close("write_failed")
        if self.stop_reason is not None:
            if failure is not None and not logbook.announced:
                raise failure
            return True
        if failure is None and logbook.recording.state in {"stopped", "monitoring"}:
            return True
        if logbook.recording.state == "paused_disk" or gate.reason is not None:
            await self._pause()
        elif failure is not None:
            if logbook.recording.state != "reconnecting":
                raise failure
            log.warning("resume_failed", error=failure)
            await logbook.enter("reconnecting", reason_of(failure))
        return False

    async def _capture(self, live: LiveRoom) -> None:
        """One recorder from its start to its end."""
        recording = self._logbook.recording
        await self._join_comments(live)
        if self._parts.speech is not None:
            await self._parts.speech.join(recording, live, self._listen)
        recorder = self._recorder = self._parts.recorder(
            recording_id=recording.id,
            plan=recording.plan,
            live=live,
            output=Path(recording.output),
            proxies=self._parts.proxies.through(recording.plan.access.proxy),
            resolve=self._resolve,
            emit=self._take,
            said_over=self._said_over,
            gap=self._logbook.lasting,
            first_seq=max(await self._logbook.next_seq(), self.above_seq + 1),
            sound=self._sound,
        )
        failure: HostcueError | None = None
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._obey_disk, recorder)
                try:
                    await recorder.run()
                except HostcueError as exc:
                    failure = exc
                tasks.cancel_scope.cancel()
        finally:
            self._recorder = None
        if failure is not None:
            raise failure

    async def _listen(self, place: SoundPlace | None) -> None:
        """Have the sound brought to a place from now on, or to none."""
        self._sound = place
        if self._recorder is not None:
            await self._recorder.listen(place)

    async def _obey_disk(self, recorder: Recorder) -> None:
        await self._parts.gate.wait_closed()
        await recorder.stop(_DISK)

    async def _pause(self) -> None:
        """Nothing is written until there is room on the disk.

        Raises:
            DiskFull: nobody knows of the recording yet, so it does not begin.
        """
        reason = self._parts.gate.reason
        if not self._logbook.announced:
            self._parts.gate.check()
        if self._logbook.recording.state != "paused_disk" and reason is not None:
            await self._logbook.enter("paused_disk", reason)
        await self._logbook.lack(_DISK)

    async def _find_again(self) -> LiveRoom | None:
        """The room, once there is room on the disk and it answers; None when its broadcast is over.

        A broadcast that began meanwhile is another one: what was between the two is not missing.
        """
        logbook = self._logbook
        try:
            live = await self._come_back()
        except (RoomOffline, RoomNotFound) as exc:
            ended_ms = self._said.ts_ms if self._said is not None and self._said_over() else None
            await logbook.regain(ended_ms)
            monitored = logbook.recording.plan.monitor
            await logbook.enter("monitoring" if monitored else "stopped", reason_of(exc))
            return None
        recording = logbook.recording
        if live.room.room_id != recording.room.room_id:
            await logbook.regain()
            logbook.begin()
        await logbook.enter("reconnecting", recording.reason, live)
        return live

    async def _come_back(self) -> LiveRoom:
        gate = self._parts.gate
        while True:
            if gate.reason is not None:
                await self._pause()
            if self._logbook.recording.state == "paused_disk":
                await gate.wait_open()
                await self._logbook.enter("reconnecting", _DISK)
            live = await self._comeback.turn(self._note)
            if gate.reason is None:
                return live

    async def _note(self, reason: str) -> None:
        await self._logbook.enter("reconnecting", reason)

    async def _join_comments(self, live: LiveRoom) -> None:
        recording = self._logbook.recording
        if recording.plan.comments and self._chats.has_source(live.room.platform):
            await self._chats.join(live.room, recording.id, recording.plan.access)

    async def _take(self, event: RecorderEvent) -> None:
        match event:
            case StateChanged():
                await self._follow(event)
            case SegmentOpened():
                if not self._logbook.announced:
                    await self._logbook.announce()
                    await self._began()
                self._comeback.recorded()
                self._recorded(event.start_ms)
                if self._parts.speech is not None:
                    recording = self._logbook.recording
                    self._parts.speech.opened(recording.id, recording.room, event)
                await self._logbook.opened(event)
            case Progress():
                self._logbook.progress = event
            case ClosedFile():
                self._recorded(event.window.end_ms)
                await self._logbook.index(event)
            case Gap():
                await self._logbook.gap(event)

    async def _follow(self, change: StateChanged) -> None:
        """Take over a recorder's state, but for its end where the recording goes on."""
        before = self._logbook.recording.room.room_id
        meant = self._meant(change)
        await self._logbook.change(meant)
        if self._parts.speech is not None:
            self._parts.speech.connection(self._logbook.recording.id, meant)
        if change.live is not None and change.live.room.room_id != before:
            await self._join_comments(change.live)

    def _meant(self, change: StateChanged) -> StateChanged:
        if change.state == "paused_disk":
            self._parts.gate.close("write_failed")
        if change.state not in {"paused_disk", "stopped"}:
            return change
        if self.stop_reason is not None:
            return replace(change, state="stopped", reason=self.stop_reason)
        if change.state == "paused_disk" or change.reason == _DISK:
            return replace(change, state="paused_disk", reason=self._parts.gate.reason or _DISK)
        if self._logbook.recording.plan.monitor and change.reason != SERVER_STOPPED:
            return replace(change, state="monitoring")
        return change
