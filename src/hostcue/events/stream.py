"""What one client sees: first what it missed, then what happens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from hostcue.events.hub import Hub, Wanted
from hostcue.model.event import Event, StreamName

Replay = Callable[[int], Awaitable[list[Event]]]
"""The stored events after an id, in order, at most a page of them; empty when there are no more."""


async def follow(
    hub: Hub,
    stream: StreamName,
    wanted: Wanted,
    *,
    resume: int | None,
    can_resume: bool,
    replay: Replay,
) -> AsyncIterator[Event]:
    """Events of a stream without a hole between what is stored and what is live.

    Subscribing comes before reading, so nothing falls between the two; what arrives twice for
    that reason is told by its id. A client that asks for more than is kept gets one `reset`
    event and goes on live; one that cannot keep up gets a `lag` event as its last.
    """
    with hub.subscribe(stream, wanted) as live:
        seen = resume if resume is not None and can_resume else 0
        if resume is not None and not can_resume:
            yield Event(stream, "", "reset", {"reason": "older than what is kept"})
        elif resume is not None:
            while page := await replay(seen):
                for event in page:
                    yield event
                    seen = event.id or seen
        while (latest := await live.next()) is not None:
            if latest.id is None or latest.id > seen:
                yield latest
        if live.ending == "lag":
            yield Event(stream, "", "lag", {"reason": "this client reads too slowly"})
