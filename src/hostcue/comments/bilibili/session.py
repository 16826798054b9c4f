"""One broadcast's comments, over as many lines as it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import anyio
import structlog
from anyio.abc import TaskStatus

from hostcue.comments.backlog import Backlog
from hostcue.comments.backoff import Backoff
from hostcue.comments.bilibili.inbox import Inbox
from hostcue.comments.bilibili.packets import HEARTBEAT
from hostcue.comments.bilibili.visitor import PASSING, Visitor
from hostcue.comments.ledger import Ledger
from hostcue.comments.line import Line
from hostcue.errors import HostcueError, TransportFailed, UpstreamChanged
from hostcue.model.clock import now_ms
from hostcue.model.comment import RoomControl, WayTaken

log = structlog.get_logger(__name__)

Outage = Literal["connection_lost", "stalled", "upstream_changed"]

_SILENT: frozenset[Outage] = frozenset({"stalled", "upstream_changed"})
_CONFIRMATIONS = 3
_MAX_SILENCE_DOUBLINGS = 3  # a dead-quiet room is asked for less and less often


@dataclass(frozen=True, slots=True)
class Timing:
    """How long what is borne; see `BilibiliComments`."""

    heartbeat_s: float
    silence_s: float
    confirm_s: float
    backoff_s: tuple[float, float]


class Session:
    """Reads a room into a backlog until its broadcast ends.

    A gap opens when a line ends, at the last message if that ended in silence, and lasts until
    messages come again: the platform sends nothing twice, so what was said meanwhile is missing.
    """

    def __init__(self, visitor: Visitor, inbox: Inbox, backlog: Backlog, timing: Timing) -> None:
        self._visitor = visitor
        self._inbox = inbox
        self._backlog = backlog
        self._timing = timing
        self._ledger = Ledger(backlog, lambda: inbox.tally)
        self._announced = anyio.Event()
        self._is_confirmed = False
        # All of these since the last message:
        self._backoff = Backoff(*timing.backoff_s)
        self._silences = 0
        self._garbled = False  # frames came, but none could be read
        self._quiet_since = 0.0  # on the event loop's clock

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        """Fill the backlog until the broadcast ends; started means admitted.

        Raises:
            HostcueError: it never came to that; later failures go into the backlog.
        """
        await self._visitor.arrive()
        line = await self._visitor.dial()
        self._backlog.put(WayTaken("websocket"))
        task_status.started()
        failure: HostcueError | None = None
        try:
            await self._keep(line)
        except HostcueError as exc:
            failure = exc
        finally:
            self._ledger.tell_tally(at_once=True)
            self._backlog.close(failure)
            log.info("bilibili_comments_closed", dials=self._visitor.dials)

    async def _keep(self, line: Line | None) -> None:
        while line is not None:
            outage = await self._listen(line)
            if self._is_confirmed:
                break
            silent = outage in _SILENT
            self._silences += silent
            self._ledger.open(outage, self._ledger.heard_ms if silent else None)
            line = await self._reconnect(doubtful=silent)
        self._ledger.close()

    async def _listen(self, line: Line) -> Outage:
        """Read the line until it breaks, falls silent, or an end announced on it is confirmed."""
        self._quiet_since = anyio.current_time()
        outage: Outage = "connection_lost"
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._beat, line)
                tasks.start_soon(self._confirm_end, tasks.cancel_scope)
                outage = await self._read(line)
                tasks.cancel_scope.cancel()
        finally:
            await line.close()
        return outage

    async def _beat(self, line: Line) -> None:
        try:
            while True:
                await line.send(HEARTBEAT)
                await anyio.sleep(self._timing.heartbeat_s)
        except TransportFailed:
            await line.close()  # which the reader of the line notices

    async def _confirm_end(self, listening: anyio.CancelScope) -> None:
        """Have announcements confirmed: the host may be back at once, the line goes on anyway."""
        while True:
            await self._announced.wait()
            self._announced = anyio.Event()
            for _ in range(_CONFIRMATIONS):
                if await self._is_offline():
                    self._is_confirmed = True
                    listening.cancel()
                    return
                await anyio.sleep(self._timing.confirm_s)

    async def _is_offline(self) -> bool:
        try:
            return await self._visitor.is_offline()
        except HostcueError as exc:
            log.info("room_state_unknown", error=exc.code)
            return False

    async def _read(self, line: Line) -> Outage:
        try:
            while (frame := await self._next_frame(line)) is not None:
                self._handle(frame)
        except TransportFailed as exc:
            log.info("comment_line_lost", error=exc.message)
            return "connection_lost"
        return "upstream_changed" if self._garbled else "stalled"

    async def _next_frame(self, line: Line) -> bytes | None:
        """None when no message came for too long; heartbeat replies do not count as one."""
        doublings = min(self._silences, _MAX_SILENCE_DOUBLINGS)
        patience_s = self._timing.silence_s * 2**doublings
        with anyio.CancelScope(deadline=self._quiet_since + patience_s):
            return await line.receive()
        return None

    def _handle(self, frame: bytes) -> None:
        """Pass a frame's events on."""
        try:
            delivery = self._inbox.read_frame(frame, now_ms())
        except UpstreamChanged as exc:
            if not self._garbled:
                log.warning("comment_frame_unreadable", error=exc.message)
            self._garbled = True
            return
        if not delivery.spoke:
            return
        self._hear()
        for event in delivery.events:
            self._backlog.put(event)
        self._ledger.tell_tally()
        if any(isinstance(e, RoomControl) and e.action == "ended" for e in delivery.events):
            self._announced.set()

    def _hear(self) -> None:
        self._ledger.hear()
        self._backoff.reset()
        self._silences, self._garbled = 0, False
        self._quiet_since = anyio.current_time()

    async def _reconnect(self, *, doubtful: bool) -> Line | None:
        """A new line, or None when the broadcast turns out to be over."""
        while not (doubtful and await self._is_over()):
            await self._backoff.wait()
            try:
                return await self._visitor.dial()
            except PASSING as exc:
                log.warning(
                    "comment_reconnect_failed", error=exc.code, attempts=self._backoff.attempts
                )
                doubtful = True
        return None

    async def _is_over(self) -> bool:
        """Whether the platform says so twice."""
        if not await self._visitor.is_offline():
            return False
        await anyio.sleep(self._timing.confirm_s)
        return await self._visitor.is_offline()
