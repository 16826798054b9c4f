"""What time it was when a moment of the stream reached us."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import Protocol

_FALL_S = 0.02  # a minimum that falls by less stands still
_SAME_S = 0.1  # a minimum that comes so near the one before is the same
_PACE = 0.7  # the share of real time at which a stream counts as running
_IDLE_S = 0.01  # packets of a backlog come closer together
_STEPS = 16  # remembered; nobody asks for the moments before


class MediaClock(Protocol):
    """Tells when a moment of the stream was live, in the seconds of `time.monotonic`."""

    def observe(self, arrival_s: float, media_s: float) -> None:
        """A packet of decode time `media_s` came in at `arrival_s`."""
        ...

    def settled(self, now_s: float) -> bool:
        """Whether `at` can be trusted; until then packets are better held back."""
        ...

    def at(self, media_s: float) -> float:
        """When the moment `media_s` was live; asked only after a packet was observed."""
        ...


@dataclass(slots=True)
class _Step:
    """From a moment of the stream on, what the least delayed packet was delayed."""

    begun_s: float
    from_s: float
    delay_s: float
    fell_s: float
    mark_s: float = math.inf

    def lower(self, delay_s: float, now_s: float) -> None:
        self.delay_s = min(self.delay_s, delay_s)
        if delay_s < self.mark_s - _FALL_S:
            self.mark_s, self.fell_s = delay_s, now_s


class ArrivalClock:
    """A live stream's clock: decode time + the smallest (arrival - decode time) from there on.

    The minimum is the packet that was delayed least, so neither jitter nor the burst with which
    a CDN greets a viewer (its newest two seconds at once, which make the first packets look
    late) moves it. It rises by `creep` seconds a second, so that it follows an encoder whose
    clock runs slow, and a stream that comes slower than life is seen to fall behind.

    A packet later than the one before by more than `pause_s` may mean that the source paused, or
    that the network did. A step is begun there: a minimum of its own, for what comes from there
    on; what came before keeps its time. It counts once it stood still for `calm_s` while the
    stream ran. After a pause of the network the backlog leads it back to the old one, of which
    it is a part then; when packets only drip in, the old one stays. Until then, or for
    `patience_s`, the clock is not settled.

    What it can't tell: whether a delay that lasts is the source's or the network's, before a
    backlog comes; and how long the source had paused already when we came, since then the newest
    picture of the greeting is not live.

    Decode times, not presentation times: those would add the delay of B-frames.
    """

    def __init__(
        self,
        *,
        pause_s: float = 0.2,
        calm_s: float = 0.3,
        patience_s: float = 3.0,
        creep: float = 0.005,
    ) -> None:
        self._pause_s = pause_s
        self._calm_s = calm_s
        self._patience_s = patience_s
        self._creep = creep
        self._steps: list[_Step] = []  # both times ascend
        self._sure = 0  # so many of them count
        self._last: tuple[float, float] = (0.0, math.inf)
        self._unsettled_s = self._levelled_s = 0.0

    def observe(self, arrival_s: float, media_s: float) -> None:
        """A packet of decode time `media_s` came in at `arrival_s`."""
        delay_s = arrival_s - media_s
        last_s, last_media_s = self._last
        self._last = arrival_s, media_s
        if delay_s - (last_s - last_media_s) > self._pause_s:
            self._begin(arrival_s, media_s)
        elif self._sure == len(self._steps):
            self._steps[-1].delay_s += self._creep * (arrival_s - last_s)
        self._steps[-1].lower(delay_s, arrival_s)
        self._level(arrival_s)

    def _begin(self, arrival_s: float, media_s: float) -> None:
        if self.settled(arrival_s):
            self._unsettled_s = arrival_s
        if self._sure > _STEPS:
            del self._steps[0]
            self._sure -= 1
        if len(self._steps) - self._sure > _STEPS:  # it only drips
            del self._steps[-1]
        self._steps.append(_Step(arrival_s, media_s, math.inf, arrival_s))

    def _level(self, now_s: float) -> None:
        """Nothing was live later than what came after it says: that much was mere delay."""
        while len(self._steps) > 1 and self._steps[-1].delay_s < self._steps[-2].delay_s + _SAME_S:
            delay_s = self._steps.pop().delay_s
            self._steps[-1].lower(delay_s, now_s)
            self._levelled_s = now_s
        self._sure = min(self._sure, len(self._steps))

    def settled(self, now_s: float) -> bool:
        """Whether the minimum stood still for a while; never takes longer than `patience_s`."""
        if self._sure == len(self._steps):
            return True
        late = now_s - self._unsettled_s >= self._patience_s
        if self._stands(now_s) or (late and self._sure == 0):
            self._sure = len(self._steps)
        return late or self._sure == len(self._steps)

    def _stands(self, now_s: float) -> bool:
        """Whether the last minimum stood still, no backlog is on its way, and the stream runs.

        Of the first minimum of all it is not asked whether the stream runs: there is no other.
        """
        step, (last_s, media_s) = self._steps[-1], self._last
        idle = now_s - last_s >= _IDLE_S and last_s - media_s - step.delay_s <= self._pause_s
        calm = now_s - step.fell_s >= self._calm_s and now_s - self._levelled_s >= _SAME_S
        ran_s = media_s - step.from_s
        runs = self._sure == 0 or ran_s >= _PACE * max(self._calm_s, last_s - step.begun_s)
        return idle and calm and runs

    def at(self, media_s: float) -> float:
        """When the moment `media_s` was live; asked only after a packet was observed."""
        number = bisect_right(self._steps, media_s, hi=max(1, self._sure), key=lambda s: s.from_s)
        return media_s + self._steps[max(0, number - 1)].delay_s


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
