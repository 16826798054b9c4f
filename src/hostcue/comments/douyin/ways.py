"""The ways a Douyin room's messages reach us, and what each of them promises.

A way opens connections and reads them into the visit's inbox, nothing more: `chain.py` says which
way is taken, `session.py` for how long silence is borne, and what is a gap. To add one, implement
`CommentWay` and name it in `wiring/comments.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

import anyio.lowlevel

from hostcue.comments.douyin.address import Resume
from hostcue.comments.douyin.inbox import Delivery, Inbox
from hostcue.model.clock import now_ms
from hostcue.model.comment import LiveEvent, Way
from hostcue.model.room import Room
from hostcue.platforms.douyin.pb import webcast_pb2 as pb
from hostcue.platforms.douyin.web import DouyinWeb


@dataclass(slots=True)
class Visit:
    """One broadcast as one visitor sees it, over all connections and ways.

    `web` knows who we are (cookies, user agent, unique id) and which proxies lead outside;
    `inbox` decodes, and leaves out what came already by whatever way. A way that speaks as `web`
    reads into it by `read_frame` and `read_response`, and goes on from `resume`.
    `turn` returns when one more connection may begin: it was waited for before `CommentWay.open`,
    and a way waits for it before each further one. `push_servers` are the ones to try, the best
    first; `dials` counts the handshakes with them.
    """

    room: Room
    web: DouyinWeb
    inbox: Inbox
    turn: Callable[[], Awaitable[None]] = anyio.lowlevel.checkpoint
    push_servers: tuple[str, ...] = ()
    dials: int = 0
    _told: tuple[str, Resume] = field(default=("", Resume()), init=False)

    @property
    def visitor(self) -> str:
        """Who we are now."""
        return self.web.identity.user_unique_id

    @property
    def resume(self) -> Resume:
        """Where we go on: from now, if it was another visitor who was told where that is.

        It may have been a browser's page, or who we were before.
        """
        resume = self.inbox.resume
        return resume if self._told == (self.visitor, resume) else Resume()

    def read_frame(self, data: bytes, *, visitor: str) -> Delivery:
        """A frame that just came, and to whom; raises as the inbox does."""
        delivery = self.inbox.read_frame(data, now_ms())
        self._told = (visitor, self.inbox.resume)
        return delivery

    def read_response(self, response: pb.Response, *, visitor: str) -> tuple[LiveEvent, ...]:
        """A response that just came without a frame, and to whom."""
        events = self.inbox.read_response(response, now_ms())
        self._told = (visitor, self.inbox.resume)
        return events


class Connection(Protocol):
    """An open connection; it is closed by leaving the context it came from."""

    async def receive(self) -> Delivery:
        """What came next, read into the inbox; waits as long as it takes.

        `spoke` is true if the platform sent messages, new or not: heartbeats and empty answers
        are no sign of life. May be cancelled at any time without losing what was read.

        Raises:
            UpstreamChanged: this frame cannot be read; the next one may be, so go on.
            TransportFailed: the connection broke.
            SignatureRefused, Blocked, AuthRequired, RateLimited: as at `CommentWay.open`.
        """
        ...


class CommentWay(Protocol):
    """One way to a room's messages; one instance serves all rooms."""

    @property
    def name(self) -> Way:
        """What it is called in settings and on the page."""
        ...

    def open(self, visit: Visit) -> AbstractAsyncContextManager[Connection]:
        """Connect; being inside the context means that messages can come.

        Bring your own deadlines. Errors leave the context as they are, never in a group.

        Raises:
            SignatureRefused: what we are or how we sign is refused; a new identity may help.
            Blocked: risk control, such as a captcha; asking again makes it worse.
            AuthRequired: only a login helps.
            RateLimited: too much was asked; says how long to wait.
            SignerFailed: the user's own signer gives no signature.
            UpstreamChanged: the platform answered something we do not understand.
            TransportFailed: no connection.
            ConfigError: this way cannot be used on this machine; says what is missing.
        """
        ...
