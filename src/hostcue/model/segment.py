"""One finished media file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hostcue.model.window import Window

SegmentStatus = Literal["ready", "truncated", "recovered", "deleted"]
"""`ready`: cut on time or by a stop. `truncated`: ended by a drop. `recovered`: after a crash."""


@dataclass(frozen=True, slots=True)
class ClosedFile:
    """A media file that is complete and bears its final name.

    `window` is wall clock; `duration_ms` is the media's own length (they differ when the source
    paused). Sizes are 0 and codecs empty for what the file does not hold.
    """

    seq: int
    path: str
    window: Window
    duration_ms: int
    bytes: int
    video_codec: str
    audio_codec: str
    width: int
    height: int
    fps: float
    status: SegmentStatus = "ready"


@dataclass(frozen=True, slots=True)
class Segment:
    """A closed file of a recording, as indexed."""

    recording_id: str
    room_id: str
    anchor_name: str
    platform: str
    file: ClosedFile
    created_ms: int

    @property
    def seq(self) -> int:
        """Place in the recording, from 0."""
        return self.file.seq

    @property
    def window(self) -> Window:
        """Wall-clock span of the segment."""
        return self.file.window
