"""The sound of one room of which it is not known yet what is said in it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hostcue.model.sound import BYTES_PER_S, SAMPLE_BYTES, Sound
from hostcue.speech.sound_clock import SAMPLES_PER_MS, SoundClock

_TORN_MS = 40.0  # off by more: the sound before is not the one before; two frames of AAC
_STEP_MS = 1000.0  # a clock that knows better by so much is followed at once, not bit by bit
_SET_BACK_MS = 120_000.0  # no server sends so much again: a clock was set back
_CHUNK_BYTES = BYTES_PER_S
OVERLOAD, ENGINE = "overload", "engine"


@dataclass(frozen=True, slots=True)
class Step:
    """Sound to go on with, from sample `start`; `torn`: it does not follow what was before."""

    start: int
    pcm: bytes
    torn: bool

    @property
    def end(self) -> int:
        """The sample behind it."""
        return self.start + len(self.pcm) // SAMPLE_BYTES


def sound_in_parts(sound: Sound) -> Iterator[Sound]:
    """The same, in parts of a second at most."""
    for at in range(0, max(len(sound.pcm), 1), _CHUNK_BYTES):
        part = sound.pcm[at : at + _CHUNK_BYTES]
        at_ms = sound.at_ms + at * 1000 / BYTES_PER_S
        yield Sound(at_ms, part, follows=True) if at else replace(sound, pcm=part)


class Spans:
    """Half-open stretches that don't overlap, in order."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def __bool__(self) -> bool:
        return bool(self._starts)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(list(zip(self._starts, self._ends, strict=True)))

    def add(self, start: int, end: int) -> None:
        """One more; none of it may be in there already."""
        first = bisect_left(self._ends, start)
        last = bisect_right(self._starts, end)
        if first < last:
            start = min(start, self._starts[first])
            end = max(end, self._ends[last - 1])
        self._starts[first:last] = [start]
        self._ends[first:last] = [end]

    def take(self, start: int, end: int) -> None:
        """Without that stretch of one of them from now on."""
        place = bisect_right(self._starts, start) - 1
        first, last = self._starts[place], self._ends[place]
        rest = [(a, b) for a, b in ((first, start), (end, last)) if a < b]
        self._starts[place : place + 1] = [a for a, _ in rest]
        self._ends[place : place + 1] = [b for _, b in rest]

    @property
    def start(self) -> int | None:
        """Where the first begins."""
        return self._starts[0] if self._starts else None


class SoundBuffer:
    """Holds sound until each sample of it is heard or dropped; samples are numbered as they come.

    At every moment received = heard + dropped + held. Holes of the stream take no numbers; what
    the sender dropped before it came here does, since it counts as received and dropped.
    """

    def __init__(self) -> None:
        self.clock = SoundClock()
        self.heard = 0
        self.held = 0
        self.dropped: Counter[str] = Counter()
        self.untold_heard = Spans()
        self.untold_dropped: dict[str, Spans] = {}
        self._starts: list[int] = []
        self._chunks: list[bytearray] = []
        self._repeating = False

    @property
    def received(self) -> int:
        """How many samples came so far: the number of the next one."""
        return self.clock.end

    def put(self, sound: Sound) -> None:
        """Keep more sound; what was there already, by its time, is left out to the sample.

        Sound that follows was not there, whatever its time says, and follows it without a hole
        unless the time is another by far.
        """
        pcm = sound.pcm[: len(sound.pcm) // SAMPLE_BYTES * SAMPLE_BYTES]
        ahead_ms = self.clock.ahead_ms(sound.at_ms)
        if sound.follows and ahead_ms is not None and not self._repeating:
            if abs(ahead_ms) > _STEP_MS:
                self.clock.resume(sound.at_ms)
            if pcm:
                self._append(sound.at_ms, pcm)
            return
        skip = self._repeated(ahead_ms)
        self._repeating = skip > 0
        if skip:
            if skip * SAMPLE_BYTES >= len(pcm):
                return
            self._repeating = False
            self._append(sound.at_ms + skip / SAMPLES_PER_MS, pcm[skip * SAMPLE_BYTES :])
            return
        self._tear(sound, ahead_ms)
        if pcm:
            self._append(sound.at_ms, pcm)

    def _repeated(self, ahead_ms: float | None) -> int:
        """How many samples at a block's front came before."""
        if ahead_ms is None or ahead_ms >= 0 or ahead_ms < -_SET_BACK_MS:
            return 0
        if ahead_ms >= -_TORN_MS and not self._repeating:
            return 0  # jitter
        return round(-ahead_ms * SAMPLES_PER_MS)

    def _tear(self, sound: Sound, ahead_ms: float | None) -> None:
        """Leave a hole where a block does not follow, and count what of it the sender dropped."""
        lost_ms = sound.lost_ms
        if ahead_ms is None:
            self.clock.resume(sound.at_ms - lost_ms)
        elif abs(ahead_ms) > _TORN_MS or lost_ms:
            if ahead_ms < lost_ms - _TORN_MS:
                lost_ms = max(ahead_ms, 0.0)
            if abs(ahead_ms - lost_ms) > _TORN_MS:
                self.clock.resume(sound.at_ms - lost_ms)
        lost = round(lost_ms * SAMPLES_PER_MS)
        if lost:
            start = self.received
            self.clock.go_on(sound.at_ms - lost_ms, lost)
            self._drop(start, self.received, OVERLOAD)

    def _append(self, at_ms: float, pcm: bytes) -> None:
        first, samples = self.received, len(pcm) // SAMPLE_BYTES
        self.clock.go_on(at_ms, samples)
        self.held += samples
        if self._chunks and self._end(-1) == first and len(self._chunks[-1]) < _CHUNK_BYTES:
            self._chunks[-1] += pcm
        else:
            self._starts.append(first)
            self._chunks.append(bytearray(pcm))

    def pcm(self, start: int, end: int) -> bytes:
        """What is held of a stretch."""
        return b"".join(
            self._chunks[place][(a - self._starts[place]) * 2 : (b - self._starts[place]) * 2]
            for place, a, b in self._pieces(start, end)
        )

    def first(self, at: int = 0) -> int | None:
        """The first sample held at or behind that one."""
        place = max(bisect_right(self._starts, at) - 1, 0)
        for index in range(place, len(self._starts)):
            if self._end(index) > at:
                return max(self._starts[index], at)
        return None

    def step(self, at: int, most: int) -> Step | None:
        """The next sound at or behind a sample, up to `most` of it, and up to where it is torn."""
        start = self.first(at)
        if start is None:
            return None
        end = start
        for _, a, b in self._pieces(start, start + most):
            if a != end:
                break
            end = b
        torn_at = self.clock.next_break(start)
        end = end if torn_at is None else min(end, torn_at)
        return Step(start, self.pcm(start, end), start != at or self.clock.is_break(start))

    def holds(self, sample: int) -> bool:
        """Whether that one is held."""
        return self.first(sample) == sample

    def hear(self, start: int, end: int) -> int:
        """A stretch was listened to; how many of its samples were held."""
        count = 0
        for a, b in self._take_out(start, end):
            self.untold_heard.add(a, b)
            count += b - a
        self.heard += count
        return count

    def drop(self, start: int, end: int, cause: str) -> int:
        """Give up a stretch; how many of its samples were held."""
        taken = self._take_out(start, end)
        for a, b in taken:
            self._drop(a, b, cause)
        return sum(b - a for a, b in taken)

    def _drop(self, start: int, end: int, cause: str) -> None:
        self.dropped[cause] += end - start
        self.untold_dropped.setdefault(cause, Spans()).add(start, end)

    def _take_out(self, start: int, end: int) -> list[tuple[int, int]]:
        """Let go of what is held of a stretch; which samples those were."""
        pieces = self._pieces(start, end)
        for place, a, b in reversed(pieces):
            first, chunk = self._starts[place], self._chunks[place]
            keep = [(first, chunk[: (a - first) * 2]), (b, chunk[(b - first) * 2 :])]
            keep = [(at, rest) for at, rest in keep if rest]
            self._starts[place : place + 1] = [at for at, _ in keep]
            self._chunks[place : place + 1] = [rest for _, rest in keep]
            self.held -= b - a
        return [(a, b) for _, a, b in pieces]

    def _pieces(self, start: int, end: int) -> list[tuple[int, int, int]]:
        """Which chunks a stretch is in, and from where to where in each."""
        pieces: list[tuple[int, int, int]] = []
        place = max(bisect_right(self._starts, start) - 1, 0)
        while place < len(self._starts) and self._starts[place] < end:
            a, b = max(start, self._starts[place]), min(end, self._end(place))
            if a < b:
                pieces.append((place, a, b))
            place += 1
        return pieces

    def _end(self, place: int) -> int:
        return self._starts[place] + len(self._chunks[place]) // SAMPLE_BYTES
