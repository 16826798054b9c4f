"""What benchmarks stand on: peers that may be absent, and the truth about recorded files."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import peers
from benchmarks.sim import Moment
from benchmarks.truth import Piece, Timeline, judge, length_s
from hostcue.sim.media import Clip, Tag, make_clip

VIDEO = 9
EPOCH_MS = 1_700_000_000_000


@pytest.fixture(scope="module")
def clip() -> Clip:
    return make_clip(seconds=4, width=96, height=160)


def write(path: Path, clip: Clip, begin_s: int, end_s: int, late_ms: int = 0) -> Piece:
    """These seconds of the repeated clip, and when they were live, told too late."""
    pictures = [tag for tag in clip.tags if tag.kind == VIDEO]
    tags: list[tuple[int, Tag]] = [(0, header) for header in clip.headers]
    for number in range(begin_s * 15, end_s * 15):
        turn, rest = divmod(number, len(pictures))
        tags.append((turn * clip.duration_ms + pictures[rest].at_ms, pictures[rest]))
    path.write_bytes(clip.flv_header + b"".join(tag.encode(at_ms) for at_ms, tag in tags))
    return Piece(path, EPOCH_MS + begin_s * 1000 + late_ms)


def moment(at_s: float, position_s: float) -> Moment:
    return Moment(EPOCH_MS + round(at_s * 1000), round(position_s * 1000), 0, 0)


def test_holes_and_wrong_times_are_found(clip: Clip, tmp_path: Path) -> None:
    pieces = [
        write(tmp_path / "0.flv", clip, 9, 12),
        write(tmp_path / "1.flv", clip, 12, 14, late_ms=150),
        write(tmp_path / "2.flv", clip, 17, 19),
    ]
    verdict = judge(pieces, clip, Timeline([moment(0, 0)]), 10_000, 20_000)
    assert [(round(a), round(b)) for a, b in verdict.holes] == [(14_000, 17_000), (19_000, 20_000)]
    assert verdict.lost_s == pytest.approx(4)
    assert [round(error) for error in verdict.errors_ms] == [0, 150, 0]
    assert (verdict.missing, verdict.damaged, verdict.doubled_s) == (45, 0, 0)
    assert verdict.end_ms == pytest.approx(19_000)


def test_a_clip_that_began_later_is_counted_from_there(clip: Clip, tmp_path: Path) -> None:
    piece = write(tmp_path / "0.flv", clip, 1, 3)
    later = Piece(piece.path, piece.start_ms + 100_000)
    verdict = judge([later], clip, Timeline([moment(0, 0)]), 100_000, 104_000, begin_ms=100_000)
    assert verdict.lost_s == pytest.approx(2)
    assert [round(error) for error in verdict.errors_ms] == [0]


def test_while_a_source_pauses_its_clock_stands_still() -> None:
    timeline = Timeline([moment(0, 10), moment(5, 15), moment(8, 15)])
    assert timeline.wall_ms(14_000) == EPOCH_MS + 4000
    assert timeline.wall_ms(15_000) == EPOCH_MS + 8000
    assert timeline.wall_ms(16_000) == EPOCH_MS + 9000
    assert timeline.position_ms(EPOCH_MS + 9000) == 16_000


def test_files_of_nothing_are_all_hole(clip: Clip, tmp_path: Path) -> None:
    path = tmp_path / "0.mp4"
    path.write_bytes(b"nothing")
    verdict = judge([Piece(path, EPOCH_MS)], clip, Timeline([moment(0, 0)]), 0, 5000)
    assert (verdict.lost_s, verdict.damaged, verdict.end_ms) == (5, 1, None)
    assert length_s(path) == 0


def test_a_peer_that_cannot_be_had_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(peers, "_ROOT", tmp_path)
    monkeypatch.setattr(peers, "_PLACE", tmp_path / "peers")
    monkeypatch.setattr(peers, "_PIP", ["no-such-program"])
    assert peers.Ffmpeg.find() is None
    assert peers.streamlink() is None
    assert not (tmp_path / "peers").exists()


def test_a_peer_is_told_where_and_what_to_record(tmp_path: Path) -> None:
    recorder = peers.streamcap(peers.Ffmpeg("ffmpeg", "5.1"), 10)
    command = recorder.start("http://x/y.flv", tmp_path)
    assert command[command.index("-i") + 1] == "http://x/y.flv"
    assert command[command.index("-segment_time") + 1] == "10"
    assert command[-1] == str(tmp_path / "%03d.ts")
