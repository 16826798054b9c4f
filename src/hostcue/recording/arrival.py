"""What time it was when a moment of the stream reached us."""

from __future__ import annotations

import math
from collections import deque
from typing import Protocol


class MediaClock(Protocol):
    """Tells when a moment of the stream was live, in the seconds of `time.monotonic`."""

    def observe(self, arrival_s: float, media_s: float) -> None:
        """A packet of decode time `media_s` came in at `arrival_s`."""
        ...

    def settled(self, now_s: float) -> bool:
        """Whether `at` can be trusted; until then packets are better held back."""
        ...

    def at(self, media_s: float) -> float:
        """When the moment `media_s` was live."""
        ...


class ArrivalClock:
    """A live stream's clock: decode time + min(arrival - decode time) of the last `span_s`.

    The minimum is the packet that was delayed least, so neither jitter nor the burst with which
    a CDN greets a viewer (its newest two seconds at once, which make the first packets look
    late) moves it. Silence longer than `pause_s` starts anew: either the source paused, then
    what was learned no longer holds, or the network did, then the backlog that follows teaches
    the old value again. It has settled once the minimum stood still for `calm_s`.

    Decode times, not presentation times: those would add the delay of B-frames.
    """

    def __init__(
        self,
        *,
        span_s: float = 30.0,
        pause_s: float = 0.5,
        calm_s: float = 0.3,
        patience_s: float = 3.0,
    ) -> None:
        self._span_s = span_s
        self._pause_s = pause_s
        self._calm_s = calm_s
        self._patience_s = patience_s
        self._delays: deque[tuple[float, float]] = deque()  # (arrival, delay), delays ascending
        self._last_s = -math.inf
        self._anchored_s = self._fell_s = -math.inf
        self._mark = math.inf
        self._settled = False

    def observe(self, arrival_s: float, media_s: float) -> None:
        """A packet of decode time `media_s` came in at `arrival_s`."""
        if arrival_s - self._last_s > self._pause_s:
            self._delays.clear()
            self._anchored_s, self._mark, self._settled = arrival_s, math.inf, False
        self._last_s = arrival_s
        delay = arrival_s - media_s
        while self._delays and self._delays[-1][1] >= delay:
            self._delays.pop()
        self._delays.append((arrival_s, delay))
        while self._delays[0][0] < arrival_s - self._span_s:
            self._delays.popleft()
        if delay < self._mark - 0.02:
            self._mark, self._fell_s = delay, arrival_s

    def settled(self, now_s: float) -> bool:
        """Whether the minimum stood still for a while; never takes longer than `patience_s`."""
        if not self._settled and self._delays:
            calm = now_s - self._fell_s >= self._calm_s
            self._settled = calm or now_s - self._anchored_s >= self._patience_s
        return self._settled

    def at(self, media_s: float) -> float:
        """When the moment `media_s` was live; asked only after a packet was observed."""
        return media_s + self._delays[0][1]


class FileClock:
    """The clock of a local file: it is taken to have been live until it was last written."""

    def __init__(self, start_s: float) -> None:
        self._start_s = start_s
        self._first_s: float | None = None

    def observe(self, arrival_s: float, media_s: float) -> None:
        """Remember where the file begins."""
        if self._first_s is None:
            self._first_s = media_s

    def settled(self, now_s: float) -> bool:
        """At once."""
        return True

    def at(self, media_s: float) -> float:
        """When the moment `media_s` was live."""
        return self._start_s + media_s - (self._first_s or 0.0)
