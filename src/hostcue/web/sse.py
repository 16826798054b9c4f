"""Events as a client's `EventSource` sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Header
from fastapi.sse import ServerSentEvent

from hostcue.events.hub import Wanted
from hostcue.events.stream import Replay, follow
from hostcue.model.event import Event, StreamName
from hostcue.model.json_text import to_json
from hostcue.wiring import Service


def described(kind: str, example: dict[str, object]) -> dict[int | str, dict[str, object]]:
    """A stream's entry in the API's description, with one message as an example."""
    message = f"data: {to_json({'type': kind, 'data': example})}\nid: 4711\n\n"
    content = {"text/event-stream": {"example": message}}
    return {200: {"description": "Messages until the server stops", "content": content}}


LastEventId = Annotated[
    str | None,
    Header(
        description="The `id:` of the last event received; the stream goes on after it",
        max_length=32,
    ),
]


async def stream(
    service: Service,
    name: StreamName,
    wanted: Wanted,
    last_event_id: str | None,
    replay: Replay,
) -> AsyncIterator[ServerSentEvent]:
    """One client's stream, from where it left off.

    The first thing sent is a comment: without it a client would not know that it is connected
    before something happens. An id that is no number of ours counts as too old.
    """
    resume = _number(last_event_id)
    yield ServerSentEvent(comment="connected")
    can_resume = resume is not None and await service.outbox.can_resume(name, resume)
    async for event in follow(
        service.hub, name, wanted, resume=resume, can_resume=can_resume, replay=replay
    ):
        yield _message(event)


def _message(event: Event) -> ServerSentEvent:
    return ServerSentEvent(
        raw_data=to_json({"type": event.type, "data": event.data}),
        id=None if event.id is None else str(event.id),
    )


def _number(last_event_id: str | None) -> int | None:
    if not last_event_id:
        return None
    return int(last_event_id) if last_event_id.isdecimal() and last_event_id.isascii() else -1
