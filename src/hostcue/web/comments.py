"""`/api/comments`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from hostcue.storage.comments import STORED_KINDS
from hostcue.web.contract.comments import Accepted, CommentBody, CommentIngest
from hostcue.web.contract.common import Id, Milliseconds
from hostcue.web.errors import HostcueRoute
from hostcue.web.state import ServiceOf

router = APIRouter(prefix="/api", tags=["comments"], route_class=HostcueRoute)

_KINDS = "|".join(sorted(STORED_KINDS))


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
    kinds: Annotated[
        str | None, Query(pattern=rf"^({_KINDS})(,({_KINDS}))*$", examples=["chat,gift"])
    ] = None,
) -> list[CommentBody]:
    """The comments sent in `[start_ts, end_ts)`, oldest first; only of these kinds if named."""
    rows = await service.comments.get_comments_between(
        room_id,
        start_ts,
        end_ts,
        limit,
        after=after,
        kinds=None if kinds is None else kinds.split(","),
    )
    return [CommentBody.of(row) for row in rows]


@router.post("/comments/ingest")
async def ingest_comments(body: CommentIngest, service: ServiceOf) -> Accepted:
    """Take comments from the user's own collector; likes and enters are counted and not kept."""
    accepted = await service.chats.ingest(body.rows())
    return Accepted(accepted=accepted, duplicates=len(body.comments) - accepted)
