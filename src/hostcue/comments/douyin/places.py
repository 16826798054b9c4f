"""How many rooms one visitor listens to at a time, and how fast they are entered.

More than a few rooms of one identity, or connections in quick succession, are what the platform's
risk control reacts to: a login wall, or a socket on which nothing comes (seen 2025 to 2026).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import anyio

from hostcue.model.room import Access


class Places:
    """The places of every identity; an identity is how a room is reached.

    Args:
        rooms: so many are listened to at once.
        gap_s: at least so long lies between two connections.
    """

    def __init__(self, *, rooms: int = 5, gap_s: float = 3.0) -> None:
        self._rooms = rooms
        self._gap_s = gap_s
        self._seats: dict[Access, Seats] = {}

    @contextmanager
    def lend(self, access: Access) -> Iterator[Seats]:
        """Those of one identity; known for as long as anybody has them, and the gap after."""
        for key in [key for key, seats in self._seats.items() if seats.is_idle]:
            del self._seats[key]
        seats = self._seats.setdefault(access, Seats(self._rooms, self._gap_s))
        seats.users += 1
        try:
            yield seats
        finally:
            seats.users -= 1


class Seats:
    """The places of one identity; who waits gets the next free one in the order of coming."""

    def __init__(self, rooms: int, gap_s: float) -> None:
        self.rooms = rooms
        self.users = 0
        self._gap_s = gap_s
        self._free = anyio.Semaphore(rooms, max_value=rooms)
        self._turn = anyio.Lock()
        self._next_s = float("-inf")

    @property
    def is_idle(self) -> bool:
        """Whether nobody has to do with it, and the next may connect at once."""
        return not self.users and self._next_s <= anyio.current_time()

    def take_now(self) -> bool:
        """Take a place, if one is free and nobody waits for it."""
        with suppress(anyio.WouldBlock):
            self._free.acquire_nowait()
            return True
        return False

    async def take(self) -> None:
        """Take a place, as soon as one is free."""
        await self._free.acquire()

    def leave(self) -> None:
        """Give a place up."""
        self._free.release()

    async def turn(self) -> None:
        """Return when one more connection may begin."""
        async with self._turn:
            await anyio.sleep_until(self._next_s)
            self._next_s = anyio.current_time() + self._gap_s
