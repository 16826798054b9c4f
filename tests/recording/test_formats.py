"""Whatever the container: cuts at key frames, and not a packet lost in between."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import anyio
import av
import pytest
from recording_studio import Studio, look

from hostcue.errors import MediaUnsupported
from hostcue.model.recording import SaveFormat
from hostcue.sim.flv import LiveFlv
from hostcue.sim.media import Clip, make_clip


def write_flv(clip: Clip, path: Path, *, turns: int = 1) -> Path:
    flags = clip.has_audio << 2 | clip.has_video
    parts = [b"FLV\x01", bytes((flags,)), b"\x00\x00\x00\x09", bytes(4)]
    parts += [tag.encode(0) for tag in clip.headers]
    for turn in range(turns):
        parts += [tag.encode(turn * clip.duration_ms + tag.at_ms) for tag in clip.tags]
    path.write_bytes(b"".join(parts))
    return path


def pictures(path: Path | str) -> list[bytes]:
    """What one sees, in the order one sees it."""
    with av.open(str(path)) as file:
        return [frame.to_ndarray().tobytes() for frame in file.decode(video=0)]


@pytest.mark.parametrize("save_format", ["mp4", "ts", "flv", "mkv"])
async def test_no_packet_is_lost_or_doubled_at_a_cut(
    studio: Studio, tmp_path: Path, clip: Clip, save_format: SaveFormat
) -> None:
    source = write_flv(clip, tmp_path / "source.flv", turns=2)
    take = studio.take(str(source), container="file", segment_s=2, save_format=save_format)
    await studio.whole(take)
    assert [f.seq for f in take.closed] == [0, 1, 2, 3]
    parts = [look(f.path) for f in take.closed]
    whole = look(source)
    assert all(part.keys[0] for part in parts)
    assert sum(len(p.pictures) for p in parts) == len(whole.pictures)
    assert sum(len(p.sounds) for p in parts) == len(whole.sounds)
    assert [p for f in take.closed for p in pictures(f.path)] == pictures(source)
    if save_format != "ts":  # which frames its payloads anew
        assert [p for part in parts for p in part.pictures] == whole.pictures
        assert [s for part in parts for s in part.sounds] == whole.sounds


@pytest.mark.parametrize("save_format", ["mp4", "ts", "flv", "mkv"])
async def test_each_segment_begins_at_zero_and_keeps_the_order_of_its_b_frames(
    studio: Studio, tmp_path: Path, clip: Clip, save_format: SaveFormat
) -> None:
    source = write_flv(clip, tmp_path / "source.flv")
    take = studio.take(str(source), container="file", segment_s=2, save_format=save_format)
    await studio.whole(take)
    whole = look(source)
    for number, file in enumerate(take.closed):
        part = look(file.path)
        shown = whole.pts[number * 30 : number * 30 + 30]
        offset = part.pts[0] - shown[0]
        assert [at - offset for at in part.pts] == pytest.approx(shown, abs=0.002)
        assert all(b > a for a, b in pairwise(part.dts))
        assert part.pts[0] == pytest.approx(whole.pts[0] - whole.dts[0], abs=0.002)
        assert file.duration_ms == pytest.approx(2000, abs=1)


async def test_what_a_segment_holds_is_told(studio: Studio, tmp_path: Path, clip: Clip) -> None:
    source = write_flv(clip, tmp_path / "source.flv")
    take = await studio.whole(studio.take(str(source), container="file", segment_s=2))
    file = take.closed[0]
    assert (file.video_codec, file.audio_codec) == ("h264", "aac")
    assert (file.width, file.height, file.fps) == (160, 288, 15.0)
    assert file.bytes == Path(file.path).stat().st_size
    assert file.status == "ready"
    assert take.states == ["recording", "stopped"]
    assert take.reasons == ["", "ended"]
    assert take.gaps == []


async def test_a_file_is_dated_back_from_when_it_was_written(
    studio: Studio, tmp_path: Path, clip: Clip
) -> None:
    source = write_flv(clip, tmp_path / "source.flv")
    written_ms = source.stat().st_mtime * 1000
    take = await studio.whole(studio.take(str(source), container="file", segment_s=2))
    assert take.closed[-1].window.end_ms == pytest.approx(written_ms, abs=150)
    assert take.closed[0].window.start_ms == pytest.approx(written_ms - 4000, abs=150)


async def test_h265_is_recorded_as_apple_wants_it(studio: Studio, tmp_path: Path) -> None:
    clip = make_clip(seconds=4, width=160, height=288, video_codec="h265")
    source = write_flv(clip, tmp_path / "source.flv")
    take = await studio.whole(studio.take(str(source), container="file", segment_s=2))
    assert [f.video_codec for f in take.closed] == ["hevc", "hevc"]
    with av.open(take.closed[0].path) as file:
        assert file.streams.video[0].codec_context.codec_tag == "hvc1"
    assert [p for f in take.closed for p in pictures(f.path)] == pictures(source)


@pytest.mark.parametrize("save_format", ["mp4", "mkv", "flv"])
async def test_av1_is_recorded_where_the_container_can_hold_it(
    studio: Studio, tmp_path: Path, save_format: SaveFormat
) -> None:
    clip = make_clip(seconds=4, width=160, height=288, video_codec="av1")
    source = write_flv(clip, tmp_path / "source.flv")
    take = studio.take(str(source), container="file", segment_s=2, save_format=save_format)
    await studio.whole(take)
    assert [f.video_codec for f in take.closed] == ["av1", "av1"]
    assert [p for f in take.closed for p in pictures(f.path)] == pictures(source)


async def test_a_picture_that_would_be_black_in_the_container_is_refused(
    studio: Studio, tmp_path: Path
) -> None:
    """libav writes AV1 into MPEG-TS as data that nothing plays, without a word."""
    clip = make_clip(seconds=4, width=160, height=288, video_codec="av1")
    source = write_flv(clip, tmp_path / "source.flv")
    take = studio.take(str(source), container="file", save_format="ts")
    with (
        anyio.fail_after(30),
        pytest.raises(MediaUnsupported, match="ts file can't hold av1") as refused,
    ):
        await take.recorder.run()
    assert "save_format" in (refused.value.remedy or "")
    assert not take.output.exists()


async def test_a_picture_in_no_known_codec_is_refused_and_not_recorded_as_sound(
    studio: Studio, flv: LiveFlv, clip: Clip
) -> None:
    """Codec id 13 is nobody's."""
    strange = [replace(t, body=b"\x1d" + t.body[1:]) if t.kind == 9 else t for t in clip.tags]
    headers = tuple(tag for tag in clip.headers if tag.kind != 9)
    async with LiveFlv.open(replace(clip, headers=headers, tags=tuple(strange))) as other:
        take = studio.take(other.url, open_timeout_s=8.0)
        with anyio.fail_after(30), pytest.raises(MediaUnsupported):
            await take.recorder.run()
    assert take.events == []


async def test_a_file_that_repeats_itself_with_its_stamps_is_recorded_whole(
    studio: Studio, tmp_path: Path, clip: Clip
) -> None:
    source = write_flv(clip, tmp_path / "source.flv")
    with source.open("ab") as file:
        file.write(b"".join(tag.encode(tag.at_ms) for tag in clip.tags))
    take = await studio.whole(studio.take(str(source), container="file", segment_s=4))
    assert sum(len(pictures(f.path)) for f in take.closed) == 120


async def test_sound_alone_is_recorded_too(studio: Studio, tmp_path: Path) -> None:
    clip = make_clip(seconds=4, video_codec=None)
    source = write_flv(clip, tmp_path / "source.flv")
    take = await studio.whole(studio.take(str(source), container="file", segment_s=2))
    assert [(f.video_codec, f.width) for f in take.closed] == [("", 0), ("", 0)]
    assert [s for f in take.closed for s in look(f.path).sounds] == look(source).sounds


async def test_a_picture_without_sound_is_recorded(studio: Studio, tmp_path: Path) -> None:
    clip = make_clip(seconds=4, width=160, height=288, audio=False)
    source = write_flv(clip, tmp_path / "source.flv")
    take = await studio.whole(studio.take(str(source), container="file", segment_s=2))
    assert [p for f in take.closed for p in look(f.path).pictures] == look(source).pictures


async def test_a_new_picture_size_begins_a_new_segment(
    studio: Studio, tmp_path: Path, clip: Clip
) -> None:
    other = make_clip(seconds=4, width=320, height=192)
    source = write_flv(clip, tmp_path / "source.flv")
    tail = [tag.encode(clip.duration_ms) for tag in other.headers if tag.kind == 9]
    tail += [tag.encode(clip.duration_ms + tag.at_ms) for tag in other.tags]
    with source.open("ab") as file:
        file.write(b"".join(tail))
    take = await studio.whole(studio.take(str(source), container="file", segment_s=3))
    sizes = [(f.width, f.height, f.duration_ms) for f in take.closed]
    assert sizes == [(160, 288, 3000), (160, 288, 1000), (320, 192, 3000), (320, 192, 999)]
    assert [len(pictures(f.path)) for f in take.closed] == [45, 15, 45, 15]
    with av.open(take.closed[2].path) as made:
        assert made.streams.video[0].width == 320


@pytest.mark.parametrize("save_format", ["mp4", "ts", "mkv"])
async def test_what_was_recorded_can_be_recorded_again(
    studio: Studio, tmp_path: Path, clip: Clip, save_format: SaveFormat
) -> None:
    source = write_flv(clip, tmp_path / "source.flv")
    first = studio.take(str(source), container="file", segment_s=4, save_format=save_format)
    await studio.whole(first)
    copy = studio.take(first.closed[0].path, container="file", segment_s=2, anchor="copy")
    await studio.whole(copy)
    assert [p for f in copy.closed for p in pictures(f.path)] == pictures(source)
