"""The places where the product meets something it does not own.

One Protocol per place, all on this page. Each has two shipped implementations or more, and one
conformance suite in `tests/ports/`, which a new one joins.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

from hostcue.model.comment import LiveEvent
from hostcue.model.notification import Notification, Target
from hostcue.model.room import DEFAULT_ACCESS, Access, LiveRoom, Quality, Room
from hostcue.model.speech import Transcript
from hostcue.model.tip import Answer, EvidencePack

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class StreamResolver(Protocol):
    """A link becomes a room and a stream."""

    def matches(self, link: str) -> bool:
        """Whether this resolver takes the link; looks at the text only, never at the network."""
        ...

    def room_of(self, link: str) -> Room:
        """What a link it takes tells of its room without asking; the rest is empty.

        Where there is a `live_id`, it is the one that `resolve` gives.
        """
        ...

    async def resolve(
        self, link: str, quality: Quality, access: Access = DEFAULT_ACCESS
    ) -> LiveRoom:
        """The room behind the link and its stream, in `quality` or the nearest one there is.

        Raises:
            RoomNotFound: no such room.
            RoomOffline: the platform says positively that nobody is live.
            NotStreaming: live, but no picture is sent yet, or for the moment.
            Blocked: the platform refuses us; trying again at once makes it worse.
            AuthRequired: only a logged-in cookie helps.
            RateLimited: it was asked too often, by us or by others of this network.
            UpstreamChanged: the platform answered something we do not understand.
            TransportFailed: no connection, or it broke.
            BadRequest: no client can use this access; names its field.
            PrivateAddress: the link or the stream leads into a private network.
        """
        ...


class CommentSource(Protocol):
    """A room's live chat as one endless stream."""

    def events(
        self, room: Room, access: Access = DEFAULT_ACCESS
    ) -> AbstractAsyncContextManager[AsyncIterator[LiveEvent]]:
        """Connect, then yield events in arrival order until the broadcast ends.

        Entering the context means connected, or that the room waits for its turn, which an open
        `Gap` says. Reconnects by itself, reporting each `Gap`; may
        repeat a comment after a reconnect, never with another id.

        Raises:
            RoomOffline: nobody is live.
            Blocked: the platform refuses us; trying again with the same identity will not help.
            TransportFailed: the first connection could not be made.
        """
        ...


class Transcriber(Protocol):
    """A loaded speech model. It lives in a process of its own: what it is given may end that."""

    def transcribe(self, samples: NDArray[np.float32], *, language: str) -> Transcript:
        """What is said in `samples` (mono, 16 kHz, -1..1); blocks for as long as it takes.

        Any length is taken, none at all and mere noise too: the text is empty then. Tokens are in
        order. A `language` that the model does not know is told by it alone.
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


class Notifier(Protocol):
    """One way to reach people who are not looking at the page."""

    @property
    def target(self) -> Target:
        """Where it leads, without secrets."""
        ...

    @property
    def at_once(self) -> int:
        """How many messages that wait it takes as one: people read one, programs each."""
        ...

    async def send(self, notification: Notification, delivery_id: str) -> None:
        """One try, within a deadline of its own; `delivery_id` is the same for each try.

        Raises:
            RateLimited: the receiver asks for a pause, and says how long.
            UpstreamError: it did not arrive; `retryable` says whether to try again.
            ConfigError: it cannot arrive before a setting is mended or an extra installed.
        """
        ...
