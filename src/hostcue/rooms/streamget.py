"""Some fifty other platforms, through the streamget library."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from copy import deepcopy
from typing import Protocol, get_args
from urllib.parse import parse_qsl, urlsplit

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
from hostcue.model.room import (
    DEFAULT_ACCESS,
    Access,
    Container,
    LiveRoom,
    Quality,
    Room,
    StreamSource,
)
from hostcue.platforms.gates import Gates
from hostcue.rooms import streamget_http
from hostcue.rooms.direct import address_id
from hostcue.rooms.streamget_sites import Site, room_name, site_of

_CHANGED_REMEDY = "check the link; a newer streamget may know the platform's changes"
_QUALITIES: dict[str, Quality] = {quality: quality for quality in get_args(Quality)}
_USER_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/121.0.0.0 Safari/537.36 Edg/121.0.0.0"  # what streamget itself asks pages with
)


class StreamgetResolver:
    """Takes links by their host; the library is loaded when the first one comes.

    Certificates are checked and proxies and addresses are ours (see `streamget_http`). The
    library's word is looked at twice: it says offline of a page it can't read, where it then knows
    no anchor either; and a quality is a place in a list, whose last entry stands for all below it.

    Args:
        proxies: of the settings; a room's own proxy replaces them.
        policy: where links and the library's requests may lead.
        timeout_s: for one room.
        logins: cookies by platform; a room's own cookie replaces them.
        instead: see `streamget_http.Session`.
    """

    def __init__(
        self,
        proxies: Proxies,
        *,
        policy: AddressPolicy | None = None,
        timeout_s: float = 30.0,
        logins: Mapping[str, str] | None = None,
        instead: Mapping[str, str] | None = None,
    ) -> None:
        self._proxies = proxies
        self._policy = policy or AddressPolicy()
        self._logins = logins or {}
        self._instead = instead or {}
        self._timeout_s = timeout_s
        self._gates: dict[str, Gates] = {}  # by platform

    def matches(self, link: str) -> bool:
        """Whether the link's host is one of streamget's platforms."""
        return site_of(link) is not None

    def room_of(self, link: str) -> Room:
        """Its id as the link tells it, which stands for the host's name."""
        site = site_of(link)
        if site is None:
            return Room("", "", "", link, "")
        live_id, address = room_name(site, link)
        return Room(site.key, live_id, "", address, live_id)

    async def resolve(
        self, link: str, quality: Quality, access: Access = DEFAULT_ACCESS
    ) -> LiveRoom:
        """As the port says; the platform is asked anew each time."""
        site = site_of(link)
        if site is None:
            raise UnknownPlatform(
                "streamget knows no such platform",
                field="live_url",
                remedy="give a room link of a platform that the README lists",
            )
        gates = self._gates.setdefault(site.key, Gates(site.key))
        async with gates.asking("room", access=access, room=link):
            return await self._live_room(site, link, quality, access)

    async def _live_room(self, site: Site, link: str, quality: Quality, access: Access) -> LiveRoom:
        proxies = self._proxies.through(access.proxy)
        async with streamget_http.open_session(
            proxies, self._policy, timeout_s=self._timeout_s, instead=self._instead
        ) as session:
            try:
                with anyio.fail_after(self._timeout_s):
                    library = await anyio.to_thread.run_sync(streamget_http.load)
                    cookie = access.cookie or self._logins.get(site.key, "")
                    login = {"cookies": cookie} if cookie else {}
                    platform = getattr(library, site.cls)(**login)
                    fetch: Callable[[str], Awaitable[object]] = getattr(platform, site.method)
                    data = await fetch(link)
                    stream, got = await choose(platform, site, data, quality)
            except TimeoutError:
                raise TransportFailed(
                    f"{site.key} takes longer than {self._timeout_s:g} s",
                    remedy="check the network and HTTP_PROXY, HTTPS_PROXY, NO_PROXY",
                ) from None
            except Exception as exc:  # noqa: BLE001 - the library raises bare exceptions
                raise session.trouble or failure(site, exc) from None
            if session.trouble and getattr(stream, "is_live", None) is not True:
                raise session.trouble
        return live_room(site, link, data, stream, got)


class Platform(Protocol):
    """What one of the library's classes offers, of that which we use by name."""

    async def fetch_stream_url(self, json_data: object, video_quality: str) -> object:
        """The stream in a quality, out of the room's data; may change the data."""
        ...


async def choose(
    platform: Platform, site: Site, data: object, wanted: Quality
) -> tuple[object, Quality]:
    """The stream in the quality or the nearest, and which one it really is.

    Where the platform has fewer than five, the library gives the last one for all that are missing
    and names it as it was asked for.
    """

    async def stream_in(quality: str) -> object:
        return await platform.fetch_stream_url(deepcopy(data), quality)

    asked: Quality = "UHD" if wanted == "BD" and not site.blu_ray else wanted
    stream = await stream_in(asked)
    said = _QUALITIES.get(_text(getattr(stream, "quality", None)), "OD")
    if said == "OD" or site.asks_each or getattr(stream, "is_live", None) is not True:
        return stream, said
    again = await stream_in(asked)
    for better in get_args(Quality)[: get_args(Quality).index(said)]:
        known = better != "BD" or site.blu_ray
        if known and _same_picture(stream, again, await stream_in(better)):
            return stream, better
    return stream, said


def _same_picture(one: object, again: object, other: object) -> bool:
    """Whether two addresses lead to one stream; what changes from asking to asking is left out."""
    urls = [urlsplit(_address(stream)) for stream in (one, again, other)]
    if urls[0].path != urls[2].path:
        return False
    first, second, third = (dict(parse_qsl(url.query)) for url in urls)
    steady = {name for name in first if first[name] == second.get(name)}
    return all(first[name] == third.get(name) for name in steady)


def live_room(
    site: Site, link: str, data: object, stream: object, quality: Quality = "OD"
) -> LiveRoom:
    """What the library found, in our terms.

    Raises:
        RoomOffline: it says that nobody is live.
        UpstreamChanged: it says nothing we can use.
    """
    live_id, address = room_name(site, link)
    is_live = getattr(stream, "is_live", None)
    name = _text(getattr(stream, "anchor_name", None)) or live_id
    if is_live is False and _text(getattr(stream, "anchor_name", None)):
        raise RoomOffline(
            f"{name} is not live on {site.key}",
            remedy="start again when the broadcast has begun, or with `monitor`",
        )
    if is_live is not True:
        raise UpstreamChanged(
            f"{site.key} answered in a way streamget does not know", remedy=_CHANGED_REMEDY
        )
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
            quality=quality,
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
        return AuthRequired(
            f"{site.key} shows this room only to those who are logged in",
            remedy="give `cookie`, that of a logged-in browser, with this room",
        )
    return UpstreamChanged(
        f"streamget cannot read this room of {site.key} ({type(exc).__name__})",
        remedy=_CHANGED_REMEDY,
    )


_FIELDS = ("flv_url", "m3u8_url", "record_url")


def _address(stream: object) -> str:
    return next((url for name in _FIELDS if (url := _text(getattr(stream, name, None)))), "")


def _playable(stream: object, site: Site) -> tuple[str, Container]:
    """The best address there is: FLV, else HLS, else what the library would record."""
    for field in _FIELDS:
        url = _text(getattr(stream, field, None))
        scheme, path = urlsplit(url).scheme, urlsplit(url).path
        if scheme in {"rtmp", "rtmps"}:
            return url, "rtmp"
        if scheme in {"http", "https"}:
            is_hls = path.endswith(".m3u8") or (field == "m3u8_url" and not path.endswith(".flv"))
            return url, "hls" if is_hls else "flv"
    raise UpstreamChanged(
        f"{site.key} is live, but streamget found no stream", remedy=_CHANGED_REMEDY
    )


def _origin(link: str) -> str:
    parts = urlsplit(link)
    return f"{parts.scheme}://{parts.hostname}/"


def _text(value: object) -> str:
    return value.encode("utf-8", "replace").decode().strip() if isinstance(value, str) else ""
