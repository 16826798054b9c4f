"""When a room is asked for that is not being recorded."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import anyio

from hostcue.errors import (
    Blocked,
    HostcueError,
    NotStreaming,
    RoomNotFound,
    RoomOffline,
    UpstreamError,
    WorkerDied,
)
from hostcue.model.clock import now_ms
from hostcue.model.room import LiveRoom
from hostcue.model.schedule import Showtime, wait_ms
from hostcue.platforms.budget import patiently

Resolve = Callable[[], Awaitable[LiveRoom]]
Note = Callable[[str], Awaitable[None]]
"""Is told why a room is not recorded yet."""

_CLOCK_STEP_S = 60.0
"""Sleeps until a showtime are no longer: the clock may be set, the machine may sleep meanwhile."""


@dataclass(frozen=True, slots=True)
class Polling:
    """How often a room is asked for until it is live.

    Every `poll_s`; twice as often in a showtime and before the first picture, four times more
    seldom when nobody was live for `idle_after_s`. After a failure the wait doubles, to four times
    as long, or thirty times where asking again soon does not help; a platform that refuses us is
    left alone for longer still, and one that says for how long, for so long. A crash of ours says
    nothing of the room: only one that repeats makes the wait longer.
    """

    poll_s: float = 30.0
    idle_after_s: float = 24 * 3600.0

    def pause_s(
        self, *, quiet_s: float, in_showtime: bool, answer: HostcueError, failures: int
    ) -> float:
        """The wait after an answer, the `failures`-th in a row; without jitter."""
        usual_s = self.poll_s
        if in_showtime:
            usual_s /= 2
        elif quiet_s >= self.idle_after_s:
            usual_s *= 4
        if isinstance(answer, RoomOffline | RoomNotFound):
            return usual_s
        if isinstance(answer, WorkerDied):
            return min(usual_s, self.poll_s) * min(4.0, 2.0 ** min(failures - 1, 10))
        if isinstance(answer, NotStreaming):
            return self.poll_s / 2
        if isinstance(answer, UpstreamError) and answer.retry_after_s is not None:
            return max(usual_s, answer.retry_after_s)
        if isinstance(answer, Blocked):
            return self.poll_s * min(60.0, 6 * 1.5 ** min(failures - 1, 10))
        soon = isinstance(answer, UpstreamError) and answer.retryable
        return max(usual_s, self.poll_s * min(4 if soon else 30, 2.0 ** min(failures, 10)))


class Watch:
    """Waits for a room to be live: asks as often as is worth it, and at once on a hint."""

    def __init__(
        self,
        resolve: Resolve,
        schedule: Callable[[], Sequence[Showtime]],
        *,
        polling: Polling,
        zone: str | None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self.next_check_ms: int | None = None
        self._resolve = resolve
        self._schedule = schedule
        self._polling = polling
        self._zone = zone
        self._clock = clock
        self._last_live_ms = clock()
        self._failures = 0
        self._crashed = False
        self._hint = anyio.Event()

    def recorded(self, at_ms: int) -> None:
        """Somebody was live at that moment."""
        self._last_live_ms = at_ms
        self._failures = 0

    def nudge(self) -> None:
        """Somebody heard something: ask now."""
        self._hint.set()

    async def live(self, note: Note, answer: LiveRoom | HostcueError | None) -> LiveRoom:
        """The room, as soon as it is live in a showtime; `answer` is what was said just now."""
        try:
            while True:
                closed_s = wait_ms(self._schedule(), self._clock(), self._zone) / 1000
                if closed_s > 0:
                    await note("off_schedule")
                    await self._sleep(closed_s, at_most_s=_CLOCK_STEP_S)
                    answer = None
                    continue
                if answer is None:
                    answer = await self._ask()
                if isinstance(answer, LiveRoom):
                    return answer
                await note(reason_of(answer))
                await self._sleep(self._pause_s(answer))
                answer = None
        finally:
            self.next_check_ms = None

    async def _ask(self) -> LiveRoom | HostcueError:
        try:
            with patiently():
                return await self._resolve()
        except HostcueError as exc:
            return exc

    def _pause_s(self, answer: HostcueError) -> float:
        offline = isinstance(answer, RoomOffline | RoomNotFound)
        crashed = isinstance(answer, WorkerDied)
        if offline or crashed != self._crashed:
            self._failures = 0
        self._crashed = crashed
        self._failures += not offline
        pause_s = self._polling.pause_s(
            quiet_s=(self._clock() - self._last_live_ms) / 1000,
            in_showtime=bool(self._schedule()),
            answer=answer,
            failures=self._failures,
        )
        spread_s = pause_s * random.uniform(0.8, 1.2)  # noqa: S311 - so that rooms don't come in step
        told = isinstance(answer, UpstreamError) and answer.retry_after_s is not None
        return max(pause_s, spread_s) if told else spread_s

    async def _sleep(self, seconds: float, *, at_most_s: float = float("inf")) -> None:
        self.next_check_ms = self._clock() + round(seconds * 1000)
        with anyio.move_on_after(min(seconds, at_most_s)):
            await self._hint.wait()
        self._hint = anyio.Event()


class Comeback:
    """Finds a room again after we were away, not the stream: a restart, a full disk.

    It waits longer from turn to turn, until something is recorded. A broadcast is over when that
    was said twice, `offline_recheck_s` apart, the comment stream's word being once.
    """

    def __init__(
        self,
        resolve: Resolve,
        *,
        pauses_s: tuple[float, ...],
        offline_recheck_s: float,
        said_over: Callable[[], bool],
    ) -> None:
        self._resolve = resolve
        self._pauses_s = pauses_s
        self._offline_recheck_s = offline_recheck_s
        self._said_over = said_over
        self._turns = 0
        self._offline_since_s: float | None = None

    def recorded(self) -> None:
        """The room was found: the next time begins anew."""
        self._turns, self._offline_since_s = 0, None

    async def turn(self, note: Note) -> LiveRoom:
        """The room resolved anew; `note` is told why not yet.

        Raises:
            RoomOffline, RoomNotFound: the broadcast is over.
        """
        while True:
            await anyio.sleep(self._pauses_s[min(self._turns, len(self._pauses_s) - 1)])
            self._turns += 1
            try:
                live = await self._resolve()
            except (RoomOffline, RoomNotFound) as exc:
                if self._said_over() or self._over():
                    raise
                await note(reason_of(exc))
            except HostcueError as exc:
                self._offline_since_s = None
                await note(reason_of(exc))
            else:
                self._offline_since_s = None
                return live

    def _over(self) -> bool:
        now_s = anyio.current_time()
        if self._offline_since_s is None:
            self._offline_since_s = now_s
        return now_s - self._offline_since_s >= self._offline_recheck_s


def reason_of(exc: HostcueError) -> str:
    """Why a room is not recorded, in one word."""
    return "offline" if isinstance(exc, RoomOffline) else exc.code
