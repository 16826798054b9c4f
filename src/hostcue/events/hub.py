"""Fan-out inside this process: every subscriber has its own bounded queue."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import anyio

from hostcue.events.message import Message
from hostcue.events.traffic import Traffic
from hostcue.model.event import Event, StreamName

Ending = Literal["lag", "closed"]
Wanted = Callable[[Event], bool]
"""Whether a client wants an event; asked for each, so the answer may change."""

_BREATH_S = 0.01


def everything(_: Event) -> bool:
    """Of all recordings, of all rooms."""
    return True


class Subscription:
    """One client's live messages, which wait here until it takes them."""

    def __init__(self, stream: StreamName, wanted: Wanted, capacity: int) -> None:
        self.stream = stream
        self.ending: Ending | None = None
        self._wanted = wanted
        self._capacity = capacity
        self._waiting: deque[Message] = deque()
        self._awaited = 0  # how many wake who waits
        self._wake: anyio.Event | None = None

    @property
    def is_half_full(self) -> bool:
        """Whether its client had better read now."""
        return 2 * len(self._waiting) > self._capacity

    def wants(self, event: Event) -> bool:
        """Whether this client asked for the event."""
        return event.stream == self.stream and self._wanted(event)

    def offer(self, message: Message) -> bool:
        """Let the message wait here; False when there is no room left."""
        if len(self._waiting) >= self._capacity:
            return False
        self._waiting.append(message)
        if len(self._waiting) >= self._awaited:
            self._rouse()
        return True

    def end(self, ending: Ending) -> None:
        """No more messages come; those that wait can still be taken."""
        self.ending = ending
        self._rouse()

    async def arrival(self) -> None:
        """Return once a message waits, or none will come any more."""
        await self._holds(1)

    async def half_full(self) -> None:
        """Return once half of what can wait here does, or none will come any more."""
        await self._holds(self._capacity // 2 + 1)

    def take(self) -> list[Message]:
        """All that waits."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken

    async def _holds(self, number: int) -> None:
        while len(self._waiting) < number and self.ending is None:
            self._awaited, self._wake = number, anyio.Event()
            await self._wake.wait()

    def _rouse(self) -> None:
        if self._wake is not None:
            self._wake.set()
            self._wake = None


class Hub:
    """Hands committed events to whoever listens; a slow listener is cut off, never waited for."""

    def __init__(self, *, queue_size: int = 1000) -> None:
        self.traffic = Traffic()
        self._queue_size = queue_size
        self._listeners: set[Subscription] = set()
        self._closed = False

    @property
    def listeners(self) -> int:
        """How many clients are subscribed."""
        return len(self._listeners)

    def publish(self, events: Sequence[Event]) -> None:
        """Give the events to all who want them, at once."""
        self.traffic.count(events)
        if not self._listeners:
            return
        messages = [Message(event) for event in events]
        for listener in list(self._listeners):
            for message in messages:
                if listener.wants(message.event) and not listener.offer(message):
                    self._end(listener, "lag")
                    break

    async def breathe(self, within_s: float = 1.0) -> None:
        """Let listeners read until half of each queue is free; one that does not is not waited for.

        Whoever publishes much at once calls it in between: all read in this one thread.
        """
        with anyio.move_on_after(within_s):
            while any(listener.is_half_full for listener in self._listeners):  # noqa: ASYNC110 - each reads in its own time
                await anyio.sleep(_BREATH_S)

    @contextmanager
    def subscribe(self, stream: StreamName, wanted: Wanted = everything) -> Iterator[Subscription]:
        """Listen from now on."""
        subscription = Subscription(stream, wanted, self._queue_size)
        self._listeners.add(subscription)
        if self._closed:
            self._end(subscription, "closed")
        try:
            yield subscription
        finally:
            self._end(subscription, "closed")

    def close(self) -> None:
        """End every stream, now and from now on: the server is stopping."""
        self._closed = True
        for subscription in list(self._listeners):
            self._end(subscription, "closed")

    def _end(self, subscription: Subscription, ending: Ending) -> None:
        if subscription in self._listeners:
            self._listeners.remove(subscription)
            subscription.end(ending)
