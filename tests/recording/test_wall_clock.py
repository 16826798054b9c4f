"""What becomes of a recording when somebody sets the machine's clock, or the machine sleeps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from recording_studio import look

from hostcue.model.network import AddressPolicy, Proxies
from hostcue.model.segment import ClosedFile
from hostcue.recording.arrival import FileClock
from hostcue.recording.capture import Capture
from hostcue.recording.measure import open_file
from hostcue.recording.protocol import CaptureJob, WorkerEvent
from hostcue.recording.wall_clock import WallClock
from hostcue.sim.media import Clip

HOUR_MS = 3_600_000
START_MS = 1_790_000_000_000


@dataclass
class Machine:
    """Its two clocks; only one of them can be set."""

    up_s: float = 50.0
    set_by_ms: int = 0

    def show_ms(self) -> int:
        return START_MS + self.set_by_ms + round(self.up_s * 1000)

    def monotonic(self) -> float:
        return self.up_s

    def clock(self) -> WallClock:
        return WallClock(self.show_ms, self.monotonic)


def recorded(
    clip: Clip, folder: Path, machine: Machine, *, set_by_ms: int = 0, not_before_ms: int = 0
) -> list[ClosedFile]:
    """Four seconds in segments of one; the clock is set after 1.5 of them."""
    source = folder / "source.flv"
    tags = [*(tag.encode(0) for tag in clip.headers), *(t.encode(t.at_ms) for t in clip.tags)]
    source.write_bytes(b"".join((clip.flv_header, *tags)))
    events: list[WorkerEvent] = []
    job = CaptureJob(
        id="w",
        url="http://cdn/x.flv",
        container="flv",
        headers={},
        proxies=Proxies(),
        policy=AddressPolicy(),
        output=str(folder / "room"),
        recording_id="rec",
        save_format="mp4",
        segment_s=1,
        zone=None,
        first_seq=0,
        not_before_ms=not_before_ms or None,
        open_timeout_s=1.0,
        read_timeout_s=1.0,
        max_lag_s=4.0,
    )
    opened = open_file(source)
    capture = Capture(job, opened, FileClock(50.0), events.append, machine.clock())
    for packet in opened.packets():
        machine.up_s = 50.0 + float((packet.dts or 0) * packet.time_base)
        if machine.up_s >= 51.5:
            machine.set_by_ms = set_by_ms
        capture.take(packet, machine.up_s)
    capture.end("ready")
    return [event for event in events if isinstance(event, ClosedFile)]


@pytest.mark.parametrize("set_by_ms", [HOUR_MS, -HOUR_MS])
def test_a_clock_that_is_set_by_an_hour_makes_no_segment_longer_or_shorter(
    clip: Clip, tmp_path: Path, set_by_ms: int
) -> None:
    files = recorded(clip, tmp_path, Machine(), set_by_ms=set_by_ms)
    lengths = [file.window.end_ms - file.window.start_ms for file in files]
    assert lengths == [file.duration_ms for file in files]
    assert files[1].window.end_ms == START_MS + 52_000  # by the time of its beginning
    assert files[2].window.start_ms == START_MS + 52_000 + set_by_ms
    assert sum(len(look(file.path).pictures) for file in files) == 60


@pytest.mark.parametrize("set_by_ms", [400, -400])
def test_a_correction_of_the_clock_leaves_no_hole(
    clip: Clip, tmp_path: Path, set_by_ms: int
) -> None:
    files = recorded(clip, tmp_path, Machine(), set_by_ms=set_by_ms)
    assert [a.window.end_ms for a in files[:-1]] == [b.window.start_ms for b in files[1:]]
    assert files[-1].window.end_ms == pytest.approx(START_MS + 54_000 + set_by_ms, abs=2)


def test_a_clock_set_back_between_two_connections_costs_nothing(clip: Clip, tmp_path: Path) -> None:
    """The media before it was recorded until a time that has not come yet."""
    files = recorded(clip, tmp_path, Machine(), not_before_ms=START_MS + HOUR_MS)
    assert files[0].window.start_ms == START_MS + 50_000
    assert sum(len(look(file.path).pictures) for file in files) == 60
