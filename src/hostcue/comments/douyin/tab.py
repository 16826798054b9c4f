"""One tab of the browser, on a room's page: what its page hears of the platform."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio
import httpx2

from hostcue.errors import BrowserDied, HostcueError, TransportFailed
from hostcue.model.clock import now_ms
from hostcue.platforms.douyin.broadcast import BLOCKED_REMEDY, BLOCKED_STATUS
from hostcue.platforms.http import refusal

if TYPE_CHECKING:
    from playwright.async_api import Page, Response, Route, WebSocket

_PUSH, _FETCH = "/webcast/im/push/", "/webcast/im/fetch/"
_NOT_FETCHED = frozenset({"image", "media", "font"})
_STREAMS = re.compile(r"\.(?:flv|m3u8|ts|mp4|m4s|webm|mp3|aac)$", re.IGNORECASE)
_CLOSE_S = 5.0


@dataclass(frozen=True, slots=True)
class Frame:
    """What came over the socket."""

    data: bytes
    received_ms: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer that the page asked for, its body not read yet."""

    response: Response
    received_ms: int


Item = Frame | Fetched | HostcueError


class Tab:
    """A page that reads a room's comments.

    `connected` once it has heard from the platform; `lost_s` since when it has no connection any
    more, on the event loop's clock.
    """

    def __init__(
        self, page: Page, hear: Callable[[Item], None], changed: Callable[[], None]
    ) -> None:
        """`hear` is given what comes, `changed` called when the connection does."""
        self.page = page
        self.connected = anyio.Event()
        self.lost_s: float | None = None
        self.was_refused = False
        self._hear = hear
        self._changed = changed
        self._is_watched = True
        self._sockets: set[WebSocket] = set()
        page.on("websocket", self._socket_opened)  # those of its Workers too
        page.on("response", self._answered)
        page.on("crash", lambda _: self._failed("the browser's tab crashed"))
        page.on("close", lambda _: self._failed("the browser ended, or its tab was closed"))

    async def visit(self, url: str) -> None:
        """Go to the room's page.

        Raises:
            UpstreamError: it is refused, by its status.
        """
        await self.page.route("**/*", _spare)
        response = await self.page.goto(url, wait_until="commit")
        if response is not None:
            error = refusal(
                httpx2.Response(response.status, headers=response.headers),
                "Douyin",
                remedy=BLOCKED_REMEDY,
                blocks=BLOCKED_STATUS,
            )
            if error is not None:
                raise error

    async def answers(self, within_s: float) -> bool:
        """Whether the page still runs."""
        from playwright.async_api import Error

        try:
            with anyio.fail_after(within_s):
                await self.page.evaluate("1")
        except TimeoutError:
            return False
        except Error as exc:  # on its way to another page it runs too
            return not _is_gone(exc)
        return True

    async def close(self) -> None:
        """Close it; what happens to it from here on is of no interest."""
        from playwright.async_api import Error

        self._is_watched = False
        with anyio.CancelScope(shield=True), anyio.move_on_after(_CLOSE_S):
            try:
                await self.page.close()
            except Error:
                return

    def _socket_opened(self, socket: WebSocket) -> None:
        if _PUSH in urlsplit(socket.url).path:
            self._sockets.add(socket)
            socket.on("framereceived", self._received)
            socket.on("close", self._socket_closed)
            self._now_lost(None)

    def _socket_closed(self, socket: WebSocket) -> None:
        self._sockets.discard(socket)
        if not self.connected.is_set():
            self.was_refused = True
        if not self._sockets:
            self._now_lost(anyio.current_time())

    def _received(self, payload: bytes | str) -> None:
        if isinstance(payload, bytes):
            self._heard(Frame(payload, now_ms()))

    def _answered(self, response: Response) -> None:
        if response.ok and _FETCH in urlsplit(response.url).path:
            self._now_lost(None)
            self._heard(Fetched(response, now_ms()))

    def _heard(self, item: Item) -> None:
        self.connected.set()
        if self._is_watched:
            self._hear(item)

    def _failed(self, how: str) -> None:
        if self._is_watched:
            self._hear(BrowserDied(how))

    def _now_lost(self, since_s: float | None) -> None:
        self.lost_s = since_s
        if self._is_watched:
            self._changed()


async def _spare(route: Route) -> None:
    """Fetch nothing that only eyes and ears need."""
    from playwright.async_api import Error

    request = route.request
    needless = request.resource_type in _NOT_FETCHED or _STREAMS.search(urlsplit(request.url).path)
    try:
        await (route.abort() if needless else route.continue_())
    except Error:
        return  # the page has gone on meanwhile


async def body_of(response: Response) -> bytes:
    """What the page was answered; empty where the browser has thrown it away already."""
    from playwright.async_api import Error

    try:
        with anyio.fail_after(_CLOSE_S):
            return await response.body()
    except (Error, TimeoutError):
        return b""


def _is_gone(exc: Exception) -> bool:
    return "closed" in str(exc) or "crashed" in str(exc)


def as_ours(exc: Exception) -> TransportFailed:
    """The driver's error as one of ours; its text can hold the page's URL, which is no secret."""
    if _is_gone(exc):
        return BrowserDied("the browser ended, or its tab crashed")
    reason = re.search(r"net::(\w+)", str(exc))
    return TransportFailed(
        f"the browser cannot reach Douyin ({reason[1] if reason else 'no answer'})",
        remedy="check the network and HTTP_PROXY, HTTPS_PROXY, NO_PROXY",
    )
