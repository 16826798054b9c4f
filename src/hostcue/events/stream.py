"""What one client sees: first what it missed, then what happens."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import anyio

from hostcue.events.hub import Hub, Subscription, Wanted
from hostcue.events.message import Message
from hostcue.model.event import Event, StreamName

Replay = Callable[[int], Awaitable[list[Event]]]
"""The stored events after an id, in order, at most a page of them; empty when there are no more."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often something is sent.

    What comes after a silence goes out at once; then `rest_s` pass before the next send, in which
    messages gather, since each send costs the same however much it carries. `silence_s` after the
    last send there is a sign of life.
    """

    rest_s: float = 0.02
    silence_s: float = 15.0


async def follow(
    hub: Hub,
    stream: StreamName,
    wanted: Wanted,
    *,
    resume: int | None,
    can_resume: bool,
    replay: Replay,
    rhythm: Rhythm,
) -> AsyncGenerator[list[Message], None]:
    """What there is to send of a stream, without a hole between what is stored and what is live.

    Subscribing comes before reading, so nothing falls between the two; what arrives twice for
    that reason is told by its id. A client that asks for more than is kept gets one `reset`
    event and goes on live; one that cannot keep up gets a `lag` event as its last. An empty list
    means that nothing happened for a while.
    """
    with hub.subscribe(stream, wanted) as live:
        seen = resume if resume is not None and can_resume else 0
        if resume is not None and not can_resume:
            yield [Message(Event(stream, "", "reset", {"reason": "older than what is kept"}))]
        elif resume is not None:
            while page := await replay(seen):
                seen = max(event.id or seen for event in page)
                yield [Message(event) for event in page if wanted(event)]
        async for messages in _live(live, rhythm):
            yield [m for m in messages if m.event.id is None or m.event.id > seen]
        if live.ending == "lag":
            yield [Message(Event(stream, "", "lag", {"reason": "this client reads too slowly"}))]


async def _live(live: Subscription, rhythm: Rhythm) -> AsyncIterator[list[Message]]:
    while True:
        with anyio.move_on_after(rhythm.silence_s - rhythm.rest_s):
            await live.arrival()
        messages = live.take()
        if not messages and live.ending is not None:
            return
        yield messages
        with anyio.move_on_after(rhythm.rest_s):
            await live.half_full()
