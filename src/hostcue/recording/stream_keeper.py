"""Keeps one stream connected, whatever it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import anyio
import anyio.lowlevel
import structlog

from hostcue.errors import DiskFull, RoomOffline
from hostcue.model.clock import now_ms
from hostcue.model.comment import Gap
from hostcue.model.recording import RecordingState, StateChanged
from hostcue.model.room import LiveRoom
from hostcue.model.window import Window
from hostcue.recording.connection import Connections
from hostcue.recording.failure import failure_of
from hostcue.recording.ledger import GapLedger
from hostcue.recording.protocol import Ended
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


@dataclass(frozen=True, slots=True)
class StreamRules:
    """How patient one is with a stream, in seconds.

    It is taken to have stalled when nothing comes for `read_timeout_s`, or when what comes falls
    `max_lag_s` behind. `endless` is false for a stream whose end is the end, as a local file's
    always is.
    """

    open_timeout_s: float = 10.0
    read_timeout_s: float = 8.0
    max_lag_s: float = 4.0
    ladder_s: tuple[float, ...] = LADDER_S
    resolve_ladder_s: tuple[float, ...] = RESOLVE_LADDER_S
    offline_recheck_s: float = 20.0
    expiry_margin_s: float = 60.0
    stop_timeout_s: float = 3.0
    endless: bool = True


USUAL = StreamRules()


def never() -> bool:
    """Nobody else says that the broadcast is over."""
    return False


class StreamKeeper:
    """The connections to one stream from start to stop, and their gaps and states.

    Whoever follows the workers tells what media came: `arrived` and `ended`.

    A dropped stream is tried again at once and then by `ladder_s`. Less often, by
    `resolve_ladder_s`, the room is resolved anew; at once when the address was refused or expires.
    Until there is another address, the old one is tried on. Only the platform's word, given twice,
    ends a broadcast; mere silence never does. Once is enough when `said_over`: the comment stream
    has said so too.
    """

    def __init__(
        self,
        connections: Connections,
        *,
        live: LiveRoom,
        resolve: Callable[[], Awaitable[LiveRoom]],
        said_over: Callable[[], bool],
        emit: Callable[[StateChanged | Gap], Awaitable[None]],
        gap: Gap | None,
        rules: StreamRules,
    ) -> None:
        self._connections = connections
        self._live = live
        self._reconnect = Reconnect(
            resolve,
            ladder_s=rules.ladder_s,
            resolve_ladder_s=rules.resolve_ladder_s,
            offline_recheck_s=rules.offline_recheck_s,
            expiry_margin_s=rules.expiry_margin_s,
            said_over=said_over,
        )
        self._emit = emit
        self._stop_timeout_s = rules.stop_timeout_s
        self._endless = rules.endless and live.source.container != "file"
        self._state: RecordingState | None = None
        self._reason = ""
        self._resolved: LiveRoom | None = None
        self._no_other = False
        self._gaps = GapLedger(emit, gap)
        self._brought_s = 0.0
        self._waiting = anyio.CancelScope()
        self._stop_reason: str | None = None
        self._done = anyio.Event()

    @property
    def begun(self) -> bool:
        """Whether any media came."""
        return self._state is not None

    async def run(self) -> None:
        """Go on until stopped or until the broadcast ends.

        When cancelled, it stops as `stop` does, then lets the cancellation through.

        Raises:
            HostcueError: the first connection brought nothing, as `failure_of` says why.
            DiskFull: the disk takes no more, at any time; the state is `paused_disk` then.
        """
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
        """End it; returns when all that came was told, within five seconds."""
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

    async def arrived(self, seq: int, start_ms: int) -> None:
        """Media part `seq` begins then, or its start is known better."""
        if self._state != "recording":
            self._brought_s = 0.0
            await self._change("recording", "")
        await self._gaps.started(seq, start_ms)

    async def ended(self, seq: int, window: Window, length_s: float) -> None:
        """That is the whole part, with so much media."""
        self._brought_s += length_s
        await self._gaps.started(seq, window.start_ms)
        await self._gaps.closed(window.end_ms)

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
