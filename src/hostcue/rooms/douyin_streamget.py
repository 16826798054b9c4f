"""Douyin rooms through the streamget library, where our own way does not understand the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import anyio
import anyio.to_thread

from hostcue.errors import AuthRequired, Blocked, HostcueError, RoomOffline, TransportFailed
from hostcue.platforms.douyin import links
from hostcue.platforms.douyin.broadcast import (
    BLOCKED_REMEDY,
    OFFLINE_REMEDY,
    html_error,
)
from hostcue.platforms.douyin.web import Broadcast, DouyinWeb, Endpoint
from hostcue.rooms import streamget_http
from hostcue.rooms.streamget import failure
from hostcue.rooms.streamget_http import Session
from hostcue.rooms.streamget_sites import Site

_DOUYIN = Site("Douyin", "DouyinLiveStream", ("live.douyin.com",))
_LIVE = 2


class StreamgetWay:
    """Asks the same endpoint as we do, with another query, signature and reading of the answer.

    What it would play is not asked for: it goes by place in a list, and gives the original for a
    quality that it does not know.
    """

    name = "streamget"
    endpoint: Endpoint = "enter"

    async def ask(self, web: DouyinWeb, live_id: str) -> Broadcast:
        """See `Way.ask`."""
        cookie = await web.identity.cookie_header()
        async with streamget_http.open_session(
            web.proxies,
            web.policy,
            timeout_s=web.timeout_s,
            instead={links.WEB_URL: web.base_url},
        ) as session:
            try:
                library = await anyio.to_thread.run_sync(streamget_http.load)
                platform = library.DouyinLiveStream(cookies=cookie)
                fetch: Callable[[str], Awaitable[object]] = platform.fetch_web_stream_data
                with anyio.fail_after(web.timeout_s):
                    data = await fetch(f"{links.WEB_URL}/{live_id}")
            except TimeoutError:
                raise TransportFailed(
                    f"Douyin takes longer than {web.timeout_s:g} s",
                    remedy="check the network and HTTP_PROXY, HTTPS_PROXY, NO_PROXY",
                ) from None
            except Exception as exc:  # noqa: BLE001 - the library raises bare exceptions
                raise _trouble(session) or failure(_DOUYIN, exc) from None
        return _broadcast(live_id, data if isinstance(data, Mapping) else {})


def _trouble(session: Session) -> HostcueError | None:
    """What went wrong with the request, as far as the answer itself tells."""
    if isinstance(session.trouble, AuthRequired):  # 401 or 403: Douyin's refusal of us all
        return Blocked("Douyin refuses us", remedy=BLOCKED_REMEDY)
    if session.trouble is not None:
        return session.trouble
    body = session.last.content.lstrip() if session.last is not None else b"{"
    return html_error(body) if body[:1] == b"<" else None


def _broadcast(live_id: str, data: Mapping[str, object]) -> Broadcast:
    if data.get("status") != _LIVE:
        raise RoomOffline(f"streamget sees nobody live in {live_id}", remedy=OFFLINE_REMEDY)
    streams = _fields(data.get("stream_url"))
    return Broadcast.of_tiers(
        live_id,
        str(data.get("id_str") or ""),
        _text(data.get("anchor_name")),
        _text(data.get("title")),
        flv=_fields(streams.get("flv_pull_url")),
        hls=_fields(streams.get("hls_pull_url_map")),
    )


def _fields(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value.encode("utf-8", "replace").decode().strip() if isinstance(value, str) else ""
