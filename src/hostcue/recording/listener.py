"""Listens to one room without recording it, or to a file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskStatus

from hostcue.errors import HostcueError
from hostcue.model.clock import now_ms
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.model.recording import RecorderEvent, StateChanged
from hostcue.model.room import LiveRoom
from hostcue.model.sound import SoundPlace
from hostcue.model.window import Window
from hostcue.recording.connection import Connections
from hostcue.recording.engine import Engine
from hostcue.recording.failure import failure_of
from hostcue.recording.protocol import Listened, ListenJob, WorkerEvent
from hostcue.recording.stream_keeper import USUAL, StreamKeeper, StreamRules, never


class Listener:
    """Brings a room's sound to `place`, reconnecting as a `Recorder` does; nothing is written.

    `emit` is told of states and gaps; `recording` means here that sound comes. Of a file all is
    brought, as fast as it is taken, and it ends when all was taken.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        live: LiveRoom,
        place: SoundPlace,
        proxies: Proxies,
        policy: AddressPolicy,
        resolve: Callable[[], Awaitable[LiveRoom]],
        emit: Callable[[RecorderEvent], Awaitable[None]],
        span: Window | None = None,
        start_ms: int = 0,
        said_over: Callable[[], bool] = never,
        rules: StreamRules = USUAL,
    ) -> None:
        """A file's window begins at `start_ms`, and what is in `span` is brought.

        Without a span that is all. The others are as for `Recorder`.
        """
        self._live = live
        self._emit = emit
        self._stop_timeout_s = rules.stop_timeout_s
        job = ListenJob(
            id="",
            url=live.source.url,
            container=live.source.container,
            headers=live.source.headers,
            proxies=proxies,
            policy=policy,
            sound=place,
            not_before_ms=None,
            open_timeout_s=rules.open_timeout_s,
            read_timeout_s=rules.read_timeout_s,
            max_lag_s=rules.max_lag_s,
            start_ms=start_ms,
            from_ms=None if span is None else span.start_ms,
            to_ms=None if span is None else span.end_ms,
        )
        self._connections = Connections(engine, job, self._take)
        self._keeper = StreamKeeper(
            self._connections,
            live=live,
            resolve=resolve,
            said_over=said_over,
            emit=emit,
            gap=None,
            rules=rules,
        )
        self._seq = 0
        self._heard: Listened | None = None
        self._stop_reason: str | None = None
        self._started: TaskStatus[None] | None = None

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Listen until stopped or until the broadcast, or the file, ends; started with sound.

        Raises:
            MediaUnsupported: there is no sound, or none that can be decoded.
            HostcueError: what `Recorder.run` raises of a first connection; of a file, at any time.
        """
        self._started = task_status
        if self._live.source.container == "file":
            await self._hear_file()
            return
        try:
            await self._keeper.run()
        except HostcueError:
            if self._stop_reason is None or self._keeper.begun:
                raise
            await self._emit(StateChanged("stopped", self._stop_reason, now_ms()))

    async def stop(self, reason: str = "stopped") -> None:
        """Give up the connection; returns when all that came was brought, within five seconds."""
        if self._stop_reason is None:
            self._stop_reason = reason
        if self._live.source.container == "file":
            await self._connections.stop(self._stop_timeout_s)
        else:
            await self._keeper.stop(reason)

    def nudge(self) -> None:
        """The room is live again, somebody heard: if it waits to reconnect, it tries now."""
        self._keeper.nudge()

    async def _hear_file(self) -> None:
        ended = await self._connections.make(self._live.source, None)
        if ended.cause not in {"eof", "stop"}:
            raise failure_of(ended, users_own=False)
        reason = self._stop_reason or "ended"
        await self._emit(StateChanged("stopped", reason, now_ms()))

    async def _take(self, event: WorkerEvent) -> None:
        if not isinstance(event, Listened):
            return
        if self._live.source.container != "file":
            await self._follow(event)
        if self._started is not None:
            started, self._started = self._started, None
            started.started()

    async def _follow(self, event: Listened) -> None:
        """A connection is a part of the whole, known better with each report."""
        before = self._heard
        if before is None or before.start_ms != event.start_ms:
            self._seq += 1
            before = Listened(event.start_ms, event.start_ms)
        self._heard = event
        await self._keeper.arrived(self._seq, event.start_ms)
        more_s = (event.end_ms - before.end_ms) / 1000
        await self._keeper.ended(self._seq, Window(event.start_ms, event.end_ms), more_s)
