"""`/api/douyin/web/*`: what viewers do in a room, passed on as it comes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from hostcue.errors import BadRequest
from hostcue.events.message import as_batch, singly
from hostcue.events.stream import Rhythm
from hostcue.model.event import Event
from hostcue.pipeline.chat import ChatStatus
from hostcue.web import sse
from hostcue.web.contract.common import Done, Name
from hostcue.web.contract.relay import (
    STREAM_KINDS,
    Fixture,
    RelayStart,
    RelayStarted,
    RelayStatus,
    RelayStop,
)
from hostcue.web.errors import HostcueRoute, about
from hostcue.web.state import ServiceOf
from hostcue.wiring import Service

router = APIRouter(prefix="/api/douyin/web", tags=["comments"], route_class=HostcueRoute)

_OWNER = "web"
_REST_S = 0.1
"""Many clients and many comments: a tenth of a second to gather them costs half of the work."""
_PAGE = 500

LiveId = Annotated[Name | None, Query(description="Which room; optional when one room runs")]
Platform = Annotated[
    Name | None, Query(description="Of which platform; optional unless two have such a room")
]
RoomKey = tuple[str, str]
"""A room's platform and live_id."""


async def watched_rooms(
    service: ServiceOf,
    live_id: Annotated[
        list[Name] | None,
        Query(max_length=100, description="Which rooms, each once; without it all of them"),
    ] = None,
    platform: Platform = None,
) -> frozenset[RoomKey]:
    """The rooms of a stream; looked up before the answer begins, so that an error still can be one.

    Raises:
        NotFound: no comments of a room are collected here.
        BadRequest: two platforms have such a room.
    """
    rooms = (service.chats.status(one, platform).room for one in live_id or ())
    return frozenset((room.platform, room.live_id) for room in rooms)


async def watched_kinds(
    kinds: Annotated[
        str | None,
        Query(
            max_length=200,
            description="Events of these types only, with commas between: "
            + ",".join(STREAM_KINDS),
            examples=["chat,gift"],
        ),
    ] = None,
) -> frozenset[str]:
    """The types that a client asked for; all when it named none.

    Raises:
        BadRequest: there is no such type.
    """
    named = frozenset(kinds.split(",")) if kinds else frozenset(STREAM_KINDS)
    if unknown := sorted(named - set(STREAM_KINDS)):
        raise BadRequest(
            f"there are no events of the type {unknown[0]!r}",
            field="kinds",
            remedy="choose from " + ", ".join(STREAM_KINDS),
        )
    return named


WatchedRooms = Annotated[frozenset[RoomKey], Depends(watched_rooms)]
WatchedKinds = Annotated[frozenset[str], Depends(watched_kinds)]
BatchMs = Annotated[
    int | None,
    Query(
        ge=50,
        le=2000,
        description="Send batches, no two within so many milliseconds: the type is `batch`, "
        "the data a list of events, each with its id if it has one",
    ),
]


@router.post("/start")
async def start_relay(body: RelayStart, service: ServiceOf) -> RelayStarted:
    """Collect a room's comments, with or without recording it; or play some that were captured."""
    if body.fixture is not None:
        room = service.fixtures.room(body.fixture)
    else:
        with about("live_url" if body.live_url else "live_id"):
            room = (await service.resolvers.resolve(body.link, "OD")).room
    status = await service.chats.join(room, _OWNER)
    return RelayStarted(
        success=True,
        live_id=status.room.live_id,
        room_id=status.room.room_id,
        state=status.health.state,
    )


@router.post("/stop")
async def stop_relay(body: RelayStop, service: ServiceOf) -> Done:
    """Give up this share; comments go on while a recording wants them."""
    status = service.chats.status(body.live_id, body.platform)
    await service.chats.leave(status.room, _OWNER)
    return Done()


@router.get("/status")
async def relay_status(
    service: ServiceOf, live_id: LiveId = None, platform: Platform = None
) -> RelayStatus:
    """How the collection of a room's comments stands."""
    return _status(service, service.chats.status(live_id, platform))


@router.get("/rooms")
async def relay_rooms(service: ServiceOf) -> list[RelayStatus]:
    """How the collection of every room's comments stands, ended ones included."""
    return [_status(service, status) for status in service.chats.every()]


@router.get("/fixtures")
async def relay_fixtures(service: ServiceOf) -> list[Fixture]:
    """What can be played instead of a room."""
    return [Fixture(name=name) for name in service.fixtures.names()]


@router.get(
    "/stream",
    status_code=200,  # else FastAPI looks for one in the class
    response_class=sse.EventStream,
    responses=sse.described("chat", {"id": "7576912345678909999", "content": "这双多少钱"}),
)
async def relay_stream(
    service: ServiceOf,
    rooms: WatchedRooms,
    kinds: WatchedKinds,
    last_event_id: sse.ResumeAfter,
    batch_ms: BatchMs = None,
) -> sse.EventStream:
    """What viewers do in a room, as it comes; without `live_id`, in all rooms.

    `reset` and `lag` come whatever types were asked for.
    """

    def wanted(event: Event) -> bool:  # a room's next broadcast has another room_id
        return event.type in kinds and (
            not rooms or any(event.subject == service.chats.room_id_of(*one) for one in rooms)
        )

    room_id = service.chats.room_id_of(*min(rooms)) if len(rooms) == 1 else None

    async def replay(after: int) -> list[Event]:
        return await service.outbox.with_comments_after(room_id, after, _PAGE)

    return sse.stream(
        service,
        "comments",
        wanted,
        last_event_id,
        replay,
        rhythm=Rhythm(rest_s=_REST_S if batch_ms is None else batch_ms / 1000),
        encode=singly if batch_ms is None else as_batch,
    )


def _status(service: Service, status: ChatStatus) -> RelayStatus:
    return RelayStatus.of(status, service.hub.traffic.of(status.room.room_id))
