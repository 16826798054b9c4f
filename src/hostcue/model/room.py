"""A host's channel, and where its picture comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from hostcue.errors import BadRequest

Quality = Literal["OD", "BD", "UHD", "HD", "SD", "LD"]
"""Best first: original, blu-ray, ultra high, high, standard, low."""

Container = Literal["flv", "hls", "rtmp", "rtsp", "file"]


@dataclass(frozen=True, slots=True)
class Room:
    """A host's channel on a platform.

    `live_id` is the id in the room's URL and stays (Douyin: `web_rid`); `room_id` is the id of
    the current broadcast and changes each time. `platform` is a lower-case ASCII key.
    """

    platform: str
    live_id: str
    room_id: str
    url: str
    anchor_name: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """How one room is reached where that differs from the settings; both texts are secret.

    `cookie` is the value of a `Cookie` header, `proxy` an `http://` URL; empty: as the settings
    say.
    """

    cookie: str = field(default="", repr=False)
    proxy: str = field(default="", repr=False)

    def check(self) -> None:
        """Refuse what no client could send or use, without quoting it.

        Raises:
            BadRequest: names the field, `cookie` or `proxy`.
        """
        if self.cookie and not _is_cookie(self.cookie):
            raise BadRequest(
                "this is not the value of a Cookie header",
                field="cookie",
                remedy="copy it from the browser's network view: name=value; name=value",
            )
        if self.proxy and not _is_proxy(self.proxy):
            raise BadRequest(
                "this is not the address of a proxy we can use",
                field="proxy",
                remedy="write it as http://host:port; a user and a password go before the host, "
                "with an @ between",
            )


DEFAULT_ACCESS = Access()

_COOKIE_CHARS = 8_192
_PROXY_CHARS = 1_024


def _is_cookie(text: str) -> bool:
    """Pairs of name and value in characters that a header may hold."""
    pairs = [pair.strip() for pair in text.strip().strip(";").split(";")]
    sendable = len(text) <= _COOKIE_CHARS and text.isascii() and text.isprintable()
    return sendable and all("=" in pair[1:] for pair in pairs)


def _is_proxy(text: str) -> bool:
    """`http://[user:password@]host:port` and nothing after it; streams can use no other kind."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    sendable = len(text) <= _PROXY_CHARS and text.isascii() and text.isprintable()
    plain = not (" " in text or parts.query or parts.fragment or parts.path.strip("/"))
    return sendable and plain and parts.scheme == "http" and bool(parts.hostname and port)


@dataclass(frozen=True, slots=True)
class StreamSource:
    """A playable URL; `quality` is the one really got, whatever was asked for.

    The URL is signed: it never reaches a log line or an answer without `log.redact`. The
    signature is good until `expires_ms`; None where the URL does not say.
    """

    url: str
    container: Container
    quality: Quality = "OD"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    expires_ms: int | None = None


@dataclass(frozen=True, slots=True)
class LiveRoom:
    """A room that is live now, and the stream to record."""

    room: Room
    source: StreamSource
