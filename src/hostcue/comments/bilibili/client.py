"""A Bilibili room's comments, kept coming."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager

from hostcue.comments.backlog import Backlog, filled
from hostcue.comments.bilibili.inbox import Inbox
from hostcue.comments.bilibili.session import Session, Timing
from hostcue.comments.bilibili.visitor import Visitor
from hostcue.model.comment import LiveEvent
from hostcue.model.room import DEFAULT_ACCESS, Access, Room
from hostcue.platforms.bilibili.webs import BilibiliWebs
from hostcue.platforms.budget import Budget

_WAITING = 100_000
"""A source only hands on: what has to be left out is left out, and counted, by who stores."""


class BilibiliComments:
    """The `CommentSource` for Bilibili: the WebSocket that its web page reads from.

    Args:
        webs: how the platform is asked, and as whom.
        push_urls: `ws(s)://host:port` of push servers, in the order to try; none: those the
            platform names.
        heartbeat_s: between two heartbeats; without them the server hangs up after about 60 s.
        silence_s: after this long without a message the room is asked for, the line replaced.
        confirm_s: between the two "offline" answers it takes to believe the broadcast is over.
        backoff_s: the first and the longest wait before a reconnect.
        open_timeout_s: for one connection, until we are admitted.
        dials: how many connections are begun, of all rooms together; by default two at once, then
            one each second.
    """

    def __init__(
        self,
        webs: BilibiliWebs,
        *,
        push_urls: Sequence[str] = (),
        heartbeat_s: float = 30.0,
        silence_s: float = 30.0,
        confirm_s: float = 20.0,
        backoff_s: tuple[float, float] = (1.5, 60.0),
        open_timeout_s: float = 10.0,
        dials: Budget | None = None,
    ) -> None:
        self._webs = webs
        self._push_urls = tuple(push_urls)
        self._timing = Timing(heartbeat_s, silence_s, confirm_s, backoff_s)
        self._open_timeout_s = open_timeout_s
        self._dials = dials or Budget("Bilibili's comment servers", burst=2, patience_s=60)

    @asynccontextmanager
    async def events(
        self, room: Room, access: Access = DEFAULT_ACCESS
    ) -> AsyncGenerator[AsyncIterator[LiveEvent]]:
        """See `CommentSource.events`; a gap lasts until the first message after it."""
        async with self._webs.open(access) as web:
            backlog = Backlog(_WAITING)
            visitor = Visitor(
                room,
                web,
                push_urls=self._push_urls,
                dials=self._dials,
                open_timeout_s=self._open_timeout_s,
            )
            session = Session(visitor, Inbox(room.room_id), backlog, self._timing)
            async with filled(backlog, session.run):
                yield backlog
