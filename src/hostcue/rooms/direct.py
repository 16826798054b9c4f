"""A stream's own address is a room too."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import SplitResult, urlsplit
from urllib.request import url2pathname

from hostcue.errors import BadRequest, RoomNotFound
from hostcue.model.room import (
    DEFAULT_ACCESS,
    Access,
    Container,
    LiveRoom,
    Quality,
    Room,
    StreamSource,
)

_BY_ENDING: dict[str, Container] = {".flv": "flv", ".m3u8": "hls"}
_BY_SCHEME: dict[str, Container] = {"rtmp": "rtmp", "rtmps": "rtmp", "rtsp": "rtsp"}
_MEDIA_ENDINGS = {".flv", ".m3u8", ".mp4", ".m4v", ".mov", ".mkv", ".ts", ".webm", ".avi"}
_USUAL_PORT = {"http": 80, "https": 443, "rtmp": 1935, "rtmps": 443, "rtsp": 554}


class DirectResolver:
    """`.flv` and `.m3u8` over http(s), `rtmp(s)://`, `rtsp://`; with `allow_files` local files.

    Asks nobody: whether the stream is there shows when it is opened. It comes in the quality it
    has, called OD.
    """

    def __init__(self, *, allow_files: bool = False) -> None:
        self._allow_files = allow_files

    def matches(self, link: str) -> bool:
        """Whether the link is a stream's address; its query plays no part."""
        return _container(_split(link)) is not None or (
            self._allow_files and _file(link) is not None
        )

    def room_of(self, link: str) -> Room:
        """The stream as a room; the host stands for the anchor's name, which nobody told us."""
        parts = _split(link)
        if _container(parts) is None:
            file = _file(link)
            return Room("direct", "", "", link, "") if file is None else _room_of_file(file)
        # `url` is shown and stored, so without user info and query, where secrets are.
        address = f"{parts.scheme.lower()}://{_with_port(parts)}{parts.path}"
        room_id = address_id(address)
        return Room("direct", room_id, room_id, address, parts.hostname or "")

    async def resolve(
        self, link: str, quality: Quality, access: Access = DEFAULT_ACCESS
    ) -> LiveRoom:
        """The room that the link tells, and the link as its stream."""
        parts = _split(link)
        container = _container(parts)
        if container is None:
            return self._local(link)
        if not parts.hostname:
            raise BadRequest(
                "this address names no host",
                field="live_url",
                remedy="write it as http://host/path.flv, rtmp://host/app/name or rtsp://host/path",
            )
        source = StreamSource(link.strip(), container, headers=_headers(container, access))
        return LiveRoom(self.room_of(link), source)

    def _local(self, link: str) -> LiveRoom:
        file = _file(link) if self._allow_files else None
        if file is None:
            raise BadRequest(
                "this is not a stream's address",
                field="live_url",
                remedy="give an address that ends in .flv or .m3u8, or an rtmp:// or rtsp:// one",
            )
        file = file.absolute()
        if not file.is_file():
            raise RoomNotFound(f"there is no file {file}", remedy="check the path")
        return LiveRoom(_room_of_file(file), StreamSource(str(file), "file"))


def address_id(address: str) -> str:
    """The id of a room that has none: of `scheme://host/path`, without what changes."""
    return hashlib.sha256(address.encode()).hexdigest()[:16]


def _room_of_file(file: Path) -> Room:
    url = file.absolute().as_uri()
    return Room("direct", address_id(url), address_id(url), url, file.stem)


def _split(link: str) -> SplitResult:
    """The parts of a URL; of an empty one where another parser might read the text otherwise."""
    link = link.strip()
    if "\\" in link or not link.isprintable() or " " in link:
        return urlsplit("")
    try:
        parts = urlsplit(link)
        _ = parts.port  # raises where it is no number
    except ValueError:
        return urlsplit("")
    return parts


def _headers(container: Container, access: Access) -> dict[str, str]:
    """The room's own cookie, where the stream comes by HTTP; its host alone is to see it."""
    return {"Cookie": access.cookie} if access.cookie and container in {"flv", "hls"} else {}


def _container(parts: SplitResult) -> Container | None:
    scheme = parts.scheme.lower()
    if scheme in {"http", "https"}:
        return _BY_ENDING.get(Path(parts.path).suffix.lower())
    return _BY_SCHEME.get(scheme)


def _with_port(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in {None, _USUAL_PORT.get(parts.scheme)} else f"{host}:{parts.port}"


def _file(link: str) -> Path | None:
    """The local file a text names: a `file:` URL, a path, or a name that ends like media."""
    text = link.strip()
    if "\0" in text:
        return None
    parts = _split(text)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path)) if parts.netloc in {"", "localhost"} else None
    path = Path(text)
    is_path = path.is_absolute() or text.startswith(".")
    if "://" in text or not (is_path or path.suffix.lower() in _MEDIA_ENDINGS):
        return None
    return path
