"""The browser of this machine, one for all rooms that need it.

Playwright is an extra: it is imported when the first tab is wanted. Its driver and the browser are
processes that end with the last tab, and when this process dies, however it dies: they live on
pipes to it.
"""

from __future__ import annotations

import os
from asyncio import Future
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
import anyio.to_thread
import structlog

from hostcue.comments.douyin.browser_access import cdp_endpoint, environment, log_in, proxy_to
from hostcue.comments.douyin.browser_program import (
    EXTRA_REMEDY,
    extra_installed,
    find_browser,
)
from hostcue.errors import BrowserDied, BrowserMissing, UpstreamError
from hostcue.log import redact_text
from hostcue.model.network import Proxies
from hostcue.platforms.douyin.web import DouyinWeb

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Playwright, ViewportSize
    from playwright.async_api._context_manager import PlaywrightContextManager

log = structlog.get_logger(__name__)

PROFILE_FOLDER: Final = "profile"

_ARGUMENTS = (
    "--disable-gpu",
    "--mute-audio",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-crash-reporter",
    "--no-default-browser-check",
)
_LOCALE = "zh-CN"
_SIZE: ViewportSize = {"width": 800, "height": 600}
_CLOSE_S = 5.0


@dataclass(slots=True)
class _Running:
    """What runs while there are tabs."""

    manager: PlaywrightContextManager
    browser: Browser
    own: BrowserContext
    is_theirs: bool
    tabs: int = 0


class Chromium:
    """The browser, started with the first tab and ended with the last.

    Args:
        folder: the profile is kept here, so that a login and a visitor id last.
        path: the program; empty: a usual one.
        proxies: of the settings; a room's own proxy is for its own tab.
        cdp_url: of the user's own browser, which is used as it is and never ended; else empty.
        start_s: for starting, or for connecting to theirs.
    """

    def __init__(
        self,
        folder: Path,
        *,
        path: str = "",
        proxies: Proxies | None = None,
        cdp_url: str = "",
        start_s: float = 30.0,
    ) -> None:
        self._folder = folder
        self._path = path
        self._proxies = proxies or Proxies()
        self._cdp_url = cdp_url
        self._start_s = start_s
        self._running: _Running | None = None
        self._turn = anyio.Lock()

    @property
    def login_remedy(self) -> str:
        """How an operator logs in where this browser looks."""
        if self._cdp_url:
            return "log in to Douyin in the browser that HOSTCUE_BROWSER_CDP_URL leads to"
        profile = self._folder.absolute() / PROFILE_FOLDER
        return (
            "set DOUYIN_COOKIE, or log in once, while hostcue does not use the browser, with: "
            f'chromium --password-store=basic --user-data-dir="{profile}" https://live.douyin.com'
        )

    @asynccontextmanager
    async def context(self, web: DouyinWeb) -> AsyncIterator[BrowserContext]:
        """Where this visitor's tabs are opened: with its own cookie and proxy if it has such.

        Raises:
            BrowserMissing: the extra or the program is not installed.
            BrowserDied: it could not be started, or theirs not be reached.
        """
        async with self._used(web) as running:
            if not web.has_own_access:
                if not running.is_theirs:
                    await log_in(running.own, web)
                yield running.own
                return
            context = await running.browser.new_context(
                proxy=proxy_to(web.proxies, web.base_url),
                user_agent=web.identity.user_agent,
                locale=_LOCALE,
                viewport=_SIZE,
                service_workers="block",
                accept_downloads=False,
            )
            try:
                await log_in(context, web)
                yield context
            finally:
                with anyio.CancelScope(shield=True), anyio.move_on_after(_CLOSE_S):
                    await _quietly(context.close)

    async def look(self, context: BrowserContext, *, within_s: float) -> None:
        """End the browser if it does not answer: the next tab gets a new one."""
        with anyio.move_on_after(within_s) as wait:
            await _quietly(context.cookies)
        running = self._running
        if wait.cancelled_caught and running is not None and context.browser is running.browser:
            log.warning("browser_hangs")
            self._running = None
            _kill(running.manager)

    @asynccontextmanager
    async def _used(self, web: DouyinWeb) -> AsyncIterator[_Running]:
        async with self._turn:
            if self._running is None or not self._running.browser.is_connected():
                self._running = await self._start(web)
            running = self._running
            running.tabs += 1
        try:
            yield running
        finally:
            with anyio.CancelScope(shield=True):
                async with self._turn:
                    running.tabs -= 1
                    if not running.tabs:
                        await self._end(running)

    async def _start(self, web: DouyinWeb) -> _Running:
        if not extra_installed():
            raise BrowserMissing("the browser way needs Playwright", remedy=EXTRA_REMEDY)
        program = "" if self._cdp_url else find_browser(self._path)
        from playwright.async_api import Error, async_playwright

        manager = async_playwright()
        try:
            with anyio.fail_after(self._start_s):
                playwright = await manager.__aenter__()
                _hush(manager)
                if self._cdp_url:
                    return await self._theirs(manager, playwright)
                return await self._ours(manager, playwright, program, web)
        except (TimeoutError, Error, OSError, UpstreamError) as exc:
            await _stop(manager)
            raise self._not_started(exc) from None
        except BaseException:  # cancelled too: what was begun is not left running
            await _stop(manager)
            raise

    async def _theirs(self, manager: PlaywrightContextManager, playwright: Playwright) -> _Running:
        endpoint = await cdp_endpoint(self._cdp_url, within_s=self._start_s)
        browser = await playwright.chromium.connect_over_cdp(endpoint)
        contexts = browser.contexts
        own = contexts[0] if contexts else await browser.new_context()
        return _Running(manager, browser, own, is_theirs=True)

    async def _ours(
        self,
        manager: PlaywrightContextManager,
        playwright: Playwright,
        program: str,
        web: DouyinWeb,
    ) -> _Running:
        profile = self._folder / PROFILE_FOLDER
        await anyio.to_thread.run_sync(make_private, profile)
        # the settings', whichever room comes first: one with its own is given that
        proxy = proxy_to(self._proxies, web.base_url)
        own = await playwright.chromium.launch_persistent_context(
            profile,
            executable_path=program,
            # as root Chromium refuses to run with it
            chromium_sandbox=not hasattr(os, "geteuid") or os.geteuid() != 0,
            args=[*_ARGUMENTS, *(() if proxy else ("--no-proxy-server",))],
            env=environment(),
            handle_sigint=False,  # it is closed in order, by us
            handle_sigterm=False,
            handle_sighup=False,
            proxy=proxy,
            user_agent=web.identity.user_agent,
            locale=_LOCALE,
            viewport=_SIZE,
            service_workers="block",
            accept_downloads=False,
        )
        browser = own.browser
        if browser is None:
            raise BrowserDied("the browser ended as it started")
        log.info("browser_started", program=program, version=browser.version)
        return _Running(manager, browser, own, is_theirs=False)

    async def _end(self, running: _Running) -> None:
        if self._running is running:
            self._running = None
        with anyio.CancelScope(shield=True):
            if not running.is_theirs:
                with anyio.move_on_after(_CLOSE_S):
                    await _quietly(running.own.close)  # so that the profile is written
            await _stop(running.manager)
        log.info("browser_ended")

    def _not_started(self, exc: Exception) -> BrowserDied:
        reason = redact_text(str(exc).strip().splitlines()[0] if str(exc).strip() else "no answer")
        if self._cdp_url:
            return BrowserDied(
                f"the browser of HOSTCUE_BROWSER_CDP_URL cannot be reached ({reason})",
                remedy="start it with --remote-debugging-port=9222 --user-data-dir=<a folder>, and "
                "set HOSTCUE_BROWSER_CDP_URL=http://127.0.0.1:9222",
            )
        remedy = "run `hostcue doctor`; another program can be named in HOSTCUE_BROWSER_PATH"
        if "sandbox" in str(exc).lower():
            remedy = "allow user namespaces here, or use a browser over HOSTCUE_BROWSER_CDP_URL"
        return BrowserDied(f"the browser could not be started ({reason})", remedy=remedy)


def make_private(folder: Path) -> None:
    """A folder for us alone: it holds a login."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for each in (folder, folder.parent):
        each.chmod(0o700)


async def _stop(manager: PlaywrightContextManager) -> None:
    """End the driver, and the browser with it; killed if it does not listen."""
    with anyio.CancelScope(shield=True):
        with anyio.move_on_after(_CLOSE_S) as wait:
            await _quietly(manager.__aexit__)
        if wait.cancelled_caught:
            _kill(manager)


def _kill(manager: PlaywrightContextManager) -> None:
    process = getattr(_transport(manager), "_proc", None)
    if isinstance(process, Process) and process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()


def _hush(manager: PlaywrightContextManager) -> None:
    """Keep asyncio from logging a traceback when the driver dies: its tabs tell us."""
    ended = getattr(_transport(manager), "on_error_future", None)
    if isinstance(ended, Future):
        ended.add_done_callback(lambda done: done.cancelled() or done.exception())


def _transport(manager: PlaywrightContextManager) -> object:
    """The pipe to the driver, to which no public way leads; the browser ends with it."""
    return getattr(getattr(manager, "_client", None), "_transport", None)


async def _quietly(close: Callable[[], Awaitable[object]]) -> None:
    """Close what may be gone already."""
    from playwright.async_api import Error

    with suppress(Error):
        await close()
