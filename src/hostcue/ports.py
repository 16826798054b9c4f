"""The places where the product meets something it does not own.

One Protocol per place, all on this page. Each has two shipped implementations, but for
`CommentSource`, which has one and whose next ones are planned; each has one conformance suite
in `tests/ports/` that every implementation passes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from hostcue.model.comment import LiveEvent
from hostcue.model.room import LiveRoom, Quality, Room
from hostcue.model.tip import Answer, EvidencePack


class StreamResolver(Protocol):
    """A link becomes a room and a stream."""

    def matches(self, link: str) -> bool:
        """Whether this resolver takes the link; looks at the text only, never at the network."""
        ...

    async def resolve(self, link: str, quality: Quality) -> LiveRoom:
        """The room behind the link and its stream, in `quality` or the nearest one there is.

        Raises:
            RoomNotFound: no such room.
            RoomOffline: the platform says positively that nobody is live.
            Blocked: the platform refuses us; trying again at once makes it worse.
            AuthRequired: only a logged-in cookie helps.
            UpstreamChanged: the platform answered something we do not understand.
            TransportFailed: no connection, or it broke.
            PrivateAddress: the link or the stream leads into a private network.
        """
        ...


class CommentSource(Protocol):
    """A room's live chat as one endless stream."""

    def events(self, room: Room) -> AbstractAsyncContextManager[AsyncIterator[LiveEvent]]:
        """Connect, then yield events in arrival order until the broadcast ends.

        Entering the context means connected. Reconnects by itself, reporting each `Gap`; may
        repeat a comment after a reconnect, never with another id.

        Raises:
            RoomOffline: nobody is live.
            Blocked: the platform refuses us; trying again with the same identity will not help.
            TransportFailed: the first connection could not be made.
        """
        ...


class TipWriter(Protocol):
    """Evidence becomes lines to say."""

    async def write(self, pack: EvidencePack) -> Answer:
        """3 to 5 drafts, each with evidence out of `pack`; one try, without retries of its own.

        Raises:
            UpstreamError: the model service failed; `retryable` says whether to try again.
            AnswerError: the service answered, but not with usable tips.
        """
        ...
