"""What stands between a browser and a room's comments, and a picture of it for the operator."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import structlog

from hostcue.comments.douyin.chromium import make_private
from hostcue.errors import AuthRequired, Blocked, HostcueError, UpstreamChanged
from hostcue.platforms.douyin.broadcast import BLOCKED_REMEDY, CHANGED_REMEDY

if TYPE_CHECKING:
    from playwright.async_api import Page

log = structlog.get_logger(__name__)

_CAPTCHA_MARKS = "#captcha_container, iframe[src*='captcha'], iframe[src*='verify']"
_CAPTCHA = re.compile(r"验证码|安全验证|完成下列验证|拖动滑块")
_LOGIN = re.compile(r"登录后|请先登录|扫码登录|立即登录|登录抖音")
_LOOK_S = 5.0


class Screenshots:
    """The last pictures of what a browser saw in place of comments, for the operator alone."""

    def __init__(self, folder: Path, *, most: int = 20) -> None:
        self._folder = folder
        self._most = most

    async def take(self, page: Page, live_id: str) -> Path | None:
        """Keep what the page shows now; None where that cannot be done."""
        from playwright.async_api import Error

        path = self._folder / f"{live_id}_{datetime.now().astimezone():%Y%m%d_%H%M%S}.png"
        try:
            with anyio.fail_after(_LOOK_S):
                picture = await page.screenshot()
            await anyio.to_thread.run_sync(self._keep, path, picture)
        except (Error, OSError, TimeoutError) as exc:
            log.warning("screenshot_failed", room=live_id, error=type(exc).__name__)
            return None
        return path

    def _keep(self, path: Path, picture: bytes) -> None:
        make_private(self._folder)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(picture)
        oldest_first = sorted(self._folder.glob("*.png"), key=lambda each: each.stat().st_mtime)
        for old in oldest_first[: -self._most]:
            old.unlink(missing_ok=True)


async def wall_of(page: Page, seen: Path | None, *, refused: bool, login: str) -> HostcueError:
    """Why a page opened no comment connection.

    `refused` says that it tried to; `login` is how an operator logs in here, `seen` a picture.
    """
    text, has_captcha = await _look(page)
    picture = f"; {seen} shows what the browser saw" if seen else ""
    if has_captcha or _CAPTCHA.search(text):
        return Blocked(
            "Douyin shows the browser a captcha", remedy=f"{login}; or {BLOCKED_REMEDY}{picture}"
        )
    if refused:
        return Blocked(
            "Douyin refused the comment connection that its own page asked for",
            remedy=f"{BLOCKED_REMEDY}{picture}",
        )
    if _LOGIN.search(text):
        return AuthRequired("Douyin shows the browser a login wall", remedy=f"{login}{picture}")
    if not text.strip():
        return Blocked(
            "Douyin shows the browser an empty page, its sign of risk control",
            remedy=f"{BLOCKED_REMEDY}{picture}",
        )
    return UpstreamChanged(
        "the room's page opens no comment connection in the browser",
        remedy=f"{CHANGED_REMEDY}{picture}",
    )


async def _look(page: Page) -> tuple[str, bool]:
    """The page's visible text with its title, and whether it holds a captcha."""
    from playwright.async_api import Error

    try:
        with anyio.fail_after(_LOOK_S):
            text = f"{await page.title()} {await page.inner_text('body')}"
            return text, await page.locator(_CAPTCHA_MARKS).count() > 0
    except (Error, TimeoutError):
        return "", False
