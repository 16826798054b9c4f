"""How full a disk may get: what it has left, the lines, and what crossing them means."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

GIB = 1 << 30
DISK = "disk"
"""The subject of events about the disk; they go to every listener of recordings."""

ROOM_BYTES_PER_HOUR = 2_000_000 // 8 * 3600
"""What a room is expected to write until that is measured: 2 Mbit/s."""

DATA_LOW_BYTES = 1_000_000_000
"""With less than that the database may soon be unable to store anything."""

_STOP_BYTES, _RESUME_BYTES = 5 * GIB, 10 * GIB
_WARN_HOURS, _WARN_SHARE, _WARN_AT_MOST = 6, 0.15, 50 * GIB
_CALM = 1.25  # a warning ends this far above the line at which it began, where there is room
_STOP_FILES, _RESUME_FILES, _WARN_FILES = 500, 1_000, 2_000

PauseReason = Literal["no_space", "no_files"]
DiskEvent = Literal["disk_low", "disk_paused", "disk_resumed", "disk_ok"]


@dataclass(frozen=True, slots=True)
class Space:
    """What a disk has left for this user; `free_files` is None where files are not counted."""

    free_bytes: int
    total_bytes: int
    free_files: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """Space that a disk has or has not."""

    free_bytes: int
    free_files: int

    def lack(self, space: Space) -> PauseReason | None:
        """What is missing up to the line; None when the disk has all of it."""
        if space.free_bytes < self.free_bytes:
            return "no_space"
        if space.free_files is not None and space.free_files < self.free_files:
            return "no_files"
        return None


@dataclass(frozen=True, slots=True)
class Lines:
    """Recording pauses below `stop` and goes on above `resume`; `warn` to `calm` likewise."""

    stop: Line
    resume: Line
    warn: Line
    calm: Line

    @classmethod
    def of(cls, rules: LineRules, total_bytes: int, bytes_per_hour: int) -> Lines:
        """The lines of a disk into which so much is written.

        The warning comes six hours before the pause, or at 15 % of the disk, of a large one at
        50 GiB; on a small disk half-way to the pause, so that there is a time before it.
        """
        stop, resume = rules.stop_and_resume(bytes_per_hour)
        share = min(round(_WARN_SHARE * total_bytes), _WARN_AT_MOST)
        warn = max(stop + _WARN_HOURS * bytes_per_hour, share)
        room = max(0, total_bytes - stop)
        warn = min(warn, stop + max(1, room // 2))
        calm = min(round(_CALM * warn), warn + room // 4)
        return cls(
            Line(stop, _STOP_FILES),
            Line(resume, _RESUME_FILES),
            Line(warn, _WARN_FILES),
            Line(calm, round(_CALM * _WARN_FILES)),
        )


@dataclass(frozen=True, slots=True)
class LineRules:
    """What the operator said of the lines; None: from the forecast.

    `keep_free_bytes` is the space that old recordings are deleted for: the lines of the forecast
    stay below it, so that such a disk does not pause.
    """

    stop_bytes: int | None = None
    resume_bytes: int | None = None
    keep_free_bytes: int | None = None

    def least_resume(self) -> int:
        """The lowest that the resume line can be."""
        return self.stop_and_resume(0)[1]

    def stop_and_resume(self, bytes_per_hour: int) -> tuple[int, int]:
        """The two lines: of the forecast half an hour and an hour of writing.

        A line that the operator left open keeps its distance to the other: the half, the double.
        """
        stop = max(_STOP_BYTES, bytes_per_hour // 2)
        resume = max(_RESUME_BYTES, bytes_per_hour)
        if self.stop_bytes is not None:
            stop = self.stop_bytes
            return stop, 2 * stop if self.resume_bytes is None else self.resume_bytes
        if self.resume_bytes is not None:
            resume = self.resume_bytes
        elif self.keep_free_bytes is not None:
            resume = min(resume, max(self.keep_free_bytes, _RESUME_BYTES))
        return min(stop, resume // 2), resume


@dataclass(frozen=True, slots=True)
class DiskState:
    """Where a disk stands; `back_since_s` is since when a paused one has enough again."""

    low: bool = False
    paused: bool = False
    back_since_s: float | None = None

    def after(self, space: Space, lines: Lines, *, now_s: float, hold_s: float) -> DiskState:
        """The state once the disk was looked at; `hold_s` is how long space must be back."""
        low = (lines.calm if self.low else lines.warn).lack(space) is not None
        if not self.paused:
            return DiskState(low, lines.stop.lack(space) is not None)
        if lines.resume.lack(space) is not None:
            return DiskState(low, paused=True)
        since_s = now_s if self.back_since_s is None else self.back_since_s
        if now_s - since_s >= hold_s:
            return DiskState(low)
        return DiskState(low, paused=True, back_since_s=since_s)


@dataclass(frozen=True, slots=True)
class Told:
    """What listeners were told last."""

    low: bool = False
    paused: bool = False

    def news(self, state: Told) -> tuple[DiskEvent, ...]:
        """What to tell them now, in order; each alarm is followed by its all-clear."""
        kinds: list[DiskEvent] = []
        if state.low and not self.low:
            kinds.append("disk_low")
        if state.paused != self.paused:
            kinds.append("disk_paused" if state.paused else "disk_resumed")
        if self.low and not state.low:
            kinds.append("disk_ok")
        return tuple(kinds)

    def heard(self, kind: DiskEvent) -> Told:
        """What they know after that event."""
        match kind:
            case "disk_low":
                return replace(self, low=True)
            case "disk_ok":
                return replace(self, low=False)
            case "disk_paused":
                return replace(self, paused=True)
            case "disk_resumed":
                return replace(self, paused=False)


@dataclass(frozen=True, slots=True)
class RetryWaits:
    """How long a disk that refused a write is left alone: longer each time it refuses again."""

    first_s: float
    longest_s: float
    refusals: int = 0

    def refused(self) -> RetryWaits:
        """One more."""
        return replace(self, refusals=self.refusals + 1)

    @property
    def wait_s(self) -> float:
        """The wait after the last refusal."""
        return min(self.longest_s, self.first_s * 2.0 ** min(self.refusals - 1, 20))
