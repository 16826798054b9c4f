"""The pieces that a live playlist lists, as they appear."""

from __future__ import annotations

import http.client
import math
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from hostcue.model.clock import now_ms
from hostcue.recording.http_body import HttpClient, HttpRefused
from hostcue.recording.piece_clock import Appearance
from hostcue.recording.playlist import (
    NotAPlaylist,
    Part,
    Piece,
    Playlist,
    best_variant,
    media_playlist,
)

_EARLY_S = 0.1  # a piece is looked for this much before it is due: to see it appear
_STEP_S = 0.15
_HUNT_S = (0.1, 0.25)  # between looks while nothing is known of when pieces appear
_OVERDUE_S = 1.5
_TRIES = 4
_BACK_S = 30.0  # so much of what a lost connection missed is fetched later
_SPARE_MS = 300
_REMEMBERED = 64
_LARGEST = 8 * 1024 * 1024
_GONE = {401, 403, 410}
_Trouble = (HttpRefused, OSError, http.client.HTTPException, NotAPlaylist)


class PlaylistStopped(Exception):
    """The playlist lists nothing new."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A piece to fetch, and when it appeared."""

    piece: Piece
    appeared: Appearance


class LiveWindow:
    """What a live playlist lists, piece by piece.

    It is asked about twice per piece, as RFC 8216 wants, but just when a piece is due: that
    tells within `_STEP_S` when it appeared.
    """

    def __init__(
        self, client: HttpClient, url: str, headers: Mapping[str, str], patience_s: float
    ) -> None:
        self._client = client
        self._given = self._url = url
        self._headers = headers
        self._patience_s = patience_s
        self._news: deque[Listed] = deque()
        self._last = -1
        self._names: deque[Part] = deque(maxlen=_REMEMBERED)
        self._anew = self._hunting = False
        self._moved_s = self._due_s = self._expected_s = 0.0
        self._asked_s = -math.inf
        self._tries = 0
        self.target_s = 0.0
        """What the server calls the longest piece."""
        self.ended = False
        """Whether nothing more will be listed."""

    def open(self, not_before_ms: int | None, last_piece: str = "") -> None:
        """The first look: begin with the newest piece, or where the last connection ended.

        That is after `last_piece`, if it is still listed; otherwise the clock tells.
        """
        self._asked_s = time.monotonic()
        playlist = self._load(master=True)
        self._begin(playlist, not_before_ms, last_piece)
        self._hunting = True
        self._moved_s = self._expected_s = time.monotonic()
        self._due_s = self._moved_s + self._step_s()

    def next(self) -> Listed | None:
        """The next piece, as soon as it is listed; None after the last.

        Raises:
            PlaylistStopped: nothing new was listed for long.
            Exception: the playlist can't be had any more.
        """
        while not self._news:
            if self.ended:
                return None
            time.sleep(max(0.0, self._due_s - time.monotonic()))
            self._look()
        return self._news.popleft()

    def _look(self) -> None:
        asked_s, before_s = time.monotonic(), self._asked_s
        try:
            playlist = self._load()
        except _Trouble as exc:
            self._fail(exc)
            return
        self._asked_s, self._tries, by_s = asked_s, 0, time.monotonic()
        fresh = self._fresh(playlist)
        if fresh:
            self._hunting &= len(fresh) > 1
            self._take(fresh, before_s, by_s)
            self._moved_s, self._expected_s = by_s, by_s + fresh[-1].length_s
            self._due_s = self._expected_s - _EARLY_S
        elif by_s - self._moved_s > max(self._patience_s, 1 + 1.5 * self.target_s):
            raise PlaylistStopped
        else:
            self._due_s = by_s + self._step_s()
        self.ended = playlist.ended

    def _step_s(self) -> float:
        """How long to wait before the next look at what is due."""
        overdue_s = time.monotonic() - self._expected_s
        if self._hunting and overdue_s < 2 * self.target_s:
            return min(max(self.target_s / 40, _HUNT_S[0]), _HUNT_S[1])
        return _STEP_S if overdue_s < _OVERDUE_S else min(1.0, self.target_s / 2)

    def _load(self, *, master: bool = False) -> Playlist:
        url, body = self._client.fetch(
            self._url,
            self._headers,
            within_s=self._client.open_timeout_s,
            largest=_LARGEST,
        )
        text = body.decode("utf-8", "replace")
        variant = best_variant(text, url) if master else None
        if variant is not None:
            self._given = self._url = variant
            return self._load()
        self._url = url  # a redirect need not be gone through each time
        playlist = media_playlist(text, url)
        self.target_s = playlist.target_s
        return playlist

    def _fail(self, exc: Exception) -> None:
        self._tries += 1
        status = exc.status if isinstance(exc, HttpRefused) else None
        silent_s = time.monotonic() - self._moved_s
        refused = status is not None and status < 500 and self._tries >= _TRIES
        if refused or status in _GONE or silent_s > max(self._patience_s, self.target_s):
            raise exc
        self._url = self._given
        self._due_s = time.monotonic() + min(1.0, 0.1 * 2**self._tries)

    def _begin(self, playlist: Playlist, not_before_ms: int | None, last_piece: str) -> None:
        pieces, self.ended = playlist.pieces, playlist.ended
        if not pieces:
            raise NotAPlaylist
        known = None if not_before_ms is None else playlist.place_after(last_piece)
        first = _by_clock(playlist, not_before_ms) if known is None else _late(playlist, known)
        self._last = pieces[0].number + first - 1
        self._names.extend(piece.part for piece in pieces[:first])
        self._take(self._fresh(playlist), -math.inf, time.monotonic())

    def _fresh(self, playlist: Playlist) -> list[Piece]:
        """The pieces that were not listed before."""
        pieces = playlist.pieces
        if pieces and pieces[-1].number < self._last:
            if any(piece.part in self._names for piece in pieces):
                return []  # another server of theirs, which lags behind
            self._last, self._anew = pieces[0].number - 1, True  # counted anew
        return [piece for piece in pieces if piece.number > self._last]

    def _take(self, fresh: list[Piece], after_s: float, by_s: float) -> None:
        for piece in fresh:
            self._anew |= piece.missing or piece.number > self._last + 1
            self._last = piece.number
            if piece.missing or piece.part in self._names:
                continue
            self._names.append(piece.part)
            known_s = after_s if len(fresh) == 1 else -math.inf
            appeared = Appearance(known_s, by_s, piece.length_s, self._anew)
            self._news.append(Listed(piece, appeared))
            self._anew = False


def _by_clock(playlist: Playlist, not_before_ms: int | None) -> int:
    """The place of the first piece to take: the last is always taken."""
    pieces = playlist.pieces
    first, after_s = len(pieces) - 1, pieces[-1].length_s
    while first and _wanted(after_s, playlist, not_before_ms):
        first -= 1
        after_s += pieces[first].length_s
    return first


def _late(playlist: Playlist, first: int) -> int:
    """That place, or a later one where this is too much to fetch later."""
    after_s = sum(piece.length_s for piece in playlist.pieces[first:])
    while after_s > _BACK_S and first < len(playlist.pieces) - 1:
        after_s -= playlist.pieces[first].length_s
        first += 1
    return first


def _wanted(after_s: float, playlist: Playlist, not_before_ms: int | None) -> bool:
    """Whether to begin with a piece after which the playlist lists so much more."""
    if not_before_ms is None:
        return playlist.ended  # what is over is recorded as a whole
    return after_s < _BACK_S and now_ms() - after_s * 1000 > not_before_ms - _SPARE_MS
