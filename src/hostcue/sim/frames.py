"""Which frames of a clip are in recorded files: the truth a recorder is held against."""

from __future__ import annotations

import functools
import hashlib
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from hostcue.sim.media import Clip


@dataclass(frozen=True, slots=True)
class File:
    """A recorded file; `start_ms` is when it claims to begin, where it claims anything."""

    path: Path
    start_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first frame of a file, or the first after a break: in which file, and how far in."""

    number: int
    file: int
    after_s: float


@dataclass(frozen=True, slots=True)
class FramesFound:
    """What is there. Frames are numbered as they are shown, on through the clip's repetitions.

    `runs` are the stretches of frames without a break, in the order of the files. `damaged` counts
    frames that the broadcast never had, errors of the decoder, and files that can't be opened.
    `last` has the last frame of each file in which there is one.
    """

    runs: tuple[range, ...]
    damaged: int
    beginnings: tuple[Beginning, ...]
    last: Mapping[int, int]

    @property
    def missing(self) -> list[range]:
        """The frames between the first and the last that are in no file."""
        found: list[range] = []
        end = self.runs[0].start if self.runs else 0
        for run in self.runs:
            if run.start > end:
                found.append(range(end, run.start))
            end = max(end, run.stop)
        return found

    @property
    def doubled(self) -> list[range]:
        """The frames that are there once more."""
        found: list[range] = []
        end = self.runs[0].start if self.runs else 0
        for run in self.runs:
            if run.start < end:
                found.append(range(run.start, min(end, run.stop)))
            end = max(end, run.stop)
        return found

    @property
    def whole(self) -> bool:
        """Whether each frame from the first to the last is there once, and as it was sent."""
        return len(self.runs) == 1 and not self.damaged


@functools.cache
def clip_frames(clip: Clip) -> tuple[str, ...]:
    """MD5 of each decoded frame of a clip, in the order in which they are shown."""
    tags = (tag.encode(tag.at_ms) for tag in (*clip.headers, *clip.tags))
    flv = io.BytesIO(b"".join((clip.flv_header, *tags)))
    return tuple(digest for _, digest in _decode(flv) if digest is not None)


def find_frames(files: Iterable[File], clip: Clip) -> FramesFound:
    """Look through files in the order of their time; all hold this clip, as it is repeated.

    Where a clip repeats, only time tells in which repetition a frame was: `start_ms` and the
    file's own. A file without `start_ms` is not asked: its frames follow those before. Either may
    be wrong by less than half the clip's length.
    """
    places: dict[str | None, list[int]] = defaultdict(list)
    for number, frame in enumerate(clip_frames(clip)):
        places[frame].append(number)
    frames = len(clip_frames(clip))
    search = _Search(places, frames, frames * 1000 / clip.duration_ms)
    for file in files:
        search.begin(file.start_ms)
        for at_s, digest in _decode(file.path):
            search.take(at_s, digest)
    return FramesFound(tuple(search.runs), search.damaged, tuple(search.beginnings), search.last)


@dataclass(slots=True)
class _Search:
    """Finds the number of one frame after the other."""

    places: Mapping[str | None, Sequence[int]]
    count: int
    per_s: float
    runs: list[range] = field(default_factory=list)
    damaged: int = 0
    beginnings: list[Beginning] = field(default_factory=list)
    last: dict[int, int] = field(default_factory=dict)
    _files: int = 0
    _epoch_s: float | None = None  # when frame 0 was live, by the first claim
    _start_s: float | None = None  # what the present file claims
    _first: tuple[int, float] | None = None  # its first frame, and the time it has in the file

    def begin(self, start_ms: int | None) -> None:
        self._start_s = None if start_ms is None else start_ms / 1000
        self._first = None
        self._files += 1

    def take(self, at_s: float | None, digest: str | None) -> None:
        if digest not in self.places:
            self.damaged += 1
            return
        number = self._number(self.places[digest], self._expected(at_s))
        begins = self._first is None or number != self._follows
        self.last[self._files - 1] = number
        if self._first is None and at_s is not None:
            self._first = number, at_s
            if self._epoch_s is None and self._start_s is not None:
                self._epoch_s = self._start_s - number / self.per_s
        if begins and self._first is not None and at_s is not None:
            self.beginnings.append(Beginning(number, self._files - 1, at_s - self._first[1]))
        if number == self._follows:
            self.runs[-1:] = [range(self.runs[-1].start if self.runs else 0, number + 1)]
        else:
            self.runs.append(range(number, number + 1))

    @property
    def _follows(self) -> int:
        return self.runs[-1].stop if self.runs else 0

    def _expected(self, at_s: float | None) -> float:
        """Which number time says."""
        if self._start_s is None or at_s is None:
            return self._follows
        if self._first is not None:
            number, first_s = self._first
            return number + (at_s - first_s) * self.per_s
        if self._epoch_s is not None:
            return (self._start_s - self._epoch_s) * self.per_s
        return self._follows

    def _number(self, places: Sequence[int], expected: float) -> int:
        in_time = abs(self._follows - expected) < self.count / 2
        if in_time and self._follows % self.count in places:
            return self._follows
        near = (place + round((expected - place) / self.count) * self.count for place in places)
        return min(near, key=lambda number: abs(number - expected))


def _decode(file: Path | IO[bytes]) -> Iterator[tuple[float | None, str | None]]:
    """Time in seconds and MD5 of each frame; no MD5 for what could not be read or decoded."""
    import av

    try:
        source = av.open(str(file) if isinstance(file, Path) else file, "r")
    except av.FFmpegError:
        yield None, None
        return
    with source:
        packets = source.demux(source.streams.video[:1])
        while True:
            try:
                frames = next(packets).decode()
            except StopIteration:
                return
            except av.FFmpegError:
                yield None, None
                continue
            for frame in frames:
                pixels = frame.to_ndarray().tobytes()
                whole = hashlib.md5(pixels, usedforsecurity=False).hexdigest()
                yield frame.time, None if frame.is_corrupt else whole
