"""When, and where, to try again after a stream dropped."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

import anyio

from hostcue.errors import HostcueError, RoomOffline, UpstreamError
from hostcue.model.clock import now_ms
from hostcue.model.room import LiveRoom, StreamSource

URL_EXPIRED = "url_expired"
REFUSED = frozenset({"http_401", "http_403", "http_404", "http_410"})
"""Answers after which another address is asked for at once."""

LADDER_S = (0, *(1,) * 50, 2, 4, 8, 15, 30)
"""Waits before an address is tried: short for about a minute, since a try costs next to nothing."""
RESOLVE_LADDER_S = (2, 10, 30, 60)
"""Waits before the room is resolved, from the drop on: platforms count who asks."""
_BRIEF_S = 0.25  # the wait after the second brief connection
_MOMENT_S = 1.0  # who brings less each time is worth no more than this


class Ladders:
    """How long to wait, by what went before; it has no clock of its own.

    Trying an address and resolving the room have a ladder each. The first begins at its foot
    after each connection, the other only after one that brought as much media as the longest
    wait. One that brought less cost us a segment and a gap for little: from one of those to the
    next the wait doubles, but the more they bring, the sooner it stops growing.
    """

    def __init__(self, ladder_s: tuple[float, ...], resolve_ladder_s: tuple[float, ...]) -> None:
        self._ladder_s = ladder_s
        self._resolve_ladder_s = resolve_ladder_s
        self._tries = self._brief = self._asked = 0
        self._brief_s = 0.0
        self._due_s: float | None = None

    def recorded(self, brought_s: float, now_s: float) -> None:
        """A connection that brought so much media is gone."""
        lasted = brought_s >= self._ladder_s[-1]
        if lasted:
            self._asked = 0
        if lasted or self._due_s is None:
            self._due_s = now_s + self._resolve_ladder_s[0]
        self._tries = 0
        self._brief = 0 if lasted else self._brief + 1
        self._brief_s = max(brought_s, _MOMENT_S)

    def wait_s(self) -> float:
        """The wait before the next try, which it counts."""
        wait_s = self._ladder_s[min(self._tries, len(self._ladder_s) - 1)]
        self._tries += 1
        if self._brief > 1:
            doubled_s = _BRIEF_S * 2.0 ** min(self._brief - 2, 10)
            wait_s = max(wait_s, min(doubled_s, self._ladder_s[-1] / self._brief_s))
        return wait_s

    def may_resolve(self, now_s: float, *, urgent: bool) -> bool:
        """Whether the room may be resolved; the first time at once, where it is `urgent`."""
        return self._due_s is None or now_s >= self._due_s or (urgent and not self._asked)

    def resolved(self, now_s: float, *, at_least_s: float = 0.0) -> None:
        """The platform was asked; next by the ladder, but not sooner than that."""
        self._asked += 1
        wait_s = self._resolve_ladder_s[min(self._asked, len(self._resolve_ladder_s) - 1)]
        self._due_s = now_s + max(wait_s, at_least_s)

    def ask_again(self, now_s: float, wait_s: float) -> None:
        """The platform was asked, and has to say it once more after so long."""
        self._asked += 1
        self._due_s = now_s + wait_s


class Reconnect:
    """Takes turns at a stream that dropped, and hears what the platform says meanwhile.

    `said_over` tells whether somebody else heard that the broadcast ended: the platform need say
    so only once then.
    """

    def __init__(
        self,
        resolve: Callable[[], Awaitable[LiveRoom]],
        *,
        ladder_s: tuple[float, ...],
        resolve_ladder_s: tuple[float, ...],
        offline_recheck_s: float,
        expiry_margin_s: float,
        said_over: Callable[[], bool],
    ) -> None:
        self._resolve = resolve
        self._ladders = Ladders(ladder_s, resolve_ladder_s)
        self._offline_recheck_s = offline_recheck_s
        self._expiry_margin_s = expiry_margin_s
        self._said_over = said_over
        self._offline_since_s: float | None = None
        self._nudged = anyio.Event()

    def recorded(self, brought_s: float) -> None:
        """A connection that brought so much media is gone."""
        self._offline_since_s = None
        self._nudged = anyio.Event()
        self._ladders.recorded(brought_s, anyio.current_time())

    def nudge(self) -> None:
        """The room is live again: its turn is now, at the address it has now."""
        self._offline_since_s = None
        self._nudged.set()

    async def turn(
        self, cause: str, source: StreamSource, note: Callable[[str], Awaitable[None]]
    ) -> LiveRoom | None:
        """Wait for the next turn; the room resolved anew, or None for the old address, `source`.

        The old one is tried on also when it was refused and no other can be had, and while the
        platform says that the room is offline: both are wrong at times. `note` is told why the
        platform gives no new address, if so.

        Raises:
            RoomOffline: the platform has said twice that the broadcast is over.
        """
        # the spread is so that rooms don't come in step
        wait_s = self._ladders.wait_s() * random.uniform(0.8, 1.2)  # noqa: S311
        with anyio.move_on_after(wait_s):
            await self._nudged.wait()
        nudged, urgent = self._nudged.is_set(), not self._good(cause, source)
        if not (nudged or self._ladders.may_resolve(anyio.current_time(), urgent=urgent)):
            return None
        self._nudged = anyio.Event()
        try:
            live = await self._resolve()
        except RoomOffline as exc:
            if self._over():
                raise
            self._ladders.ask_again(anyio.current_time(), self._offline_recheck_s)
            await note(exc.code)
        except HostcueError as exc:
            told_s = exc.retry_after_s if isinstance(exc, UpstreamError) else None
            self._ladders.resolved(anyio.current_time(), at_least_s=told_s or 0.0)
            await note(exc.code)
        else:
            self._offline_since_s = None
            self._ladders.resolved(anyio.current_time())
            return live
        return None

    def _good(self, cause: str, source: StreamSource) -> bool:
        """Whether the old address may well serve once more."""
        if cause in REFUSED or cause == URL_EXPIRED or self._said_over():
            return False
        return not expires(source, within_s=self._expiry_margin_s)

    def _over(self) -> bool:
        """Whether somebody had said so before, the platform itself long enough ago."""
        now_s = anyio.current_time()
        if self._offline_since_s is None:
            self._offline_since_s = now_s
        return self._said_over() or now_s - self._offline_since_s >= self._offline_recheck_s


def expires(source: StreamSource, *, within_s: float = 0.0) -> bool:
    """Whether the address is no longer good, or will not be soon."""
    return source.expires_ms is not None and source.expires_ms <= now_ms() + within_s * 1000
