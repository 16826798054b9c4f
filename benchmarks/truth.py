"""What recorded files hold of a broadcast, and how well they tell its time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, cast

from benchmarks.sim import Moment
from hostcue.cli.client import Json
from hostcue.sim.frames import File, clip_frames, find_frames
from hostcue.sim.media import Clip


@dataclass(frozen=True, slots=True)
class Piece:
    """A recorded file and when what it shows was live, as its recorder claims.

    Without `end_ms` it claims only when the first frame was.
    """

    path: Path
    start_ms: int
    end_ms: int | None = None

    @classmethod
    def of(cls, ready: Json) -> Self:
        """What `segment_ready` tells of a file."""
        start_ms, end_ms = cast("int", ready["start_ts"]), cast("int", ready["end_ts"])
        return cls(Path(str(ready["path"])), start_ms, end_ms)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What of the broadcast is in the files, in no file, and there twice.

    `holes` are the spans of what is in no file. `missing` counts the frames between the first and
    the last that are in no file, `damaged` those that were never broadcast.
    `errors_ms` says how far off the claimed times are at the first frame of each file, and at the
    end of its last where its recorder claims one; `end_ms` is where the last frame found ends, on
    the broadcast's own clock.
    """

    frames: int
    holes: tuple[tuple[float, float], ...]
    doubled_s: float
    missing: int
    damaged: int
    errors_ms: tuple[float, ...]
    end_ms: float | None

    @property
    def lost_s(self) -> float:
        """How long all holes are."""
        return sum(end_ms - start_ms for start_ms, end_ms in self.holes) / 1000


@dataclass(frozen=True, slots=True)
class Timeline:
    """A broadcast's clock, known at some moments; it stands still while the source pauses."""

    moments: Sequence[Moment]

    def wall_ms(self, position_ms: float) -> float:
        """When a moment of the broadcast was live."""
        known = self._last([moment.position_ms for moment in self.moments], position_ms)
        return known.at_ms + position_ms - known.position_ms

    def position_ms(self, wall_ms: float) -> float:
        """What was live at a time."""
        known = self._last([moment.at_ms for moment in self.moments], wall_ms)
        return known.position_ms + wall_ms - known.at_ms

    def _last(self, places: Sequence[int], place: float) -> Moment:
        return self.moments[max(0, bisect_right(places, place) - 1)]


def judge(
    pieces: Sequence[Piece],
    clip: Clip,
    timeline: Timeline,
    from_ms: float,
    until_ms: float,
    *,
    begin_ms: float = 0,
    trusted: bool = True,
) -> Verdict:
    """Hold files against what was broadcast in `[from_ms, until_ms)`, on its own clock.

    The clip began at `begin_ms` and was repeated since.
    Where their times can't be `trusted` even within half a clip, each is taken to follow the
    one before. Blocking: decodes everything.
    """
    files = [File(piece.path, piece.start_ms if trusted else None) for piece in pieces]
    found = find_frames(files, clip)
    if not found.beginnings:
        return Verdict(0, ((from_ms, until_ms),), 0, 0, found.damaged, (), None)
    frame_ms = clip.duration_ms / len(clip_frames(clip))
    first = found.beginnings[0]
    claimed_ms = timeline.position_ms(pieces[first.file].start_ms + first.after_s * 1000)
    turns = round((claimed_ms - begin_ms - first.number * frame_ms) / clip.duration_ms)
    begin_ms += turns * clip.duration_ms  # now of the repetition that has frame 0

    def at_ms(number: int) -> float:
        return begin_ms + number * frame_ms

    spans = [(at_ms(run.start), at_ms(run.stop)) for run in found.runs]
    errors = [
        pieces[b.file].start_ms - timeline.wall_ms(at_ms(b.number))
        for b in found.beginnings
        if b.after_s == 0
    ]
    for file, number in found.last.items():
        if (claimed_end_ms := pieces[file].end_ms) is not None:
            # not when what follows is live: the source may pause in between
            errors.append(claimed_end_ms - timeline.wall_ms(at_ms(number)) - frame_ms)
    return Verdict(
        frames=sum(map(len, found.runs)),
        holes=tuple(_holes(spans, from_ms, until_ms)),
        doubled_s=sum(map(len, found.doubled)) * frame_ms / 1000,
        missing=sum(map(len, found.missing)),
        damaged=found.damaged,
        errors_ms=tuple(map(abs, errors)),
        end_ms=max(end for _, end in spans),
    )


def length_s(path: Path) -> float:
    """How long a file says it is; 0 where it says nothing."""
    import av

    try:
        with av.open(str(path), "r") as file:
            return (file.duration or 0) / 1e6
    except av.FFmpegError:
        return 0


def _holes(
    spans: Iterable[tuple[float, float]], from_ms: float, until_ms: float
) -> Iterator[tuple[float, float]]:
    at_ms = from_ms
    for start_ms, end_ms in sorted(spans):
        if at_ms < min(start_ms, until_ms):
            yield at_ms, min(start_ms, until_ms)
        at_ms = max(at_ms, end_ms)
    if at_ms < until_ms:
        yield at_ms, until_ms
