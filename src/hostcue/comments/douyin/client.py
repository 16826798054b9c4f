"""A Douyin room's comments, kept coming."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import anyio
import structlog
from anyio.abc import TaskStatus

from hostcue.comments.backlog import Backlog
from hostcue.comments.douyin.inbox import Inbox
from hostcue.comments.douyin.line import Line
from hostcue.comments.douyin.visitor import PASSING, Visitor
from hostcue.comments.douyin.wire import HEARTBEAT
from hostcue.errors import HostcueError, TransportFailed, UpstreamChanged
from hostcue.model.clock import now_ms
from hostcue.model.comment import Gap, LiveEvent, RoomControl
from hostcue.model.room import DEFAULT_ACCESS, Access, Room
from hostcue.platforms.douyin.web import DouyinWeb
from hostcue.platforms.douyin.webs import DouyinWebs

log = structlog.get_logger(__name__)

Outage = Literal["connection_lost", "stalled", "upstream_changed", "end_announced"]

_SILENT: frozenset[Outage] = frozenset({"stalled", "upstream_changed"})
_BACKLOG = 2000
_MAX_SILENCE_DOUBLINGS = 3  # a dead-quiet room is asked for less and less often


@dataclass(frozen=True, slots=True)
class _Timing:
    heartbeat_s: float
    silence_s: float
    confirm_s: float
    backoff_s: tuple[float, float]


class DouyinComments:
    """The `CommentSource` for Douyin: the WebSocket its web page reads from.

    Args:
        webs: identities and state of rooms; shared with the resolver.
        push_url: `ws(s)://host:port` of the push server; empty: those the platform names.
        heartbeat_s: between two heartbeats; without them the server hangs up after 20 to 30 s.
        silence_s: after this long without a message the room is asked for, the line replaced.
        confirm_s: between the two "offline" answers it takes to believe the broadcast is over.
        backoff_s: the first and the longest wait before a reconnect.
        open_timeout_s: for one handshake.
    """

    def __init__(
        self,
        webs: DouyinWebs,
        *,
        push_url: str = "",
        heartbeat_s: float = 10.0,
        silence_s: float = 30.0,
        confirm_s: float = 20.0,
        backoff_s: tuple[float, float] = (1.5, 60.0),
        open_timeout_s: float = 10.0,
    ) -> None:
        self._webs = webs
        self._push_url = push_url
        self._timing = _Timing(heartbeat_s, silence_s, confirm_s, backoff_s)
        self._open_timeout_s = open_timeout_s

    @asynccontextmanager
    async def events(
        self, room: Room, access: Access = DEFAULT_ACCESS
    ) -> AsyncGenerator[AsyncIterator[LiveEvent]]:
        """See `CommentSource.events`; a gap lasts until the first message after it."""
        async with self._webs.lend(access) as web, self._session(room, web) as backlog:
            yield backlog

    @asynccontextmanager
    async def _session(self, room: Room, web: DouyinWeb) -> AsyncGenerator[Backlog]:
        inbox, backlog = Inbox(room.room_id), Backlog(_BACKLOG)
        visitor = Visitor(
            room,
            inbox,
            backlog,
            web=web,
            push_url=self._push_url,
            open_timeout_s=self._open_timeout_s,
        )
        session = _Session(visitor, inbox, backlog, self._timing)
        error: BaseException | None = None
        try:
            async with anyio.create_task_group() as tasks:
                await tasks.start(session.run)
                yield backlog
                tasks.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            # The group is ours, the error in it the caller's or the connection's: unwrap it.
            if len(group.exceptions) > 1:
                raise
            error = group.exceptions[0]
        if error is not None:
            raise error


class _Session:
    """Reads one broadcast over as many lines as it takes."""

    def __init__(self, visitor: Visitor, inbox: Inbox, backlog: Backlog, timing: _Timing) -> None:
        self._visitor = visitor
        self._inbox = inbox
        self._backlog = backlog
        self._timing = timing
        self._gap: Gap | None = None
        # All of these since the last message:
        self._attempts = 0
        self._silences = 0
        self._garbled = False  # frames came, but none could be read
        self._heard_ms = now_ms()
        self._quiet_since = 0.0  # on the event loop's clock

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        """Fill the backlog until the broadcast ends; started means connected."""
        await self._visitor.check_live()
        line = await self._visitor.dial()
        task_status.started()
        failure: HostcueError | None = None
        try:
            await self._keep(line)
        except HostcueError as exc:
            failure = exc
        finally:
            self._backlog.close(failure)
            log.info(
                "douyin_comments_closed",
                dials=self._visitor.dials,
                repeated=self._inbox.repeated,
                unreadable=dict(self._inbox.unreadable),
                unknown=dict(self._inbox.unknown),
                dropped=self._backlog.dropped,
            )

    async def _keep(self, line: Line | None) -> None:
        while line is not None:
            outage = await self._listen(line)
            if outage == "end_announced" and await self._is_over(announced=True):
                break
            await self._open_gap(outage)
            line = await self._reconnect(doubtful=outage in _SILENT)
        await self._close_gap()

    async def _listen(self, line: Line) -> Outage:
        """Read the line until it breaks, falls silent, or the end is announced on it."""
        self._quiet_since = anyio.current_time()
        outage: Outage = "connection_lost"
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._beat, line)
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

    async def _read(self, line: Line) -> Outage:
        try:
            while (frame := await self._next_frame(line)) is not None:
                if await self._handle(line, frame):
                    return "end_announced"
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

    async def _handle(self, line: Line, frame: bytes) -> bool:
        """Pass a frame's events on; true if the platform announced the end among them."""
        try:
            delivery = self._inbox.read_frame(frame, now_ms())
        except UpstreamChanged as exc:
            if not self._garbled:
                log.warning("comment_frame_unreadable", error=exc.message)
            self._garbled = True
            return False
        if not delivery.spoke:
            return False
        await self._close_gap()
        for event in delivery.events:
            await self._backlog.put(event)
        self._hear()
        if delivery.reply is not None:
            await line.send(delivery.reply)
        return any(isinstance(e, RoomControl) and e.action == "ended" for e in delivery.events)

    def _hear(self) -> None:
        self._visitor.welcomed()
        self._attempts, self._silences, self._garbled = 0, 0, False
        self._heard_ms = now_ms()
        self._quiet_since = anyio.current_time()

    async def _open_gap(self, cause: Outage) -> None:
        log.warning("comment_gap", cause=cause)
        silent = cause in _SILENT
        self._silences += silent
        if self._gap is None:
            self._gap = Gap(self._heard_ms if silent else now_ms(), cause)
            await self._backlog.put(self._gap)

    async def _close_gap(self) -> None:
        if self._gap is not None:
            closed = Gap(self._gap.start_ms, self._gap.cause, now_ms())
            self._gap = None
            await self._backlog.put(closed)

    async def _reconnect(self, *, doubtful: bool) -> Line | None:
        """A new line, or None when the broadcast turns out to be over."""
        while not (doubtful and await self._is_over()):
            first_s, longest_s = self._timing.backoff_s
            wait_s = min(longest_s, first_s * 2 ** min(self._attempts, 16))
            await anyio.sleep(wait_s * random.uniform(0.8, 1.3))  # noqa: S311 - spreads load
            self._attempts += 1
            try:
                return await self._visitor.dial()
            except PASSING as exc:
                log.warning("comment_reconnect_failed", error=exc.code, attempts=self._attempts)
                doubtful = True
        return None

    async def _is_over(self, *, announced: bool = False) -> bool:
        """Whether the platform says so twice, its own announcement being once."""
        if not await self._visitor.is_offline():
            return False
        if announced:
            return True
        await anyio.sleep(self._timing.confirm_s)
        return await self._visitor.is_offline()
