"""Whatever a source does to its time stamps, its pictures are all there, in order."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from recording_studio import look

from hostcue.model.network import AddressPolicy, Proxies
from hostcue.model.segment import ClosedFile
from hostcue.recording.arrival import FileClock
from hostcue.recording.capture import Capture
from hostcue.recording.measure import open_file
from hostcue.recording.protocol import CaptureJob, WorkerEvent
from hostcue.sim.media import make_clip

CLIP = make_clip(seconds=4, width=160, height=288)
PICTURES = [tag for tag in CLIP.tags if tag.kind == 9]


def recorded(source: Path, folder: Path, *, segment_s: int) -> list[ClosedFile]:
    events: list[WorkerEvent] = []
    job = CaptureJob(
        id="w",
        url=str(source),
        container="file",
        headers={},
        proxies=Proxies(),
        policy=AddressPolicy(),
        output=str(folder / "room"),
        recording_id="rec",
        save_format="mp4",
        segment_s=segment_s,
        zone=None,
        first_seq=0,
        not_before_ms=None,
        open_timeout_s=1.0,
        read_timeout_s=1.0,
        max_lag_s=4.0,
    )
    opened = open_file(source)
    capture = Capture(job, opened, FileClock(0.0), events.append)
    for packet in opened.packets():
        capture.take(packet, 0.0)
    capture.end("ready")
    return [event for event in events if isinstance(event, ClosedFile)]


jumps = st.one_of(
    st.integers(-4000, 4000), st.integers(-3_000_000, 3_000_000), st.sampled_from([0, 3_600_000])
)


@settings(max_examples=25, deadline=None)
@given(turns=st.lists(st.tuples(jumps, st.integers(20, 200)), min_size=1, max_size=4))
def test_over_any_jumps_no_picture_is_lost_and_time_goes_on(turns: list[tuple[int, int]]) -> None:
    """Stamps jump between two repetitions of a clip, and once more within some.

    Not before picture and sound have begun: that would be a picture far ahead of its sound.
    """
    parts = [CLIP.flv_header, *(tag.encode(0) for tag in CLIP.headers)]
    base_ms = 5_000_000
    for jump_ms, place in turns:
        base_ms = max(0, base_ms + jump_ms)
        for number, tag in enumerate(CLIP.tags):
            again_ms = 7000 if number > place else 0
            parts.append(tag.encode(base_ms + again_ms + tag.at_ms))
        base_ms += CLIP.duration_ms + 7000
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "source.flv"
        source.write_bytes(b"".join(parts))
        files = recorded(source, Path(name), segment_s=2)
        found = [look(file.path) for file in files]
    assert [p for f in found for p in f.pictures] == [t.body[5:] for t in PICTURES] * len(turns)
    assert all(part.keys[0] for part in found)
    for part in found:
        assert all(0 < b - a <= 1.01 for a, b in pairwise(part.dts))
    assert all(a.window.end_ms == b.window.start_ms for a, b in pairwise(files))
    whole_ms = sum(file.duration_ms for file in files)
    assert abs(whole_ms - 4000 * len(turns)) <= 1100 * len(turns)
