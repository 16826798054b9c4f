"""The ways a Douyin room's messages reach us, and what each of them promises.

A way opens connections and reads them into the visit's inbox, nothing more: `chain.py` says which
way is taken, `session.py` for how long silence is borne, and what is a gap. To add one, implement
`CommentWay` and name it in `wiring/comments.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

import anyio.lowlevel

from hostcue.comments.douyin.inbox import Delivery, Inbox
from hostcue.model.comment import Way
from hostcue.model.room import Room
from hostcue.platforms.douyin.web import DouyinWeb


@dataclass(slots=True)
class Visit:
    """One broadcast as one visitor sees it, over all connections and ways.

    `web` knows who we are (cookies, user agent, unique id) and which proxies lead outside;
    `inbox` decodes, leaves out what came already by whatever way, and knows where to go on.
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
