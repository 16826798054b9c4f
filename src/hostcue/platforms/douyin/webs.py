"""Who we are to Douyin, room by room."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio

from hostcue.model.network import AddressPolicy, Proxies
from hostcue.model.room import DEFAULT_ACCESS, Access
from hostcue.platforms.douyin import links
from hostcue.platforms.douyin.web import DouyinWeb, Way
from hostcue.platforms.gates import Gates
from hostcue.platforms.http import open_http


@dataclass(slots=True)
class _Visit:
    web: DouyinWeb
    users: int = 0


class DouyinWebs:
    """One `DouyinWeb` for each access, shared by all rooms that are reached this way.

    Rooms with the same cookie and proxy are asked for by the same visitor; another cookie is
    somebody else, another proxy comes from elsewhere. All share the platform's budget.

    Args:
        proxies: of the settings; a room's own proxy replaces them.
        base_url: the web face.
        cookie: the login of the settings; a room's own cookie replaces it.
        policy: where share links may lead.
        gates: of the whole platform.
        ways: see `DouyinWeb`.
        timeout_s: for one request.
        most_idle: so many that nobody uses are kept, the latest.
    """

    def __init__(
        self,
        proxies: Proxies,
        *,
        base_url: str = links.WEB_URL,
        cookie: str | None = None,
        policy: AddressPolicy | None = None,
        gates: Gates | None = None,
        ways: Sequence[Way] = (),
        timeout_s: float = 10.0,
        most_idle: int = 16,
    ) -> None:
        """Raise `ConfigError` for a cookie or proxy of the settings that no client can use."""
        self.base_url = base_url.rstrip("/")
        self._proxies = proxies
        self._cookie = cookie
        self._policy = policy
        self._gates = gates or Gates("Douyin")
        self._ways = ways
        self._timeout_s = timeout_s
        self._most_idle = most_idle
        self._visits = {DEFAULT_ACCESS: _Visit(self._web(DEFAULT_ACCESS))}  # the latest used last

    @asynccontextmanager
    async def lend(self, access: Access = DEFAULT_ACCESS) -> AsyncIterator[DouyinWeb]:
        """The web face as this access sees it; stays the same while anybody uses it."""
        visit = self._visits.pop(access, None) or _Visit(self._web(access))
        self._visits[access] = visit
        visit.users += 1
        try:
            yield visit.web
        finally:
            visit.users -= 1
            with anyio.CancelScope(shield=True):
                await self._forget(self._most_idle)

    async def aclose(self) -> None:
        """Close what nobody uses."""
        await self._forget(0)

    async def _forget(self, most_idle: int) -> None:
        idle = [access for access, visit in self._visits.items() if not visit.users]
        gone = [self._visits.pop(access) for access in idle[: max(0, len(idle) - most_idle)]]
        for visit in gone:  # nobody can borrow them any more, however long closing takes
            await visit.web.http.aclose()

    def _web(self, access: Access) -> DouyinWeb:
        proxies = self._proxies.through(access.proxy)
        return DouyinWeb(
            open_http(proxies, timeout_s=self._timeout_s),
            base_url=self.base_url,
            cookie=access.cookie or self._cookie,
            access=access,
            proxies=proxies,
            policy=self._policy,
            gates=self._gates,
            ways=self._ways,
            timeout_s=self._timeout_s,
        )
