"""Who we are to Bilibili, room by room."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hostcue.model.network import Proxies
from hostcue.model.room import DEFAULT_ACCESS, Access
from hostcue.platforms.bilibili.web import LIVE_URL, MAIN_URL, BilibiliWeb, checked
from hostcue.platforms.gates import Gates
from hostcue.platforms.http import open_http


class BilibiliWebs:
    """A `BilibiliWeb` for each room's comments; all share the platform's budget and breakers.

    Args:
        proxies: of the settings; a room's own proxy replaces them.
        base_url: one host for both of Bilibili's, such as a pretend one; empty: its own.
        cookie: the login of the settings; a room's own cookie replaces it.
        gates: of the whole platform.
        timeout_s: for one request.
    """

    def __init__(
        self,
        proxies: Proxies,
        *,
        base_url: str = "",
        cookie: str = "",
        gates: Gates | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        self._proxies = proxies
        self._live_url = base_url.rstrip("/") or LIVE_URL
        self._main_url = base_url.rstrip("/") or MAIN_URL
        self._cookie = checked(cookie)
        self._gates = gates or Gates("Bilibili")
        self._timeout_s = timeout_s

    @asynccontextmanager
    async def open(self, access: Access = DEFAULT_ACCESS) -> AsyncIterator[BilibiliWeb]:
        """The web face as this access sees it."""
        proxies = self._proxies.through(access.proxy)
        async with open_http(proxies, timeout_s=self._timeout_s) as http:
            yield BilibiliWeb(
                http,
                gates=self._gates,
                proxies=proxies,
                live_url=self._live_url,
                main_url=self._main_url,
                cookie=access.cookie or self._cookie,
                access=access,
                timeout_s=self._timeout_s,
            )
