"""One capture run of a room, and what its recorder reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hostcue.model.comment import Gap
from hostcue.model.room import DEFAULT_ACCESS, Access, LiveRoom, Quality, Room
from hostcue.model.schedule import Showtime
from hostcue.model.segment import ClosedFile

SaveFormat = Literal["mp4", "ts", "flv", "mkv"]
RecordingState = Literal[
    "monitoring", "starting", "recording", "reconnecting", "paused_disk", "stopped", "failed"
]
FINAL_STATES: frozenset[RecordingState] = frozenset({"stopped", "failed"})
NEXT_STATES: Mapping[RecordingState, frozenset[RecordingState]] = {
    "monitoring": frozenset({"starting", "paused_disk", "stopped", "failed"}),
    "starting": frozenset({"recording", "monitoring", "paused_disk", "stopped", "failed"}),
    "recording": frozenset({"reconnecting", "monitoring", "paused_disk", "stopped", "failed"}),
    "reconnecting": frozenset({"recording", "monitoring", "paused_disk", "stopped", "failed"}),
    "paused_disk": frozenset({"monitoring", "reconnecting", "stopped", "failed"}),
    "stopped": frozenset(),
    "failed": frozenset({"stopped"}),
}
"""What may follow what. The server's start alone leads on from the end: what is still wanted then
was `monitoring`, or is taken as `reconnecting`."""

LINK_LOST = "link_lost"
"""The reason of what is wanted still and cannot go on: its link was sealed with another key."""


def may_follow(before: RecordingState, after: RecordingState) -> bool:
    """Whether a recording may go from one state into the other, or stay for another reason."""
    return after == before or after in NEXT_STATES[before]


@dataclass(frozen=True, slots=True)
class RecordingPlan:
    """What the operator asked for.

    With `monitor` the room is watched while nobody is live and recorded each time somebody is,
    inside `schedule` if there is one. `aligned` cuts at multiples of `segment_s` of the wall
    clock.
    """

    link: str
    segment_s: int = 300
    quality: Quality = "OD"
    save_format: SaveFormat = "mp4"
    comments: bool = True
    anchor_name: str = ""
    monitor: bool = False
    schedule: tuple[Showtime, ...] = ()
    aligned: bool = False
    access: Access = DEFAULT_ACCESS


@dataclass(frozen=True, slots=True)
class Recording:
    """A capture run: the plan, the room it resolved to, and the folder it writes into.

    `wanted` stays true until somebody stops it or the broadcast ends: a restart takes it up again.
    What is `pinned` is never deleted to make room.
    """

    id: str
    plan: RecordingPlan
    room: Room
    output: str
    started_ms: int
    state: RecordingState
    reason: str
    since_ms: int
    wanted: bool = True
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a worker found in the stream; audio-only streams have no video codec and size 0."""

    video_codec: str
    audio_codec: str
    width: int
    height: int
    fps: float


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The recorder went into another state; `live` is set when the source was resolved anew."""

    state: RecordingState
    reason: str
    at_ms: int
    live: LiveRoom | None = None


@dataclass(frozen=True, slots=True)
class SegmentOpened:
    """A file was begun at `path` (ends in `.part`); sent anew when `start_ms` is more exact."""

    seq: int
    path: str
    start_ms: int
    info: MediaInfo


@dataclass(frozen=True, slots=True)
class Progress:
    """About once a second: how far the open segment is.

    `window_ms` is how long its window is so far: longer than its media where the source paused.
    """

    seq: int
    bytes: int
    duration_ms: int
    window_ms: int
    at_ms: int


RecorderEvent = StateChanged | SegmentOpened | ClosedFile | Progress | Gap
