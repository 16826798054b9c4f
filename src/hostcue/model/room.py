"""A host's channel, and where its picture comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

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


DEFAULT_ACCESS = Access()


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
