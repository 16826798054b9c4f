"""The way by the room's own page, in a browser: whatever the platform signs, its page signs.

The page opens the push socket, in itself or in a Worker, or asks where it may not; we read what it
gets. Pictures, fonts and streams are never fetched.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import anyio
import structlog

from hostcue.comments.douyin.chromium import Chromium
from hostcue.comments.douyin.inbox import Delivery, Inbox
from hostcue.comments.douyin.tab import Fetched, Frame, Item, Tab, as_ours, body_of
from hostcue.comments.douyin.wall import Screenshots, wall_of
from hostcue.comments.douyin.ways import Connection, Visit
from hostcue.comments.douyin.wire import parse
from hostcue.errors import BrowserDied, HostcueError, TransportFailed
from hostcue.model.comment import Way
from hostcue.platforms.douyin.pb import webcast_pb2 as pb

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext

log = structlog.get_logger(__name__)

_MOST_WAITING: Final = 2000  # frames: minutes of a busy room, and tens of MB
_LOOK_S = 10.0  # for a wall, and a picture of it


@dataclass(frozen=True, slots=True)
class _Timing:
    open_s: float
    regain_s: float
    renew_s: float
    look_s: float


class BrowserWay:
    """The `CommentWay` by the room's page.

    Args:
        chromium: the browser that all rooms share.
        screenshots: where an operator sees what the browser saw.
        open_s: so long a page has to open its comment connection; then it shows a wall.
        regain_s: so long it has to open another when one ended; then the connection broke.
        renew_s: a tab is replaced so often: pages grow.
        look_s: between two looks at whether the tab still answers.
    """

    name: Way = "browser"

    def __init__(
        self,
        chromium: Chromium,
        screenshots: Screenshots,
        *,
        open_s: float = 20.0,
        regain_s: float = 5.0,
        renew_s: float = 7200.0,
        look_s: float = 5.0,
    ) -> None:
        self._chromium = chromium
        self._screenshots = screenshots
        self._timing = _Timing(open_s, regain_s, renew_s, look_s)

    def open(self, visit: Visit) -> AbstractAsyncContextManager[Connection]:
        """See `CommentWay.open`."""
        return self._open(visit)

    @asynccontextmanager
    async def _open(self, visit: Visit) -> AsyncIterator[Connection]:
        async with AsyncExitStack() as stack:
            context = await stack.enter_async_context(self._chromium.context(visit.web))
            tabs = _Tabs(visit, context, self._chromium, self._screenshots, self._timing)
            stack.push_async_callback(tabs.close)
            await tabs.replace()
            error: BaseException | None = None
            try:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(tabs.look_after)
                    yield tabs
                    tasks.cancel_scope.cancel()
            except BaseExceptionGroup as group:
                # The group is ours, the one error in it is who uses the connection's.
                if len(group.exceptions) > 1:
                    raise
                error = group.exceptions[0]
            if error is not None:
                raise error


class _Tabs:
    """The `Connection` by a tab, and by the next one when that has grown old."""

    def __init__(
        self,
        visit: Visit,
        context: BrowserContext,
        chromium: Chromium,
        screenshots: Screenshots,
        timing: _Timing,
    ) -> None:
        self._visit = visit
        self._context = context
        self._chromium = chromium
        self._screenshots = screenshots
        self._timing = timing
        self._waiting: deque[Item] = deque()
        self._changed = anyio.Event()
        self._tab: Tab | None = None

    async def receive(self) -> Delivery:
        """See `Connection.receive`."""
        while True:
            await self._something()
            match self._waiting[0]:
                case Frame(data, received_ms):
                    self._waiting.popleft()
                    return self._visit.inbox.read_frame(data, received_ms)
                case Fetched(response, received_ms):
                    body = await body_of(response)  # waits where it is while it is read
                    self._waiting.popleft()
                    if body:
                        return _read_fetched(self._visit.inbox, body, received_ms)
                case error:
                    raise error

    async def replace(self) -> None:
        """Open a tab that reads comments, and only then close the one before.

        Raises:
            What `CommentWay.open` does.
        """
        tab = await self._opened()
        before, self._tab = self._tab, tab
        if before is not None:
            await before.close()

    async def look_after(self) -> None:
        """See that the tab answers, and replace it when it is old."""
        renew_s = anyio.current_time() + self._timing.renew_s
        while self._tab is not None:
            await anyio.sleep(max(0.0, min(self._timing.look_s, renew_s - anyio.current_time())))
            if not await self._tab.answers(2 * self._timing.look_s):
                await self._chromium.look(self._context, within_s=self._timing.look_s)
                self.hear(BrowserDied("the browser's tab does not answer any more"))
                return
            if anyio.current_time() >= renew_s:
                await self._renew()
                renew_s = anyio.current_time() + self._timing.renew_s

    async def close(self) -> None:
        """Close the tab."""
        if self._tab is not None:
            await self._tab.close()

    def hear(self, item: Item) -> None:
        """Something came; never waits."""
        if len(self._waiting) < _MOST_WAITING:
            self._waiting.append(item)
        elif not isinstance(self._waiting[-1], HostcueError):
            self._waiting.append(TransportFailed("more came from the browser than could be read"))
        self.changed()

    def changed(self) -> None:
        """Wake who waits."""
        self._changed.set()
        self._changed = anyio.Event()

    async def _something(self) -> None:
        while not self._waiting:
            lost_s = self._tab.lost_s if self._tab else None
            deadline = float("inf") if lost_s is None else lost_s + self._timing.regain_s
            with anyio.CancelScope(deadline=deadline) as patience:
                await self._changed.wait()
            if patience.cancelled_caught and self._tab and self._tab.lost_s == lost_s:
                raise TransportFailed("Douyin closed the comment connection of its page")

    async def _renew(self) -> None:
        try:
            await self._visit.turn()
            await self.replace()
        except HostcueError as exc:  # the old one goes on
            log.warning("tab_not_renewed", room=self._visit.room.live_id, error=exc)
        else:
            log.info("tab_renewed", room=self._visit.room.live_id)

    async def _opened(self) -> Tab:
        with anyio.move_on_after(2 * self._timing.open_s + _LOOK_S):
            return await self._connected()
        raise TransportFailed("the room's page did not load in the browser")

    async def _connected(self) -> Tab:
        from playwright.async_api import Error

        tab: Tab | None = None
        try:
            tab = Tab(await self._context.new_page(), self.hear, self.changed)
            await tab.visit(f"{self._visit.web.base_url}/{self._visit.room.live_id}")
            await self._connection_of(tab)
        except BaseException as exc:
            if tab is not None:
                await tab.close()
            if isinstance(exc, Error):
                raise as_ours(exc) from None
            raise
        return tab

    async def _connection_of(self, tab: Tab) -> None:
        open_until_s = anyio.current_time() + self._timing.open_s
        while not tab.connected.is_set():
            refused_s = float("inf") if tab.lost_s is None else tab.lost_s + self._timing.regain_s
            with anyio.CancelScope(deadline=min(open_until_s, refused_s)) as patience:
                await self._changed.wait()
            if patience.cancelled_caught:
                raise await self._wall(tab)

    async def _wall(self, tab: Tab) -> HostcueError:
        seen = await self._screenshots.take(tab.page, self._visit.room.live_id)
        login = self._chromium.login_remedy
        return await wall_of(tab.page, seen, refused=tab.was_refused, login=login)


def _read_fetched(inbox: Inbox, body: bytes, received_ms: int) -> Delivery:
    response = parse(pb.Response, body)
    events = inbox.read_response(response, received_ms)
    return Delivery(events=events, spoke=bool(response.messages))
