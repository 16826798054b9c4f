"""Events that wait for whoever takes them."""

from __future__ import annotations

from collections import deque

import anyio

from hostcue.model.comment import Comment, LiveEvent

_DROPPABLE = frozenset({"like", "enter"})


class Backlog:
    """A bounded queue for one writer and one reader, which keeps the order.

    When it is full the oldest likes and enters make room and are counted in `dropped`; with none
    left the writer waits, so that no chat line is ever lost here.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._waiting: deque[LiveEvent] = deque()
        self._closed = False
        self._error: Exception | None = None
        self._changed: anyio.Event | None = None
        self.dropped = 0

    async def put(self, event: LiveEvent) -> None:
        """Append the event, or drop it if it may be dropped and nothing older may."""
        while len(self._waiting) >= self._capacity and not self._make_room():
            if _droppable(event):
                self.dropped += 1
                return
            await self._change()
        self._waiting.append(event)
        self._notify()

    def close(self, error: Exception | None = None) -> None:
        """Nothing more comes; what waits can still be taken, then the reader gets the error."""
        self._closed = True
        self._error = error
        self._notify()

    async def take(self, most: int, *, within_s: float) -> list[LiveEvent]:
        """Up to `most` events, waiting for the first, then `within_s` for more.

        Empty once closed and drained.
        """
        while not self._waiting and not self._closed:
            await self._change()
        enough = min(most, self._capacity)
        with anyio.move_on_after(within_s):
            while len(self._waiting) < enough and not self._closed:
                await self._change()
        taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        if not taken and self._error is not None:
            raise self._error
        self._notify()
        return taken

    def rest(self) -> list[LiveEvent]:
        """Everything that waits, at once."""
        rest = list(self._waiting)
        self._waiting.clear()
        return rest

    def __aiter__(self) -> Backlog:
        return self

    async def __anext__(self) -> LiveEvent:
        taken = await self.take(1, within_s=0)
        if not taken:
            raise StopAsyncIteration
        return taken[0]

    def _make_room(self) -> bool:
        for place, event in enumerate(self._waiting):
            if _droppable(event):
                del self._waiting[place]
                self.dropped += 1
                return True
        return False

    async def _change(self) -> None:
        if self._changed is None:
            self._changed = anyio.Event()
        await self._changed.wait()

    def _notify(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None


def _droppable(event: LiveEvent) -> bool:
    return isinstance(event, Comment) and event.kind in _DROPPABLE
