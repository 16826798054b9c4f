"""What a recording holds of the broadcast, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hostcue.model.segment import ClosedFile
from hostcue.sim.frames import File, FramesFound, find_frames
from hostcue.sim.media import Clip


def frames_in(files: Iterable[ClosedFile], clip: Clip) -> FramesFound:
    """Which frames of the clip are in these segments: there, missing, doubled, damaged.

    `frames_in(...).whole` is what a recording without gaps and faults gives. Frames are numbered
    through the clip's repetitions, which the windows tell apart; takes a few milliseconds per
    second of a small picture.
    """
    ordered = sorted(files, key=lambda file: file.window.start_ms)
    return find_frames([File(Path(file.path), file.window.start_ms) for file in ordered], clip)
