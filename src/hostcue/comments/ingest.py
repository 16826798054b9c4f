"""Rooms whose comments the user's own collector sends, with `POST /api/comments/ingest`.

What it sends is stored where it is posted; here is only whether it goes on sending.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import anyio
import structlog

from hostcue.model.clock import now_ms
from hostcue.model.comment import Gap, LiveEvent
from hostcue.model.room import DEFAULT_ACCESS, Access, Room

log = structlog.get_logger(__name__)

WAITING, SILENT = "ingest_waiting", "ingest_silent"
"""Causes of gaps: nothing was sent yet, or nothing any more."""


@dataclass(slots=True, eq=False)
class _Post:
    """What is known of a room's deliveries."""

    deliveries: int = 0
    heard_ms: int = 0
    heard: anyio.Event = field(default_factory=anyio.Event)


class IngestSource:
    """The `CommentSource` that collects nothing: it waits for what is posted.

    Args:
        silence_s: after so long without a delivery comments are missing, until the next one.
    """

    def __init__(self, *, silence_s: float = 60.0) -> None:
        self._silence_s = silence_s
        self._posts: dict[tuple[str, str], list[_Post]] = {}

    def heard(self, platform: str, room_id: str) -> None:
        """A delivery for this broadcast came in."""
        for post in self._posts.get((platform, room_id), ()):
            post.deliveries += 1
            post.heard_ms = now_ms()
            post.heard.set()
            post.heard = anyio.Event()

    @asynccontextmanager
    async def events(
        self, room: Room, access: Access = DEFAULT_ACCESS
    ) -> AsyncGenerator[AsyncIterator[LiveEvent]]:
        """See `CommentSource.events`; until the first delivery comments are waited for.

        The iteration never ends by itself: a collector does not say when a broadcast does.
        """
        key, post = (room.platform, room.room_id), _Post()
        self._posts.setdefault(key, []).append(post)
        try:
            async with aclosing(self._watch(post)) as events:
                yield events
        finally:
            self._posts[key].remove(post)
            if not self._posts[key]:
                del self._posts[key]

    async def _watch(self, post: _Post) -> AsyncGenerator[LiveEvent]:
        gap, known = Gap(now_ms(), WAITING), 0
        while True:
            yield gap
            while post.deliveries == known:
                await post.heard.wait()
            yield Gap(gap.start_ms, gap.cause, max(post.heard_ms, gap.start_ms))
            known = await self._silence(post)
            gap = Gap(post.heard_ms, SILENT)
            log.warning("comment_gap", cause=SILENT)

    async def _silence(self, post: _Post) -> int:
        """How many deliveries there were when no other followed for too long."""
        while True:
            known = post.deliveries
            with anyio.move_on_after(self._silence_s) as patience:
                await post.heard.wait()
            if patience.cancelled_caught and post.deliveries == known:
                return known
