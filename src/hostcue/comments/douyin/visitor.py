"""What the platform says of a room's broadcast, asked while its comments are read."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

import anyio
import structlog

from hostcue.errors import (
    AuthRequired,
    Blocked,
    RateLimited,
    RoomNotFound,
    RoomOffline,
    TransportFailed,
    UpstreamChanged,
)
from hostcue.model.room import Room
from hostcue.platforms.douyin.web import DouyinWeb

log = structlog.get_logger(__name__)

_PASSING = (TransportFailed, RateLimited, UpstreamChanged)
_HTTP_S = 15.0
_Answer = TypeVar("_Answer")


async def check_live(web: DouyinWeb, room: Room) -> None:
    """Ask, without insisting on a fresh answer.

    Raises:
        RoomError: the platform says positively that there is nothing to hear.
    """
    try:
        await in_time(web.enter(room.live_id))
    except (Blocked, AuthRequired, *_PASSING) as exc:
        log.info("room_state_unknown", error=exc.code)


async def is_offline(web: DouyinWeb, room: Room) -> bool:
    """Whether the platform says now that this broadcast is over; no answer is no.

    Raises:
        Blocked: it refuses to say.
        AuthRequired: only a logged-in cookie helps.
    """
    try:
        broadcast = await in_time(web.enter(room.live_id, fresh=True))
    except (RoomOffline, RoomNotFound):
        return True
    except Blocked as exc:
        if exc.retry_after_s is None:
            raise
        return False  # it was not asked
    except _PASSING:
        return False
    return broadcast.room_id != room.room_id  # the host has begun another broadcast


async def in_time(answer: Awaitable[_Answer]) -> _Answer:
    """An answer of the web face, within a deadline for all that it takes.

    Raises:
        TransportFailed: it did not come in time.
    """
    try:
        with anyio.fail_after(_HTTP_S):
            return await answer
    except TimeoutError:
        raise TransportFailed("Douyin's web server does not answer") from None
