"""An HLS stream as files that libav can read.

Playlists are read here and not by libav, which goes on with the old headers where the stream
changes its form, waits half an hour for a playlist that stands still, and does not tell when a
piece appeared.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace

from hostcue.recording.http_body import HttpClient, HttpRefused
from hostcue.recording.live_window import Listed, LiveWindow
from hostcue.recording.piece_clock import PieceClock
from hostcue.recording.playlist import Part, Piece

_REMEMBERED = 64
_TS_PACKET, _TS_SYNC = 188, b"\x47"
_HEAD_BYTES = 20 * _TS_PACKET  # in so many a piece has begun with a key frame
# a sequence parameter set of H.264 or H.265, up to the next unit
_PICTURE = re.compile(
    rb"\x00\x00\x01(?:[\x27\x47\x67]|\x42\x01)[^\x00].{4,120}?(?=\x00\x00\x00?\x01)", re.DOTALL
)


class HlsStream:
    """The pieces one after the other, as files of one form each: a demuxer is good for one.

    A piece is fetched whole before any of it is read, so there is never half of one.
    """

    def __init__(
        self, client: HttpClient, url: str, headers: Mapping[str, str], *, patience_s: float
    ) -> None:
        self._client = client
        self._headers = headers
        self._patience_s = patience_s
        self._window = LiveWindow(client, url, headers, patience_s)
        self._held: tuple[Listed, bytes] | None = None
        self._missed: Exception | None = None
        self._seen: deque[bytes] = deque(maxlen=_REMEMBERED)
        self._init: tuple[Part | None, bytes] = None, b""
        self._shape = b""
        self._begun = self._full = False  # libav asks again after the end
        self._left = memoryview(b"")
        self._given = 0
        self._begins: deque[tuple[int, Listed]] = deque()
        self.clock = PieceClock(patience_s=0.0)
        self.broken: Exception | None = None
        """Why the stream ended, if not by the server's own wish."""
        self.last_piece = ""
        """The mark of the last piece of which something was read; see `reached`."""

    def open(self, not_before_ms: int | None, last_piece: str = "") -> None:
        """Find out what there is; raises what `HttpClient.get` does, and `NotAPlaylist`."""
        self._window.open(not_before_ms, last_piece)
        patience_s = 0.0 if self._window.ended else 2 * self._window.target_s + 1
        self.clock = PieceClock(patience_s=patience_s)

    @property
    def lost(self) -> bool:
        """Whether something is missing before what will be read next."""
        return self._held is not None and self._held[0].appeared.anew

    def read(self, size: int) -> bytes:
        """The next bytes of this file; empty at its end.

        That comes also where the stream breaks, so that what was read so far is played out.
        """
        try:
            while not self._left:
                if self._full or self.broken is not None or not self._go_on():
                    return b""
        except Exception as exc:  # noqa: BLE001 - whoever reads the packets is told
            self.broken = exc
            return b""
        data, self._left = bytes(self._left[:size]), self._left[size:]
        return data

    def next_file(self) -> bool:
        """Whether there is another file, which `read` reads from now on; raises as `open`."""
        self._begun = self._full = False
        self._given = 0
        self._begins.clear()
        return self._peek() is not None

    def reached(self, position: int | None) -> None:
        """The packet that comes next was found there in the file."""
        while self._begins and (position or 0) >= self._begins[0][0]:
            listed = self._begins.popleft()[1]
            self.clock.expect(listed.appeared)
            self.last_piece = listed.piece.mark

    def _go_on(self) -> bool:
        """Take up the next piece, unless it belongs to another file."""
        found = self._peek()
        if found is None:
            return False
        listed, data = found
        changed = self._turn_to(listed.piece.init) or self._reshapes(data)
        self._full = self._begun and (listed.piece.breaks or changed or self.lost)
        if self._full:
            return False
        if not self._begun:
            data = self._init[1] + data
        self._held, self._begun = None, True
        self._begins.append((self._given, listed))
        self._given += len(data)
        self._left = memoryview(data)
        return True

    def _turn_to(self, init: Part | None) -> bool:
        """Whether fragments begin with other headers now; a new signature means nothing."""
        if init == self._init[0]:
            return False
        before = self._init[1]
        self._init = init, b"" if init is None else self._fetch(init, self._patience_s)
        return self._init[1] != before

    def _reshapes(self, data: bytes) -> bool:
        """Whether the picture has another size or the like, which a playlist need not tell."""
        found = _PICTURE.search(data[:_HEAD_BYTES]) if data[:1] == _TS_SYNC else None
        if found is None or found.start() // _TS_PACKET != (found.end() - 1) // _TS_PACKET:
            return False  # not there, or torn by the packets: no sign
        before, self._shape = self._shape, found[0]
        return before not in {b"", self._shape}

    def _peek(self) -> tuple[Listed, bytes] | None:
        lost = False
        while self._held is None and (listed := self._window.next()) is not None:
            data = self._whole(listed.piece)
            lost |= listed.appeared.anew or data is None
            if data is not None and not self._again(data):
                appeared = replace(listed.appeared, anew=lost)
                self._held = replace(listed, appeared=appeared), data
        return self._held

    def _again(self, data: bytes) -> bool:
        """Whether a piece with these contents was there before, under another name."""
        digest = hashlib.blake2b(data, digest_size=16).digest()
        known = digest in self._seen
        self._seen.append(digest)
        return known

    def _whole(self, piece: Piece) -> bytes | None:
        """All of a piece; None if it can't be had, which may happen once but not twice in a row."""
        until_s = time.monotonic() + min(self._patience_s, max(1.0, 2 * piece.length_s))
        wait_s = 0.1
        while True:
            try:
                data = self._fetch(piece.part, max(self._patience_s, 3 * piece.length_s))
            except (HttpRefused, OSError, http.client.HTTPException) as exc:
                if time.monotonic() + wait_s > until_s:
                    if self._missed is not None:
                        raise
                    self._missed = exc
                    return None
            else:
                self._missed = None
                return data
            time.sleep(wait_s)
            wait_s *= 2

    def _fetch(self, part: Part, within_s: float) -> bytes:
        if part.span is None:
            return self._client.fetch(part.url, self._headers, within_s=within_s)[1]
        first, last = part.span
        headers = {**self._headers, "Range": f"bytes={first}-{last}"}
        data = self._client.fetch(part.url, headers, within_s=within_s)[1]
        # a server may know nothing of ranges
        return data if len(data) <= last - first + 1 else data[first : last + 1]
