"""One recording's life: watched for, recorded, stopped."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio
import structlog
from anyio.abc import TaskStatus

from hostcue.errors import Conflict, HostcueError, InternalError, RoomOffline, known_cause
from hostcue.model.clock import now_ms
from hostcue.model.comment import Gap, RoomControl
from hostcue.model.recording import FINAL_STATES, Recording, RecordingPlan
from hostcue.model.room import DEFAULT_ACCESS, LiveRoom
from hostcue.pipeline.broadcast import BroadcastRecorder, Recordable
from hostcue.pipeline.chats import Chats
from hostcue.pipeline.logbook import SERVER_STOPPED, Logbook
from hostcue.pipeline.places import Places
from hostcue.pipeline.watch import Watch

log = structlog.get_logger(__name__)

_OVER = RoomOffline("the broadcast is over")
"""What the platform has just said at a broadcast's end: it need not be asked again at once."""

Settle = Callable[["RecordingSession", LiveRoom], Awaitable[bool]]
"""Gives a room that is seen for the first time its folder; False where it is recorded already."""


class RecordingSession:
    """A recording that runs in this process.

    With `monitor` it lives until somebody stops it, from one broadcast to the next; otherwise it
    ends with its broadcast. It has a place only while it records.
    """

    def __init__(
        self,
        logbook: Logbook,
        *,
        parts: Recordable,
        chats: Chats,
        places: Places,
        settle: Settle,
    ) -> None:
        self.logbook = logbook
        self.finished = anyio.Event()
        self._gate = parts.gate
        self._chats = chats
        self._places = places
        self._settle = settle
        self._waiting = anyio.CancelScope()
        self._ready: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
        self._watch = Watch(
            lambda: parts.resolve(self.recording.plan),
            lambda: self.recording.plan.schedule,
            polling=parts.polling,
            zone=parts.zone,
            clock=parts.clock,
        )
        self._recorder = BroadcastRecorder(
            logbook, parts, chats, began=self._began, recorded=self._watch.recorded
        )

    @property
    def recording(self) -> Recording:
        """Its latest state."""
        return self.logbook.recording

    @property
    def next_check_ms(self) -> int | None:
        """When the platform is asked next whether the room is live; None while it is recorded."""
        return self._watch.next_check_ms

    @property
    def stopping(self) -> bool:
        """Whether it was asked to end."""
        return self._recorder.stop_reason is not None

    async def record(self, live: LiveRoom, *, task_status: TaskStatus[None]) -> None:
        """Record a room that is live; started once media arrives.

        Raises:
            HostcueError: the first connection could not be made; nothing was stored.
        """
        self._ready = task_status
        try:
            with self._waiting:
                self.logbook.quality_got = live.source.quality
                await self._broadcast(live)
                await self._keep_watch(_OVER)
            if not self.logbook.announced:
                raise Conflict("the recording was stopped before it began")
        finally:
            await self._close()

    async def watch(self, answer: LiveRoom | HostcueError) -> None:
        """Record the room each time it is live; `answer` is what the platform said just now."""
        try:
            with self._waiting:
                await self._keep_watch(answer)
        finally:
            await self._close()

    async def resume(self, gap: Gap | None, *, above_seq: int, after_s: float) -> None:
        """Go on after a restart: the room is asked for until it answers, or is said to be over.

        New segments get numbers above `above_seq`, the highest that a file on disk bears. The
        first question comes `after_s` from now, so that not all rooms are asked for at once.
        """
        self._recorder.above_seq = above_seq
        try:
            with self._waiting:
                interrupted = self.recording.state == "reconnecting"
                if interrupted:
                    if gap is not None:
                        await self.logbook.take_gap(gap)
                    await self.logbook.enter("reconnecting", "restart")
                await anyio.sleep(after_s)
                if interrupted:
                    await self._broadcast(None)
                await self._keep_watch(_OVER if interrupted else None)
        finally:
            await self._close()

    async def stop(self, reason: str) -> None:
        """End the recording; its last segment is indexed and announced when this returns.

        A room that is only watched when the server stops is watched on after its next start.
        """
        await self._recorder.stop(reason)
        self._waiting.cancel()
        await self.finished.wait()
        state, why = self.recording.state, self._recorder.stop_reason or reason
        if why == SERVER_STOPPED and self.recording.plan.monitor and state == "starting":
            await self.logbook.enter("monitoring", "restart")
        elif not (why == SERVER_STOPPED and state == "monitoring") and state not in FINAL_STATES:
            await self.logbook.enter("stopped", why)

    async def adopt(self, plan: RecordingPlan) -> None:
        """Take over from a later start what can change under way.

        That is `monitor` with its showtimes, where it asks for it, and cookie and proxy, where it
        brings some. What shapes the files stays as it is.
        """
        now = self.recording.plan
        later = replace(
            now,
            monitor=now.monitor or plan.monitor,
            schedule=plan.schedule if plan.monitor else now.schedule,
            access=now.access if plan.access == DEFAULT_ACCESS else plan.access,
        )
        if later != now:
            await self.logbook.replan(later)
            self._chats.renew(self.recording.room, later.access)
        self._watch.nudge()

    def hear(self, control: RoomControl) -> None:
        """The comment stream says that the broadcast has ended, or goes on."""
        self._recorder.hear(control)
        if control.action == "resumed":
            self._watch.nudge()

    async def _began(self) -> None:
        self._ready.started()

    async def _keep_watch(self, answer: LiveRoom | HostcueError | None) -> None:
        """With `monitor`: one broadcast after the other."""
        while self.recording.plan.monitor and not self.stopping:
            try:
                live = await self._next_broadcast(answer)
                if live is None:
                    await self.logbook.enter("stopped", "superseded")
                    return
                await self._broadcast(live)
                answer = _OVER
            except HostcueError as exc:
                log.warning("broadcast_not_recorded", error=exc)
                answer = exc
            except Exception as exc:  # a boundary: a mistake of ours must not end the watch
                log.error("watch_broke", exc_info=exc)
                answer = known_cause(exc) or InternalError("hostcue failed here; see its log")

    async def _next_broadcast(self, answer: LiveRoom | HostcueError | None) -> LiveRoom | None:
        """The room once it is live and there is a place; None where it is recorded already."""
        if (closed := self._gate.reason) is not None:
            await self.logbook.enter("paused_disk", closed)
            await self._gate.wait_open()
        while True:
            live = await self._watch.live(self._note, answer)
            if not await self._settle(self, live):
                return None
            if self._places.take(self.recording.id):
                self.logbook.begin()
                await self.logbook.enter("starting", "", live)
                return live
            await self._note("limit_reached")
            await self._places.wait_free()
            answer = None

    async def _note(self, reason: str) -> None:
        if (self.recording.state, self.recording.reason) != ("monitoring", reason):
            await self.logbook.enter("monitoring", reason)

    async def _broadcast(self, live: LiveRoom | None) -> None:
        try:
            await self._recorder.record(live)
        finally:
            self._places.give_back(self.recording.id)

    async def _close(self) -> None:
        self._places.give_back(self.recording.id)
        if self._recorder.stop_reason not in {None, SERVER_STOPPED}:
            with anyio.CancelScope(shield=True), anyio.move_on_after(5):
                await self.logbook.regain(now_ms())
        self.finished.set()
