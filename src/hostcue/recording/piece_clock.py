"""When a moment of an HLS stream was live, told by when its pieces appeared."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

_EXACT_S = 0.3  # a piece that was looked for so often was seen to appear
_LATE_S = 0.5


@dataclass(frozen=True, slots=True)
class Appearance:
    """A piece was not listed yet at `after_s` (minus infinity: nobody looked), and was by `by_s`.

    It lasts `length_s`. With `anew`, what is known of earlier pieces says nothing about it.
    """

    after_s: float
    by_s: float
    length_s: float
    anew: bool = False


class PieceClock:
    """A piece can be had when its last picture was live: what it holds, so much earlier.

    So a window tells when the pictures left the encoder, as if the pieces had come in their
    parts; a viewer of HLS sees them two or three pieces later. The pieces of a backlog say little:
    it has settled with the first that was seen to appear. One that comes late starts
    anew, as silence does for `arrival.ArrivalClock`, and for the same reason.
    """

    def __init__(self, *, patience_s: float, span_s: float = 60.0) -> None:
        self._patience_s = patience_s
        self._span_s = span_s
        self._delays: deque[tuple[float, float]] = deque()  # (appeared, delay), delays ascending
        self._appeared: Appearance | None = None
        self._anchored_s = math.inf
        self._settled = False

    def expect(self, appeared: Appearance) -> None:
        """The packet that is observed next is the first of a piece that appeared so."""
        self._appeared = appeared

    def observe(self, arrival_s: float, media_s: float) -> None:
        """A packet of decode time `media_s` came in; only the first of a piece tells anything."""
        if self._appeared is None:
            return
        at, self._appeared = self._appeared, None
        exact = at.by_s - at.after_s <= _EXACT_S
        when_s = (at.after_s + at.by_s) / 2 if exact else at.by_s
        delay = when_s - at.length_s - media_s
        if at.anew:
            self._delays.clear()
        late = bool(self._delays) and delay > self._delays[0][1] + _LATE_S
        if late or not self._delays:
            self._delays.clear()
            self._anchored_s, self._settled = arrival_s, False
        while self._delays and self._delays[-1][1] >= delay:
            self._delays.pop()
        self._delays.append((when_s, delay))
        while self._delays[0][0] < when_s - self._span_s:
            self._delays.popleft()
        self._settled |= exact and not late

    def settled(self, now_s: float) -> bool:
        """Whether a piece was seen to appear; never takes longer than `patience_s`."""
        if not self._settled:
            self._settled = now_s - self._anchored_s >= self._patience_s
        return self._settled

    def at(self, media_s: float) -> float:
        """When the moment `media_s` was live; asked only after a packet was observed."""
        return media_s + self._delays[0][1]
