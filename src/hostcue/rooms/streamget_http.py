"""streamget's HTTP, replaced by ours.

As shipped it switches certificate checks off, takes proxies from the environment when it is given
none, and turns every failure into the text of an answer. It reaches for `httpx.AsyncClient` by name
in its modules: that name is all that is exchanged here, and its `print`s are sent to the log, since
standard output belongs to the command that runs.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Self

import httpx2
import structlog

from hostcue.errors import HostcueError
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.platforms.http import check_address, exchange, open_http, refusal

log = structlog.get_logger(__name__)

Body = Mapping[str, object] | bytes | str
_REMEDY = "the platform may want a login or another network"


@dataclass(slots=True)
class Session:
    """The requests of one resolution; `trouble` is the last that failed, which streamget hides.

    `instead` says which addresses are asked in place of built-in ones; `last` is the last answer.
    """

    http: httpx2.AsyncClient
    timeout_s: float
    instead: Mapping[str, str]
    trouble: HostcueError | None = None
    last: httpx2.Response | None = None

    def address(self, url: str) -> str:
        """Where a URL of the library's is really asked for."""
        for built_in, ours in self.instead.items():
            if url.startswith(f"{built_in}/"):
                return ours + url.removeprefix(built_in)
        return url


_session: ContextVar[Session] = ContextVar("streamget_session")


@asynccontextmanager
async def open_session(
    proxies: Proxies,
    policy: AddressPolicy,
    *,
    timeout_s: float,
    instead: Mapping[str, str] | None = None,
) -> AsyncIterator[Session]:
    """Give streamget, as called inside this context, a connection of its own to the world.

    Every request it makes, redirects included, is checked against `policy` first; but for those
    that the operator's own setting, the values of `instead`, sends elsewhere.
    """
    chosen = tuple(f"{ours}/" for ours in (instead or {}).values())

    async def check(request: httpx2.Request) -> None:
        if not str(request.url).startswith(chosen):
            await check_address(policy, str(request.url))

    async with open_http(proxies, timeout_s=timeout_s) as http:
        http.event_hooks = {"request": [check]}
        session = Session(http, timeout_s, instead or {})
        token = _session.set(session)
        try:
            yield session
        finally:
            _session.reset(token)


@cache
def load() -> ModuleType:
    """The streamget package with its HTTP exchanged; takes half a second the first time."""
    library = importlib.import_module("streamget")
    ours = SimpleNamespace(AsyncClient=_Client, HTTPStatusError=httpx2.HTTPStatusError)
    for name, module in list(sys.modules.items()):
        if name.startswith("streamget."):
            vars(module)["print"] = _log
            if "httpx" in vars(module):
                vars(module)["httpx"] = ours
    return library


def _log(*what: object) -> None:
    log.debug("streamget_says", text=" ".join(map(str, what)))


class _Client:
    """What streamget takes for `httpx.AsyncClient`: opened and closed per request, it says so.

    Its options (`verify=False`, a proxy, a timeout) are not heeded: the session has better ones.
    """

    def __init__(self, **_: object) -> None:
        self._session = _session.get()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, follow_redirects: bool = False
    ) -> httpx2.Response:
        request = self._request("GET", url, headers)
        return await self._send(request, follow_redirects=follow_redirects)

    async def head(
        self, url: str, *, headers: Mapping[str, str] | None = None, follow_redirects: bool = False
    ) -> httpx2.Response:
        # a stream's address is looked at: the platform's cookie is none of its host's business
        open_headers = {k: v for k, v in (headers or {}).items() if k.lower() != "cookie"}
        request = self._request("HEAD", url, open_headers)
        return await self._send(request, follow_redirects=follow_redirects)

    async def post(
        self,
        url: str,
        *,
        data: Body | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        http, url = self._session.http, self._session.address(url)
        if isinstance(data, bytes | str):
            request = http.build_request("POST", url, content=data, headers=headers)
        else:
            request = http.build_request("POST", url, data=data, json=json, headers=headers)
        return await self._send(request)

    def _request(self, method: str, url: str, headers: Mapping[str, str] | None) -> httpx2.Request:
        session = self._session
        return session.http.build_request(method, session.address(url), headers=headers)

    async def _send(
        self, request: httpx2.Request, *, follow_redirects: bool = False
    ) -> httpx2.Response:
        session = self._session
        try:
            response = await exchange(
                session.http,
                request,
                timeout_s=session.timeout_s,
                follow_redirects=follow_redirects,
            )
        except HostcueError as exc:
            session.trouble = exc
            raise
        session.last = response
        session.trouble = refusal(response, request.url.host, remedy=_REMEDY) or session.trouble
        return response
