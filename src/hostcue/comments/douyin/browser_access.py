"""What a browser gets from us: a proxy, a login, an environment; and where the user's own is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from hostcue.errors import UpstreamChanged
from hostcue.model.json_text import from_json, member
from hostcue.model.network import Proxies
from hostcue.platforms.douyin.web import DouyinWeb
from hostcue.platforms.http import exchange, open_http

if TYPE_CHECKING:
    from playwright._impl._api_structures import SetCookieParam
    from playwright.async_api import BrowserContext, ProxySettings

_OURS = ("HOSTCUE_", "DASHSCOPE_", "DOUYIN_", "QWEN_")


async def cdp_endpoint(url: str, *, within_s: float) -> str:
    """The socket of a browser; the driver would ask for it through the environment's proxy."""
    if not url.startswith(("http://", "https://")):
        return url
    async with open_http(Proxies()) as http:
        request = http.build_request("GET", f"{url.rstrip('/')}/json/version")
        response = await exchange(http, request, timeout_s=within_s)
    try:
        endpoint = member(from_json(response.text), "webSocketDebuggerUrl")
    except (ValueError, RecursionError):
        endpoint = None
    if not isinstance(endpoint, str):
        raise UpstreamChanged("what answers there is no browser")
    return endpoint


def proxy_to(proxies: Proxies, page: str) -> ProxySettings | None:
    """The proxy to Douyin's pages, as the driver wants it; None for none."""
    url = proxies.for_url(page)
    if url is None:
        return None
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    proxy: ProxySettings = {
        "server": f"{parts.scheme}://{host}:{parts.port or 80}",
        "bypass": ",".join(proxies.bypass),
    }
    if parts.username:
        proxy["username"] = unquote(parts.username)
        proxy["password"] = unquote(parts.password or "")
    return proxy


async def log_in(context: BrowserContext, web: DouyinWeb) -> None:
    """Give the browser the login cookie of the settings, or of the room."""
    host = urlsplit(web.base_url).hostname or ""
    place = ".douyin.com" if host.endswith(".douyin.com") else host
    pairs = [pair.strip().partition("=") for pair in web.identity.login.split(";") if "=" in pair]
    cookies: list[SetCookieParam] = [
        {"name": name, "value": value, "domain": place, "path": "/"} for name, _, value in pairs
    ]
    if cookies:
        await context.add_cookies(cookies)


def environment() -> dict[str, str | float | bool]:
    """This process's without our secrets, and without proxies: those are given."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(_OURS) and not name.upper().endswith("_PROXY")
    }
