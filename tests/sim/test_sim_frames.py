"""Which frames of a broadcast are in files: counted over files made by hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from hostcue.sim.frames import File, clip_frames, find_frames
from hostcue.sim.media import Clip, Tag, VideoCodec, make_clip

VIDEO = 9
FPS, GROUP, COUNT = 15, 15, 60  # frames of a second, of a group, of the clip


@pytest.fixture(scope="module")
def clip() -> Clip:
    return make_clip(seconds=4, width=96, height=160)


def stretch(clip: Clip, begin: int, end: int) -> list[tuple[int, Tag]]:
    """The tags of the pictures in these groups of the repeating broadcast, with their stamps."""
    pictures = [tag for tag in clip.tags if tag.kind == VIDEO]
    numbers = range(begin * GROUP, end * GROUP)
    return [
        (n // COUNT * clip.duration_ms + pictures[n % COUNT].at_ms, pictures[n % COUNT])
        for n in numbers
    ]


def write(path: Path, clip: Clip, tags: Iterable[tuple[int, Tag]], start_s: float | None) -> File:
    stream = [(0, header) for header in clip.headers] + list(tags)
    path.write_bytes(clip.flv_header + b"".join(tag.encode(at) for at, tag in stream))
    return File(path, None if start_s is None else round(start_s * 1000))


def test_each_frame_of_a_clip_differs_from_the_others(clip: Clip) -> None:
    assert len(set(clip_frames(clip))) == len(clip_frames(clip)) == COUNT


@pytest.mark.parametrize("codec", ["h264", "h265", "h265-12", "av1"])
def test_a_broadcast_in_two_files_is_whole(codec: VideoCodec, tmp_path: Path) -> None:
    clip = make_clip(seconds=4, width=96, height=160, video_codec=codec)
    files = [
        write(tmp_path / "0.flv", clip, stretch(clip, 2, 6), 1000.0),
        write(tmp_path / "1.flv", clip, stretch(clip, 6, 11), 1004.2),
    ]
    found = find_frames(files, clip)
    assert found.runs == (range(2 * GROUP, 11 * GROUP),)
    assert found.whole
    assert (found.missing, found.doubled) == ([], [])
    assert [(b.number, b.file) for b in found.beginnings] == [(2 * GROUP, 0), (6 * GROUP, 1)]


@pytest.mark.parametrize("away", [1, 3, 4, 6, 21])
def test_what_a_gap_took_is_counted_over_repetitions(clip: Clip, tmp_path: Path, away: int) -> None:
    files = [
        write(tmp_path / "0.flv", clip, stretch(clip, 1, 3), 500.0),
        write(tmp_path / "1.flv", clip, stretch(clip, 3 + away, 5 + away), 502.3 + away),
    ]
    found = find_frames(files, clip)
    assert found.missing == [range(3 * GROUP, (3 + away) * GROUP)]
    assert not found.whole


def test_a_file_that_claims_nothing_follows_the_one_before(clip: Clip, tmp_path: Path) -> None:
    files = [
        write(tmp_path / "0.flv", clip, stretch(clip, 1, 3), None),
        write(tmp_path / "1.flv", clip, stretch(clip, 4, 7), None),
    ]
    assert find_frames(files, clip).missing == [range(3 * GROUP, 4 * GROUP)]


def test_a_hole_and_a_repeated_group_in_one_file_are_seen(clip: Clip, tmp_path: Path) -> None:
    tags = [*stretch(clip, 1, 3), *stretch(clip, 2, 3), *stretch(clip, 4, 5)]
    found = find_frames([write(tmp_path / "0.flv", clip, tags, 9.0)], clip)
    assert found.doubled == [range(2 * GROUP, 3 * GROUP)]
    assert found.missing == [range(3 * GROUP, 4 * GROUP)]
    assert [(b.number, b.file, round(b.after_s, 1)) for b in found.beginnings] == [
        (GROUP, 0, 0.0),
        (2 * GROUP, 0, 1.0),
        (4 * GROUP, 0, 3.0),
    ]


def test_a_file_that_is_none_is_damaged(clip: Clip, tmp_path: Path) -> None:
    path = tmp_path / "0.mp4"
    path.write_bytes(bytes(1000))
    assert find_frames([File(path, 0)], clip).damaged == 1


def test_what_was_never_sent_is_damaged(clip: Clip, tmp_path: Path) -> None:
    tags = stretch(clip, 0, 3)
    at_ms, key = tags[GROUP]
    tags[GROUP] = at_ms, replace(key, body=key.body[:60] + bytes(len(key.body) - 60))
    found = find_frames([write(tmp_path / "0.flv", clip, tags, 9.0)], clip)
    assert found.damaged > 0
    assert found.missing[0].start == GROUP


def test_another_clip_is_all_damage(clip: Clip, tmp_path: Path) -> None:
    other = make_clip(seconds=4, width=128, height=96)
    found = find_frames([write(tmp_path / "0.flv", other, stretch(other, 0, 1), 9.0)], clip)
    assert (found.runs, found.damaged) == ((), GROUP)
    assert not found.whole
