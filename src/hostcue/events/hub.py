"""Fan-out inside this process: every subscriber has its own bounded queue."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from hostcue.model.event import Event, StreamName

Ending = Literal["lag", "closed"]
Wanted = Callable[[str], bool]
"""Whether a client wants events of a subject; asked for each event, so the answer may change."""

_BREATH_S = 0.01


def everything(_: str) -> bool:
    """Of all recordings, of all rooms."""
    return True


class Subscription:
    """One client's live events; iteration ends when the client lags or the hub closes."""

    def __init__(
        self, stream: StreamName, wanted: Wanted, queue: MemoryObjectReceiveStream[Event]
    ) -> None:
        self.stream = stream
        self.wanted = wanted
        self.ending: Ending | None = None
        self._queue = queue

    def wants(self, event: Event) -> bool:
        """Whether this client asked for the event."""
        return event.stream == self.stream and self.wanted(event.subject)

    async def next(self) -> Event | None:
        """The next event; None once there will be no more, see `ending`."""
        try:
            return await self._queue.receive()
        except anyio.EndOfStream:
            return None


class Hub:
    """Hands committed events to whoever listens; a slow listener is cut off, never waited for."""

    def __init__(self, *, queue_size: int = 1000) -> None:
        self._queue_size = queue_size
        self._listeners: dict[Subscription, MemoryObjectSendStream[Event]] = {}
        self._closed = False

    @property
    def listeners(self) -> int:
        """How many clients are subscribed."""
        return len(self._listeners)

    def publish(self, events: Sequence[Event]) -> None:
        """Give the events to all who want them, at once."""
        for subscription, queue in list(self._listeners.items()):
            for event in events:
                if not subscription.wants(event):
                    continue
                try:
                    queue.send_nowait(event)
                except anyio.WouldBlock:
                    self._end(subscription, "lag")
                    break

    async def breathe(self, within_s: float = 1.0) -> None:
        """Let listeners read until half of each queue is free; one that does not is not waited for.

        Whoever publishes much at once calls it in between: all read in this one thread.
        """
        with anyio.move_on_after(within_s):
            while any(  # noqa: ASYNC110 - a queue does not say when it was read
                2 * queue.statistics().current_buffer_used > self._queue_size
                for queue in self._listeners.values()
            ):
                await anyio.sleep(_BREATH_S)

    @contextmanager
    def subscribe(self, stream: StreamName, wanted: Wanted = everything) -> Iterator[Subscription]:
        """Listen from now on."""
        send, receive = anyio.create_memory_object_stream[Event](self._queue_size)
        subscription = Subscription(stream, wanted, receive)
        self._listeners[subscription] = send
        if self._closed:
            self._end(subscription, "closed")
        try:
            with receive:
                yield subscription
        finally:
            self._end(subscription, "closed")

    def close(self) -> None:
        """End every stream, now and from now on: the server is stopping."""
        self._closed = True
        for subscription in list(self._listeners):
            self._end(subscription, "closed")

    def _end(self, subscription: Subscription, ending: Ending) -> None:
        queue = self._listeners.pop(subscription, None)
        if queue is not None:
            subscription.ending = ending
            queue.close()
