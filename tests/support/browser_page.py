"""The pages in a real browser: Chromium of the system, and what its console complains of."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    async_playwright,
    expect,
)
from playwright.async_api._context_manager import PlaywrightContextManager

WITHIN_MS = 60_000
START_S, CLOSE_S = 60, 20
expect.set_options(timeout=WITHIN_MS)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    """Chromium; the test is skipped where there is none."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        if os.environ.get("HOSTCUE_REQUIRE_ALL") == "1":
            pytest.fail("no Chromium here, and HOSTCUE_REQUIRE_ALL=1")
        pytest.skip("no Chromium here")
    manager = async_playwright()
    try:
        with anyio.fail_after(START_S):
            playwright = await manager.__aenter__()
            opened = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield opened
    finally:
        with anyio.move_on_after(CLOSE_S, shield=True) as wait:
            await manager.__aexit__()  # the browser ends with its driver
        if wait.cancelled_caught:
            _kill_driver(manager)


def _kill_driver(manager: PlaywrightContextManager) -> None:
    """It was seen to spin for minutes, deaf to everything."""
    transport = getattr(getattr(manager, "_client", None), "_transport", None)
    process = getattr(transport, "_proc", None)  # no public way leads to it
    if process is not None and process.returncode is None:
        process.kill()


class Complaints:
    """What the page's console said that should not be there, a broken policy included."""

    def __init__(self, page: Page) -> None:
        self.heard: list[str] = []
        page.on("console", self._message)
        page.on("pageerror", self._error)

    def _message(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.heard.append(f"{message.type}: {message.text}")

    def _error(self, error: Error) -> None:
        self.heard.append(str(error))


@asynccontextmanager
async def open_page(
    browser: Browser, url: str, *, locale: str = "zh-CN"
) -> AsyncIterator[tuple[Page, Complaints]]:
    context = await browser.new_context(locale=locale, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(WITHIN_MS)
    page = await context.new_page()
    complaints = Complaints(page)
    try:
        await page.goto(url)
        yield page, complaints
    finally:
        await _close(context)


async def _close(context: BrowserContext) -> None:
    with anyio.move_on_after(CLOSE_S, shield=True):
        await context.close()
