"""What an HLS playlist says (RFC 8216), as far as recording needs it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from hostcue.errors import MediaUnsupported

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^",]*)')
_LONGEST_S = 600.0
_MOST = 100_000


class NotAPlaylist(Exception):
    """The text is no playlist, or one that lists nothing."""


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes at an address: all of them, or `span`, its first and its last."""

    url: str
    span: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """One media segment of a playlist; a recording's segments are something else."""

    number: int
    part: Part
    length_s: float
    init: Part | None
    """What a fragment of an mp4 needs before it."""
    breaks: bool
    """The stream goes on in another form, or with other time stamps."""
    missing: bool
    """The server says that it has none."""

    @property
    def name_mark(self) -> str:
        """A short mark of its name alone: where it lies and its signature change."""
        name = urlsplit(self.part.url).path.rpartition("/")[2]
        return hashlib.blake2b(f"{name} {self.part.span}".encode(), digest_size=8).hexdigest()

    @property
    def mark(self) -> str:
        """What to know it by in another connection, see `Playlist.place_after`."""
        return f"{self.number}.{self.name_mark}"


@dataclass(frozen=True, slots=True)
class Playlist:
    """A media playlist; a live one is a window that moves until it has `ended`."""

    pieces: tuple[Piece, ...]
    target_s: float
    ended: bool

    def place_after(self, mark: str) -> int | None:
        """The place after the piece with this mark, which may be the end; None if it isn't listed.

        A server may count anew, and so list it with a lower number; with a higher one the name is
        used again.
        """
        number, _, name = mark.partition(".")
        named = [i for i, piece in enumerate(self.pieces) if piece.name_mark == name]
        exact = [i for i in named if self.pieces[i].mark == mark]
        if not exact and len(named) == 1 and self.pieces[named[0]].number < int(number):
            exact = named
        return exact[0] + 1 if exact else None


def best_variant(text: str, url: str) -> str | None:
    """The address of the best picture in a master playlist; None for a media playlist.

    Raises:
        MediaUnsupported: the sound of all variants is kept in playlists of its own.
        NotAPlaylist: none is named.
    """
    lines = _lines(text)
    apart: set[str | None] = set()  # groups of sound in playlists of their own
    variants: list[tuple[str | None, int, str]] = []
    master = False
    for line in lines:
        if line.startswith("#EXT-X-MEDIA:"):
            media = _attributes(line)
            if media.get("TYPE") == "AUDIO" and "URI" in media:
                apart.add(media.get("GROUP-ID", ""))
        elif line.startswith("#EXT-X-STREAM-INF:"):
            master, said = True, _attributes(line)
            address = next((x for x in lines if not x.startswith("#")), None)
            if address is not None:
                bandwidth = _whole(said.get("BANDWIDTH", ""))
                variants.append((said.get("AUDIO"), bandwidth, _join(url, address)))
    whole = [variant for variant in variants if variant[0] not in apart]
    if whole:
        return max(whole, key=lambda variant: variant[1])[2]
    if variants:
        raise MediaUnsupported("the stream keeps its sound apart from its picture")
    if master:
        raise NotAPlaylist
    return None


def media_playlist(text: str, url: str) -> Playlist:
    """Read a media playlist; entries are relative to its `url`.

    Raises:
        MediaUnsupported: it is encrypted.
        NotAPlaylist: it is none.
    """
    return _Reading(url).read(text)


class _Reading:
    """What the lines so far say of the piece to come."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._number = 0
        self._pieces: list[Piece] = []
        self._target_s = 0.0
        self._ended = False
        self._init: Part | None = None
        self._length_s = 0.0
        self._range = ""
        self._breaks = self._missing = False
        self._reached = 0

    def read(self, text: str) -> Playlist:
        for line in _lines(text):
            if line.startswith("#"):
                self._tag(*line.partition(":")[::2])
            elif len(self._pieces) <= _MOST:
                self._piece(line)
        if self._target_s <= 0 or len(self._pieces) > _MOST:
            raise NotAPlaylist
        return Playlist(tuple(self._pieces), self._target_s, self._ended)

    def _tag(self, name: str, value: str) -> None:
        match name:
            case "#EXT-X-TARGETDURATION":
                self._target_s = _seconds(value)
            case "#EXT-X-MEDIA-SEQUENCE":
                self._number = _whole(value)
            case "#EXTINF":
                self._length_s = _seconds(value.partition(",")[0])
            case "#EXT-X-BYTERANGE":
                self._range = value
            case "#EXT-X-MAP":
                said = _attributes(value)
                self._init = self._part(said.get("URI", ""), said.get("BYTERANGE", ""))
            case "#EXT-X-DISCONTINUITY":
                self._breaks = True
            case "#EXT-X-GAP":
                self._missing = True
            case "#EXT-X-KEY" if _attributes(value).get("METHOD", "NONE") != "NONE":
                raise MediaUnsupported("the stream is encrypted")
            case "#EXT-X-ENDLIST":
                self._ended = True
            case _:
                pass

    def _piece(self, address: str) -> None:
        part = self._part(address, self._range)
        self._pieces.append(
            Piece(self._number, part, self._length_s, self._init, self._breaks, self._missing)
        )
        self._number += 1
        self._breaks = self._missing = False
        self._length_s, self._range = self._target_s, ""

    def _part(self, address: str, span: str) -> Part:
        url = _join(self._url, address)
        if not span:
            return Part(url)
        length, _, offset = span.partition("@")
        first = _whole(offset) if offset else self._reached
        self._reached = first + _whole(length)
        return Part(url, (first, self._reached - 1))


def _lines(text: str) -> Iterator[str]:
    """The lines that say something, without the first.

    Raises:
        NotAPlaylist: the first is not a playlist's.
    """
    lines = (line.strip() for line in text.removeprefix("\ufeff").splitlines())
    if next(lines, "") != "#EXTM3U":
        raise NotAPlaylist
    return (line for line in lines if line)


def _join(url: str, address: str) -> str:
    try:
        return urljoin(url, address)
    except ValueError:  # half an IPv6 address, for one
        raise NotAPlaylist from None


def _attributes(line: str) -> Mapping[str, str]:
    return {name: value.strip('"') for name, value in _ATTRIBUTE.findall(line)}


def _whole(text: str) -> int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _seconds(text: str) -> float:
    try:
        said = float(text)
    except ValueError:
        return 0.0
    return min(said, _LONGEST_S) if said > 0 else 0.0  # what is no number is not greater
