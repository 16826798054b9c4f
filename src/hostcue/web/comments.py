"""`/api/douyin/web/*` and `/api/comments`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from hostcue.model.event import Event
from hostcue.web import sse
from hostcue.web.contract.comments import (
    Accepted,
    CommentBody,
    CommentIngest,
    RelayStart,
    RelayStarted,
    RelayStatus,
    RelayStop,
)
from hostcue.web.contract.common import Done, Id, Milliseconds, Name
from hostcue.web.errors import HostcueRoute, about
from hostcue.web.state import ServiceOf

router = APIRouter(prefix="/api", tags=["comments"], route_class=HostcueRoute)

_OWNER = "web"
LiveId = Annotated[Name | None, Query(description="Which room; optional when one room runs")]


async def watched_room(service: ServiceOf, live_id: LiveId = None) -> str | None:
    """The room of a stream; looked up before the answer begins, so that an error still can be one.

    Raises:
        NotFound: no comments of that room are collected here.
    """
    if live_id is not None:
        service.chats.status(live_id)
    return live_id


WatchedRoom = Annotated[str | None, Depends(watched_room)]


@router.post("/douyin/web/start")
async def start_relay(body: RelayStart, service: ServiceOf) -> RelayStarted:
    """Collect a room's comments, with or without recording it."""
    with about("live_url" if body.live_url else "live_id"):
        live = await service.resolvers.resolve(body.link, "OD")
    status = await service.chats.join(live.room, _OWNER)
    return RelayStarted(
        success=True,
        live_id=status.room.live_id,
        room_id=status.room.room_id,
        state=status.health.state,
    )


@router.post("/douyin/web/stop")
async def stop_relay(body: RelayStop, service: ServiceOf) -> Done:
    """Give up this share; comments go on while a recording wants them."""
    status = service.chats.status(body.live_id)
    await service.chats.leave(status.room.live_id, _OWNER)
    return Done()


@router.get("/douyin/web/status")
async def relay_status(service: ServiceOf, live_id: LiveId = None) -> RelayStatus:
    """How the collection of a room's comments stands."""
    return RelayStatus.of(service.chats.status(live_id))


@router.get(
    "/douyin/web/stream",
    response_class=EventSourceResponse,
    responses=sse.described("chat", {"id": "7576912345678909999", "content": "这双多少钱"}),
)
async def relay_stream(
    service: ServiceOf,
    live_id: WatchedRoom,
    last_event_id: sse.LastEventId = None,
) -> AsyncIterator[ServerSentEvent]:
    """What viewers do in a room, as it comes; without `live_id`, in all rooms."""

    def wanted(room_id: str) -> bool:  # a room's next broadcast has another room_id
        return live_id is None or room_id == service.chats.room_id_of(live_id)

    room_id = None if live_id is None else service.chats.room_id_of(live_id)

    async def replay(after: int) -> list[Event]:
        return await service.outbox.with_comments_after(room_id, after, 200)

    async for message in sse.stream(service, "comments", wanted, last_event_id, replay):
        yield message


@router.get("/comments")
async def comments_between(
    service: ServiceOf,
    room_id: Id,
    start_ts: Milliseconds,
    end_ts: Milliseconds,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 2000,
    after: Annotated[
        int | None, Query(ge=0, le=2**53, description="`row_id` of the last comment got")
    ] = None,
) -> list[CommentBody]:
    """The comments sent in `[start_ts, end_ts)`, oldest first."""
    rows = await service.comments.get_comments_between(
        room_id, start_ts, end_ts, limit, after=after
    )
    return [CommentBody.of(row) for row in rows]


@router.post("/comments/ingest")
async def ingest_comments(body: CommentIngest, service: ServiceOf) -> Accepted:
    """Take comments from the user's own collector; likes and enters pass by and are not kept."""
    accepted = await service.chats.ingest(body.rows())
    return Accepted(accepted=accepted, duplicates=len(body.comments) - accepted)
