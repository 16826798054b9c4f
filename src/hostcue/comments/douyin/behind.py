"""What a room said while a connection to it was silent."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from hostcue.comments.douyin.visitor import in_time
from hostcue.comments.douyin.ways import Visit
from hostcue.comments.douyin.wire import parse
from hostcue.errors import UpstreamError
from hostcue.model.clock import now_ms
from hostcue.model.comment import Gap, LiveEvent, Tally, WayTaken
from hostcue.platforms.douyin.pb import webcast_pb2 as pb

log = structlog.get_logger(__name__)

FULL_ANSWER = 100
"""Messages; in one that has so many, not all may have found room."""


@dataclass(frozen=True, slots=True)
class Behind:
    """What was kept back, if anything; `first_ms` is when the first of it was sent.

    None where it joins on to what we had: then nothing is missing between the two. `last_ms` is
    when the last of it was sent, where there may be more than one answer holds; else None.
    """

    events: tuple[LiveEvent, ...]
    first_ms: int | None
    last_ms: int | None = None


async def look_behind(visit: Visit) -> Behind | None:
    """Ask once, by another door, for what came since the last message; None if it is not told.

    No events tell a quiet room from a stalled connection.
    """
    resume, visitor = visit.resume, visit.visitor
    try:
        data = await in_time(
            visit.web.fetch(
                visit.room.room_id, cursor=resume.cursor, internal_ext=resume.internal_ext
            )
        )
        response = parse(pb.Response, data)
    except UpstreamError as exc:  # the connection may be silent for another reason
        log.info("look_behind_failed", room=visit.room.live_id, error=exc.code)
        return None
    repeated = visit.inbox.repeated
    events = visit.read_response(response, visitor=visitor)
    sent_ms = [event.ts_ms for event in events if not isinstance(event, (Gap, WayTaken, Tally))]
    joins_on = visit.inbox.repeated > repeated
    return Behind(
        events,
        None if joins_on else min(sent_ms, default=now_ms()),
        max(sent_ms, default=None) if len(response.messages) >= FULL_ANSWER else None,
    )
