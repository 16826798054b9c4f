"""When, and where, to try again after a stream dropped."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

import anyio

from hostcue.errors import HostcueError, RoomOffline
from hostcue.model.room import LiveRoom

_BLIND_TRIES = 2
"""So many times the old address is tried before the room is resolved anew."""


class Reconnect:
    """The ladder of waits, and what the platform says meanwhile."""

    def __init__(
        self,
        resolve: Callable[[], Awaitable[LiveRoom]],
        *,
        ladder_s: tuple[float, ...],
        offline_recheck_s: float,
    ) -> None:
        self._resolve = resolve
        self._ladder_s = ladder_s
        self._offline_recheck_s = offline_recheck_s
        self._tries = 0
        self._offline_since_s: float | None = None

    def recorded(self, lasted_s: float) -> None:
        """A connection brought pictures; after a good while the ladder begins at its foot."""
        self._offline_since_s = None
        if lasted_s >= self._ladder_s[-1]:
            self._tries = 0

    async def turn(self, cause: str, note: Callable[[str], Awaitable[None]]) -> LiveRoom | None:
        """Wait for the next turn; the room resolved anew, or None for the old address.

        `note` is told why the platform gives no new address, if so.

        Raises:
            RoomOffline: the platform has said twice that the broadcast is over.
        """
        while True:
            await anyio.sleep(self._wait_s())
            self._tries += 1
            if self._tries <= _BLIND_TRIES and not cause.startswith("http_4"):
                return None
            try:
                live = await self._resolve()
            except RoomOffline as exc:
                if self._over():
                    raise
                await note(exc.code)
            except HostcueError as exc:
                await note(exc.code)
                return None  # the old address may still be good
            else:
                self._offline_since_s = None
                return live

    def _wait_s(self) -> float:
        if self._offline_since_s is not None:
            return self._offline_recheck_s
        step_s = self._ladder_s[min(self._tries, len(self._ladder_s) - 1)]
        return step_s * random.uniform(0.8, 1.2)  # noqa: S311 - so that rooms don't come in step

    def _over(self) -> bool:
        """Whether the platform had said so before, long enough ago."""
        now_s = anyio.current_time()
        if self._offline_since_s is None:
            self._offline_since_s = now_s
        return now_s - self._offline_since_s >= self._offline_recheck_s
