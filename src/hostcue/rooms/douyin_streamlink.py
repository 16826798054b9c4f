"""Douyin rooms through streamlink, which reads the room's page where the call about it is refused.

Streamlink is an extra and needs half a second to load: it is imported when it is needed. It works
in a thread; its requests are made by our own client.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType

import anyio.from_thread
import anyio.to_thread
import httpx2

from hostcue.errors import Blocked, HostcueError, RoomOffline, UpstreamChanged
from hostcue.platforms.douyin import links
from hostcue.platforms.douyin.broadcast import (
    BLOCKED_REMEDY,
    BLOCKED_STATUS,
    CHANGED_REMEDY,
    OFFLINE_REMEDY,
    html_error,
)
from hostcue.platforms.douyin.web import Broadcast, DouyinWeb, Endpoint
from hostcue.platforms.http import exchange, refusal


def is_installed() -> bool:
    """Whether the extra is there; it is not loaded by asking."""
    return importlib.util.find_spec("streamlink") is not None


def load() -> tuple[ModuleType, ModuleType]:
    """The library and its plugin for Douyin."""
    library = importlib.import_module("streamlink")
    plugin = importlib.import_module("streamlink.plugins.douyin")
    # it would turn every stream's address into an https one, whatever the platform wrote
    vars(plugin)["update_scheme"] = lambda _scheme, url, force=False: url
    return library, plugin


class StreamlinkWay:
    """Asks for the room's page, which has the same tiers as the call but for the original."""

    name = "streamlink"
    endpoint: Endpoint = "page"

    async def ask(self, web: DouyinWeb, live_id: str) -> Broadcast:
        """See `Way.ask`."""
        visit = _Visit(web, await web.identity.cookie_header())
        return await anyio.to_thread.run_sync(partial(_read, visit, live_id))


@dataclass(slots=True)
class _Visit:
    """The requests of one question; `trouble` is the last that failed, `page` the last answer."""

    web: DouyinWeb
    cookie: str = field(repr=False)
    trouble: HostcueError | None = None
    page: bytes = b""

    async def get(self, url: str, headers: Mapping[str, str]) -> httpx2.Response:
        """The room's page as our visitor sees it, from the web face in use; it leads nowhere else.

        Raises:
            UpstreamError: Douyin refuses, fails, or sends us to another page.
        """
        web = self.web
        own = [self.cookie, headers.get("Cookie", "")]  # a page asks for the nonce in the second
        request = web.http.build_request(
            "GET",
            web.base_url + url.removeprefix(links.WEB_URL),
            headers={
                "User-Agent": web.identity.user_agent,
                "Accept-Language": "zh-CN,zh;q=0.9",
                "Cookie": "; ".join(part for part in own if part),
            },
        )
        response = await exchange(web.http, request, timeout_s=web.timeout_s)
        error = refusal(response, "Douyin", remedy=BLOCKED_REMEDY, blocks=BLOCKED_STATUS)
        if error is not None:
            raise error
        if response.is_redirect:
            raise Blocked("Douyin sends us to another page", remedy=BLOCKED_REMEDY)
        self.page = response.content
        return response

    def wait_for(self, url: str, headers: Mapping[str, str]) -> httpx2.Response:
        """`get`, from streamlink's thread."""
        try:
            return anyio.from_thread.run(self.get, url, headers)
        except HostcueError as exc:
            self.trouble = exc
            raise


def _read(visit: _Visit, live_id: str) -> Broadcast:
    """What streamlink's plugin finds on the room's page."""
    library, module = load()
    session = library.Streamlink(plugins_builtin=False)
    session.http.trust_env = False
    for scheme in ("http://", "https://"):
        del session.http.adapters[scheme]
    session.http.mount(f"{links.WEB_URL}/", _adapter(visit.wait_for))
    plugin = module.Douyin(session, f"{links.WEB_URL}/{live_id}")
    try:
        found = dict(plugin.streams())
        flv = {name: stream.url for name, stream in found.items()}
    except Exception as exc:  # noqa: BLE001 - a plugin raises whatever it stumbles over
        raise visit.trouble or _not_read(visit, type(exc).__name__) from None
    finally:
        session.http.close()
    room_id = str(plugin.id or "")
    if not room_id:
        raise visit.trouble or _not_read(visit, "no room")
    if not flv:
        raise RoomOffline(f"streamlink sees nobody live in {live_id}", remedy=OFFLINE_REMEDY)
    return Broadcast.of_tiers(
        live_id, room_id, str(plugin.author or ""), str(plugin.title or ""), flv=flv, hls={}
    )


def _not_read(visit: _Visit, why: str) -> HostcueError:
    """Why a page holds no room: it is a challenge, or it changed."""
    if not visit.page.strip():
        return Blocked("Douyin answered nothing, its sign of risk control", remedy=BLOCKED_REMEDY)
    error = html_error(visit.page)
    if isinstance(error, Blocked):
        return error
    return UpstreamChanged(
        f"streamlink cannot read this room's page ({why})", remedy=CHANGED_REMEDY
    )


def _adapter(get: Callable[[str, Mapping[str, str]], httpx2.Response]) -> object:
    """What `requests`, which streamlink asks with, sends its requests through."""
    adapters: ModuleType = importlib.import_module("requests.adapters")
    models: ModuleType = importlib.import_module("requests")

    def send(_self: object, request: object, **_: object) -> object:
        url, headers = str(getattr(request, "url", "")), getattr(request, "headers", {})
        answer = get(url, headers)
        response = models.Response()
        response.status_code = answer.status_code
        response.headers.update(answer.headers.items())
        response.raw = io.BytesIO(answer.content)
        response.url, response.request = url, request
        response.encoding = "utf-8"
        return response

    kind = type("OurAdapter", (adapters.BaseAdapter,), {"send": send, "close": lambda _: None})
    return kind()
