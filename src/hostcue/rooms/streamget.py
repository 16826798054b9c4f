"""Some fifty other platforms, through the streamget library."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import ModuleType
from typing import get_args
from urllib.parse import urlsplit

import anyio
import anyio.to_thread

from hostcue.errors import (
    AuthRequired,
    Blocked,
    ConfigError,
    HostcueError,
    RoomOffline,
    TransportFailed,
    UnknownPlatform,
    UpstreamChanged,
)
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.model.room import Container, LiveRoom, Quality, Room, StreamSource
from hostcue.rooms import streamget_http
from hostcue.rooms.direct import address_id
from hostcue.rooms.streamget_sites import Site, room_name, site_of

_QUALITIES: dict[str, Quality] = {quality: quality for quality in get_args(Quality)}
_USER_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/121.0.0.0 Safari/537.36 Edg/121.0.0.0"  # what streamget itself asks pages with
)


class StreamgetResolver:
    """Takes links by their host; the library is loaded when the first one comes.

    Certificates are checked and proxies and addresses are ours (see `streamget_http`). What stays
    is the library's word: offline may mean that a page changed, and the quality is a place in a
    list that some platforms fill with one entry.
    """

    def __init__(
        self, proxies: Proxies, *, policy: AddressPolicy | None = None, timeout_s: float = 30.0
    ) -> None:
        self._proxies = proxies
        self._policy = policy or AddressPolicy()
        self._timeout_s = timeout_s

    def matches(self, link: str) -> bool:
        """Whether the link's host is one of streamget's platforms."""
        return site_of(link) is not None

    async def resolve(self, link: str, quality: Quality) -> LiveRoom:
        """As the port says; the platform is asked anew each time."""
        site = site_of(link)
        if site is None:
            raise UnknownPlatform("streamget knows no such platform", field="live_url")
        async with streamget_http.open_session(
            self._proxies, self._policy, timeout_s=self._timeout_s
        ) as session:
            try:
                with anyio.fail_after(self._timeout_s):
                    library = await anyio.to_thread.run_sync(streamget_http.load)
                    data, stream = await _ask(library, site, link, quality)
            except TimeoutError:
                raise TransportFailed(
                    f"{site.key} takes longer than {self._timeout_s:g} s"
                ) from None
            except Exception as exc:  # noqa: BLE001 - the library raises bare exceptions
                raise session.trouble or failure(site, exc) from None
            if session.trouble and getattr(stream, "is_live", None) is not True:
                raise session.trouble
        return live_room(site, link, data, stream)


async def _ask(
    library: ModuleType, site: Site, link: str, quality: Quality
) -> tuple[object, object]:
    """The room's data and the chosen stream, whatever the library takes for them."""
    platform = getattr(library, site.cls)()
    fetch: Callable[[str], Awaitable[object]] = getattr(platform, site.method)
    data = await fetch(link)
    asked = "UHD" if quality == "BD" and not site.blu_ray else quality
    return data, await platform.fetch_stream_url(data, asked)


def live_room(site: Site, link: str, data: object, stream: object) -> LiveRoom:
    """What the library found, in our terms.

    Raises:
        RoomOffline: it says that nobody is live.
        UpstreamChanged: it says nothing we can use.
    """
    live_id, address = room_name(site, link)
    is_live = getattr(stream, "is_live", None)
    name = _text(getattr(stream, "anchor_name", None)) or live_id
    if is_live is False:
        raise RoomOffline(f"{name} is not live on {site.key}")
    if is_live is not True:
        raise UpstreamChanged(f"{site.key} answered in a way streamget does not know")
    room_id = _text(data.get("room_id")) if isinstance(data, Mapping) else ""
    url, container = _playable(stream, site)
    return LiveRoom(
        Room(
            platform=site.key,
            live_id=live_id,
            room_id=room_id or address_id(address),
            url=address,
            anchor_name=name,
            title=_text(getattr(stream, "title", None)),
        ),
        StreamSource(
            url,
            container,
            quality=_QUALITIES.get(_text(getattr(stream, "quality", None)), "OD"),
            # Some CDNs serve only what came from the platform's own page.
            headers={"User-Agent": _USER_AGENT, "Referer": _origin(link)},
        ),
    )


def failure(site: Site, exc: Exception) -> HostcueError:
    """What an exception of the library means; its text is not shown, it can quote a whole page."""
    words = str(exc).lower()
    if type(exc).__module__.startswith("execjs"):
        return ConfigError(f"{site.key} needs Node.js", remedy="install Node.js on this machine")
    if any(word in words for word in ("risk control", "banned", "captcha", "风控")):
        return Blocked(f"{site.key} blocks us", remedy="wait some minutes or use another network")
    if any(word in words for word in ("login", "log in", "cookie", "password", "private room")):
        return AuthRequired(f"{site.key} shows this room only to those who are logged in")
    return UpstreamChanged(
        f"streamget cannot read this room of {site.key} ({type(exc).__name__})",
        remedy="check the link; a newer streamget may know the platform's changes",
    )


def _playable(stream: object, site: Site) -> tuple[str, Container]:
    """The best address there is: FLV, else HLS, else what the library would record."""
    for field in ("flv_url", "m3u8_url", "record_url"):
        url = _text(getattr(stream, field, None))
        scheme, path = urlsplit(url).scheme, urlsplit(url).path
        if scheme in {"rtmp", "rtmps"}:
            return url, "rtmp"
        if scheme in {"http", "https"}:
            is_hls = path.endswith(".m3u8") or (field == "m3u8_url" and not path.endswith(".flv"))
            return url, "hls" if is_hls else "flv"
    raise UpstreamChanged(f"{site.key} is live, but streamget found no stream")


def _origin(link: str) -> str:
    parts = urlsplit(link)
    return f"{parts.scheme}://{parts.hostname}/"


def _text(value: object) -> str:
    return value.encode("utf-8", "replace").decode().strip() if isinstance(value, str) else ""
