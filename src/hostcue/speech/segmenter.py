"""Where speech is cut into stretches for the recogniser."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from hostcue.model.sound import SAMPLE_HZ
from hostcue.model.speech import CutCause, SegmenterRules

WINDOW = 512
"""Samples that the voice detector judges at once."""

_LOOK_S = 2.0  # a hard cut falls on the quietest moment of so much of the end


@dataclass(frozen=True, slots=True)
class Cut:
    """A stretch of speech, `[start, end)` in sample numbers."""

    start: int
    end: int
    cause: CutCause


class Segmenter:
    """Tells window by window where stretches of speech begin and end.

    `at` is the number of the first sample. Cuts come in order and never overlap; none is longer
    than the hard limit. Speech lasts from one pause of `min_silence_s` to the next. Of such a
    stretch that holds `min_speech_s` of speech within the hard limit nothing is left out, however
    it is cut; of one that does not, nothing comes. `overlap_s` changes no cut.
    """

    def __init__(self, rules: SegmenterRules, at: int = 0) -> None:
        self._at = at
        self._floor = rules.floor_rms**2
        self._hard = max(1, int(rules.hard_max_s * SAMPLE_HZ / WINDOW))
        self._soft = max(1, _windows(rules.soft_max_s))
        self._min_speech = min(max(1, _windows(rules.min_speech_s)), self._hard)
        self._pre = min(_windows(rules.pre_roll_s), self._hard - self._min_speech)
        self._post = _windows(rules.post_roll_s)
        self._min_silence = max(1, _windows(rules.min_silence_s))
        self._soft_silence = max(1, _windows(rules.soft_silence_s))
        look = max(1, min(_windows(_LOOK_S), self._hard // 2))
        self._energies = deque[float](maxlen=look)
        self._now = 0  # windows taken so far; all places below are numbers of windows
        self._free = 0  # where the last cut ends
        self._start: int | None = None
        self._first = 0  # its first window with speech
        self._last = -1  # the last window with speech
        self._heard = deque[int]()  # those of a stretch that may still be too little to be speech
        self._open = False  # it is speech
        self._goes_on = False  # the last cut fell in the middle of speech

    def take(self, speech: bool, energy: float) -> Cut | None:
        """Judge the next window; `energy` is the mean of its squared samples (of -1..1)."""
        here = self._now
        self._now += 1
        self._energies.append(energy)
        if speech and energy >= self._floor:
            self._hear(here)
        if self._silence() >= self._min_silence:
            self._goes_on = False
        if self._open and self._start is not None:
            return self._cut_if_due(self._start)
        self._forget_if_too_little()
        return None

    def flush(self) -> Cut | None:
        """No more sound follows this; what is being spoken ends here."""
        cut = None
        if self._open and self._start is not None:
            end = self._last + 1 + min(self._silence(), self._post)
            cut = self._cut(self._start, end, "end")
        self._start, self._goes_on = None, False
        self._heard.clear()
        self._free = self._now
        return cut

    @property
    def until(self) -> int:
        """No later cut begins before this sample, so what lies before it has been dealt with."""
        place = max(self._free, self._now - self._pre) if self._start is None else self._start
        return self._at + place * WINDOW

    @property
    def speaking_from(self) -> int | None:
        """The sample where the stretch begins that is being spoken; None while nobody speaks."""
        if not self._open or self._start is None:
            return None
        return self._at + self._start * WINDOW

    def _silence(self) -> int:
        return self._now - self._last - 1

    def _hear(self, here: int) -> None:
        if self._start is None:
            self._start, self._first = max(self._free, here - self._pre), here
        self._last = here
        if not self._open:
            self._heard.append(here)
            self._open = self._goes_on or len(self._heard) >= self._min_speech

    def _forget_if_too_little(self) -> None:
        if self._silence() >= self._min_silence:
            self._start = None
            self._heard.clear()
        while self._start is not None and self._now - self._start >= self._hard:
            self._heard.popleft()
            self._start = None
            if self._heard:
                self._first = self._heard[0]
                self._start = max(self._free, self._first - self._pre)

    def _cut_if_due(self, start: int) -> Cut | None:
        silence, length = self._silence(), self._now - start
        with_tail = self._last + 1 + min(silence, self._post)
        if silence >= self._min_silence:
            return self._cut(start, with_tail, "silence")
        if length >= self._soft and silence >= self._soft_silence:
            self._goes_on = True
            return self._cut(start, with_tail, "soft")
        if length < self._hard:
            return None
        self._goes_on = True
        quietest = self._behind_quietest()
        if self._last < quietest:  # no speech follows it, so the tail belongs to what was said
            return self._cut(start, max(quietest, with_tail), "hard")
        cut = self._cut(start, quietest, "hard")
        self._start, self._first, self._open = quietest, quietest, True
        return cut

    def _behind_quietest(self) -> int:
        """Where to cut what is spoken: behind the last of the quietest windows of its end."""
        begin = self._now - len(self._energies)
        late = range(max(begin, self._first), self._now)
        return min(late, key=lambda place: (self._energies[place - begin], -place)) + 1

    def _cut(self, start: int, end: int, cause: CutCause) -> Cut:
        self._start, self._open, self._free = None, False, end
        self._heard.clear()
        return Cut(self._at + start * WINDOW, self._at + end * WINDOW, cause)


def _windows(seconds: float) -> int:
    return round(seconds * SAMPLE_HZ / WINDOW)
