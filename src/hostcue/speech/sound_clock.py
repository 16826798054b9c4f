"""When each sample of a room's sound was live."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise

from hostcue.model.sound import SAMPLE_HZ

SAMPLES_PER_MS = SAMPLE_HZ / 1000
_FOLLOW_S = 2.0  # of sound, in which most of a clock's drift is made up for
_MARK_EVERY = SAMPLE_HZ // 10


class SoundClock:
    """Unix milliseconds for samples that are numbered without holes, in the order they come.

    Between two breaks time is continuous and never goes back: what a block's own time differs from
    the running one is followed slowly, so that jitter evens out and drift does not add up.
    """

    def __init__(self) -> None:
        self._samples: list[int] = []
        self._times: list[float] = []
        self._breaks: list[int] = []
        self.end = 0
        self.end_ms = 0.0

    def ahead_ms(self, at_ms: float) -> float | None:
        """How far a time is ahead of where the sound ends so far; None before the first."""
        return at_ms - self.end_ms if self._samples else None

    def resume(self, at_ms: float) -> None:
        """What comes next begins at that moment, wherever the sound before ended."""
        if self.is_break(self.end):
            self._samples.pop()
            self._times.pop()
            self._breaks.pop()
        self._mark(self.end, self.end_ms)
        self._samples.append(self.end)
        self._times.append(at_ms)
        self._breaks.append(self.end)
        self.end_ms = at_ms

    def go_on(self, at_ms: float, samples: int) -> None:
        """So many more samples follow; a time that is a little off is followed a little."""
        share = min(1.0, samples / SAMPLE_HZ / _FOLLOW_S)
        nudge_ms = (at_ms - self.end_ms) * share
        self.end += samples
        self.end_ms += samples / SAMPLES_PER_MS + nudge_ms
        if nudge_ms:
            self._mark(self.end, self.end_ms)

    def begin_ms(self, sample: int) -> float:
        """When it begins; at a break, behind it."""
        return self._at(sample, bisect_right(self._samples, sample) - 1)

    def until_ms(self, sample: int) -> float:
        """When the one before it ends; at a break, in front of it."""
        return self._at(sample, bisect_left(self._samples, sample) - 1)

    def spans(self, start: int, end: int) -> list[tuple[float, float]]:
        """The times of a stretch: several where breaks are in it."""
        inside = self._breaks[bisect_right(self._breaks, start) : bisect_left(self._breaks, end)]
        edges = [start, *inside, end]
        return [(self.begin_ms(a), self.until_ms(b)) for a, b in pairwise(edges)]

    def next_break(self, sample: int) -> int | None:
        """The first break behind a sample."""
        place = bisect_right(self._breaks, sample)
        return self._breaks[place] if place < len(self._breaks) else None

    def is_break(self, sample: int) -> bool:
        """Whether time is torn just before it."""
        place = bisect_left(self._breaks, sample)
        return place < len(self._breaks) and self._breaks[place] == sample

    def forget(self, before: int) -> None:
        """Nobody will ask about earlier samples any more."""
        marks = bisect_left(self._samples, before) - 1
        if marks > 0:
            del self._samples[:marks], self._times[:marks]
        if self._samples:
            del self._breaks[: bisect_left(self._breaks, self._samples[0])]

    def _mark(self, sample: int, time_ms: float) -> None:
        samples, times = self._samples, self._times
        if not samples:
            return
        recent = len(samples) > 1 and samples[-1] - samples[-2] < _MARK_EVERY
        if recent and samples[-1] > samples[-2] and not self.is_break(samples[-1]):
            samples[-1], times[-1] = sample, time_ms
        elif sample > samples[-1]:
            samples.append(sample)
            times.append(time_ms)

    def _at(self, sample: int, mark: int) -> float:
        mark = max(mark, 0)
        since = sample - self._samples[mark]
        behind = mark + 1
        if behind < len(self._samples) and self._samples[behind] > self._samples[mark]:
            length = self._samples[behind] - self._samples[mark]
            length_ms = self._times[behind] - self._times[mark]
            return self._times[mark] + length_ms * since / length
        return self._times[mark] + since / SAMPLES_PER_MS
