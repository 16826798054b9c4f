"""A Douyin room's comments, kept coming."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext

from hostcue.comments.backlog import Backlog, filled
from hostcue.comments.douyin.capture import Capture, Captures
from hostcue.comments.douyin.chain import Chain
from hostcue.comments.douyin.inbox import Inbox
from hostcue.comments.douyin.places import Places
from hostcue.comments.douyin.session import Session, Timing
from hostcue.comments.douyin.ways import CommentWay, Visit
from hostcue.model.comment import LiveEvent
from hostcue.model.room import DEFAULT_ACCESS, Access, Room
from hostcue.platforms.douyin.webs import DouyinWebs

_WAITING = 100_000
"""A source only hands on: what has to be left out is left out, and counted, by who stores."""


class DouyinComments:
    """The `CommentSource` for Douyin, by whichever of its ways works.

    Args:
        webs: identities and state of rooms; shared with the resolver.
        ways: in the order in which they are liked.
        places: how many rooms are listened to, and how fast they are entered.
        captures: takes what comes as it comes.
        silence_s: after this long without a message the room is asked for, the line replaced.
        confirm_s: between the two "offline" answers it takes to believe the broadcast is over.
        backoff_s: the first and the longest wait before a reconnect.
        return_s: the first and the longest wait before a way that is liked better is tried again.
    """

    def __init__(
        self,
        webs: DouyinWebs,
        ways: Sequence[CommentWay],
        *,
        places: Places | None = None,
        captures: Captures | None = None,
        silence_s: float = 30.0,
        confirm_s: float = 20.0,
        backoff_s: tuple[float, float] = (1.5, 60.0),
        return_s: tuple[float, float] = (300.0, 3600.0),
    ) -> None:
        self._webs = webs
        self._ways = tuple(ways)
        self._places = places or Places()
        self._captures = captures
        self._timing = Timing(silence_s, confirm_s, backoff_s, return_s)

    @asynccontextmanager
    async def events(
        self, room: Room, access: Access = DEFAULT_ACCESS
    ) -> AsyncGenerator[AsyncIterator[LiveEvent]]:
        """See `CommentSource.events`; a gap lasts until the first message after it."""
        async with self._webs.lend(access) as web:
            with self._places.lend(access) as seats, self._capture(room) as capture:
                visit = Visit(room, web, Inbox(room.room_id, capture=capture), seats.turn)
                backlog = Backlog(_WAITING)
                session = Session(visit, Chain(self._ways), seats, backlog, self._timing)
                async with filled(backlog, session.run):
                    yield backlog

    def _capture(self, room: Room) -> AbstractContextManager[Capture | None]:
        return nullcontext() if self._captures is None else self._captures.open(room.live_id)
