"""Events that wait for whoever takes them."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager

import anyio

from hostcue.model.clock import now_ms
from hostcue.model.comment import Comment, Gap, LiveEvent

_DROPPABLE = frozenset({"like", "enter"})
_Numbered = tuple[int, LiveEvent]


class Backlog:
    """A queue for one writer and one reader, which keeps the order and never makes one wait.

    With more than `capacity` waiting, likes and enters are left out, the oldest first, and counted
    in `dropped`. Everything else is kept, up to `most` in all: what comes then is lost, which is
    told by a `Gap` with the cause `overload` where it is missing.
    """

    def __init__(self, capacity: int = 10_000, *, most: int = 100_000) -> None:
        self._capacity = capacity
        self._most = most
        self._kept: deque[_Numbered] = deque()
        self._droppable: deque[_Numbered] = deque()
        self._number = 0
        self._lost_since_ms: int | None = None
        self._closed = False
        self._error: Exception | None = None
        self._changed: anyio.Event | None = None
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._kept) + len(self._droppable)

    def put(self, event: LiveEvent) -> None:
        """Append the event, or leave out what has to be."""
        if isinstance(event, Comment) and event.kind in _DROPPABLE:
            self._append(self._droppable, event)
        elif isinstance(event, Comment) and len(self._kept) >= self._most:
            if self._lost_since_ms is None:
                self._lost_since_ms = now_ms()
                self._append(self._kept, Gap(self._lost_since_ms, "overload"))
        else:
            if isinstance(event, Comment):
                self._end_of_loss()
            self._append(self._kept, event)
        while self._droppable and len(self) > self._capacity:
            self._droppable.popleft()
            self.dropped += 1
        self._notify()

    def close(self, error: Exception | None = None) -> None:
        """Nothing more comes; what waits can still be taken, then the reader gets the error."""
        self._end_of_loss()
        self._closed = True
        self._error = error
        self._notify()

    async def take(self, most: int, *, within_s: float) -> list[LiveEvent]:
        """Up to `most` events, waiting for the first, then `within_s` for more.

        Empty once closed and drained.
        """
        while not len(self) and not self._closed:
            await self._change()
        with anyio.move_on_after(within_s):
            while len(self) < most and not self._closed:
                await self._change()
        taken = [self._next() for _ in range(min(most, len(self)))]
        if not taken and self._error is not None:
            raise self._error
        return taken

    def rest(self) -> list[LiveEvent]:
        """Everything that waits, at once."""
        return [self._next() for _ in range(len(self))]

    def __aiter__(self) -> Backlog:
        return self

    async def __anext__(self) -> LiveEvent:
        taken = await self.take(1, within_s=0)
        if not taken:
            raise StopAsyncIteration
        return taken[0]

    def _append(self, queue: deque[_Numbered], event: LiveEvent) -> None:
        self._number += 1
        queue.append((self._number, event))

    def _end_of_loss(self) -> None:
        if self._lost_since_ms is not None:
            since_ms, self._lost_since_ms = self._lost_since_ms, None
            self._append(self._kept, Gap(since_ms, "overload", now_ms()))

    def _next(self) -> LiveEvent:
        queues = [queue for queue in (self._kept, self._droppable) if queue]
        return min(queues, key=lambda queue: queue[0][0]).popleft()[1]

    async def _change(self) -> None:
        if self._changed is None:
            self._changed = anyio.Event()
        await self._changed.wait()

    def _notify(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None


@asynccontextmanager
async def filled(
    backlog: Backlog, by: Callable[..., Coroutine[object, object, None]]
) -> AsyncGenerator[Backlog]:
    """`by` runs beside whoever reads the backlog, from when it says that it has started.

    Its errors before that leave as they are, and so do the reader's.
    """
    error: BaseException | None = None
    try:
        async with anyio.create_task_group() as tasks:
            await tasks.start(by)
            yield backlog
            tasks.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        # The group is ours, the error in it the reader's or the connection's: unwrap it.
        if len(group.exceptions) > 1:
            raise
        error = group.exceptions[0]
    if error is not None:
        raise error
