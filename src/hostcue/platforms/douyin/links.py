"""What people paste to name a Douyin room."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

WEB_URL = "https://live.douyin.com"

_MAX_CHARS = 2_000
_LIVE_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
# Pasted alone, a 抖音号 needs a digit or an underscore: a plain word is rather a typing mistake.
_BARE_ID = re.compile(r"(?=.*[\d_])[\w.]{4,32}", re.ASCII)
_LIKE_FILE_OR_HOST = re.compile(r"\.[A-Za-z]\w{1,5}$", re.ASCII)
_URL = re.compile(r"https?://[!-~]+", re.IGNORECASE)  # Chinese text around it ends it
_AFTER_URL = "\"'<>()[]{},.;:!?"
_WITHOUT_SCHEME = re.compile(r"(?:live|v|www)\.douyin\.com/", re.IGNORECASE)
_FAMILY = ("douyin.com", "iesdouyin.com", "amemv.com")


@dataclass(frozen=True, slots=True)
class LinkRef:
    """A link that says which room it means."""

    live_id: str


@dataclass(frozen=True, slots=True)
class ShortLink:
    """A share link: only Douyin knows which room it means."""

    url: str


def parse(text: str, *, web_url: str = WEB_URL) -> LinkRef | ShortLink | None:
    """The room named by a link, a share text around one, or a bare id; None for anything else.

    `web_url` is the web face in use: its rooms are recognised as well as those of douyin.com.
    """
    text = text.strip()
    if len(text) > _MAX_CHARS:
        return None
    if _BARE_ID.fullmatch(text) and not _LIKE_FILE_OR_HOST.search(text):
        return LinkRef(text)
    if _WITHOUT_SCHEME.match(text):
        text = f"https://{text}"
    for match in _URL.finditer(text):
        if found := _from_url(match.group().rstrip(_AFTER_URL), web_url):
            return found
    return None


def is_live_id(text: str) -> bool:
    """Whether this can be a `web_rid` or a 抖音号 at all."""
    return bool(_LIVE_ID.fullmatch(text)) and text.strip(".") != ""


def is_douyin(url: str, *, web_url: str = WEB_URL) -> bool:
    """Whether a URL leads to Douyin, or to the web face in use."""
    place = _place(url)
    return place == _place(web_url) or any(
        place[0] == name or place[0].endswith(f".{name}") for name in _FAMILY
    )


def reflow_room_id(url: str) -> str | None:
    """The `room_id` in a page that the app's share links lead to (`.../reflow/<room_id>?...`)."""
    match = re.search(r"/reflow/(\d{1,20})/?(?:[?#]|$)", url, re.ASCII)
    return match.group(1) if match else None


def _from_url(url: str, web_url: str) -> LinkRef | ShortLink | None:
    place = _place(url)
    if not place[0] or not is_douyin(url, web_url=web_url):
        return None
    path = urlsplit(url).path
    if path.endswith((".flv", ".m3u8")):
        return None  # a stream, wherever it comes from
    steps = [step for step in path.split("/") if step]
    if steps and (place[0] == "v.douyin.com" or steps[0] == "share" or reflow_room_id(url)):
        return ShortLink(url)
    if place in {_place(WEB_URL), _place(web_url)} and len(steps) == 1 and is_live_id(steps[0]):
        return LinkRef(steps[0])
    if steps[-2:-1] == ["live"] and is_live_id(steps[-1]):
        return LinkRef(steps[-1])  # https://www.douyin.com/root/live/<web_rid>
    return None


def _place(url: str) -> tuple[str, int | None]:
    """Host and port, the port None where it is a usual one; an empty host for what is no URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "", None
    return (parts.hostname or "").lower(), None if port in {80, 443} else port
