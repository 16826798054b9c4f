"""`/api/comments/digest`."""

from __future__ import annotations

from fastapi import APIRouter

from hostcue.errors import BadRequest
from hostcue.model.window import Window
from hostcue.web.contract.common import Id, Milliseconds
from hostcue.web.contract.digest import DigestBody
from hostcue.web.errors import HostcueRoute
from hostcue.web.state import ServiceOf

router = APIRouter(prefix="/api/comments", tags=["comments"], route_class=HostcueRoute)

_LONGEST_MS = 3_600_000


@router.get("/digest")
async def comment_digest(
    service: ServiceOf, room_id: Id, start_ts: Milliseconds, end_ts: Milliseconds
) -> DigestBody:
    """What the comments sent in `[start_ts, end_ts)` ask and say, and in `text` as a prompt has it.

    At most an hour; the trend is against as long a window just before.
    """
    if not start_ts < end_ts <= start_ts + _LONGEST_MS:
        raise BadRequest(
            "a digest is of a window of at most an hour, which ends after it begins",
            field="end_ts",
            remedy="ask for shorter windows, one after another",
        )
    return DigestBody.of(room_id, await service.digests.of(room_id, Window(start_ts, end_ts)))
