"""What a worker left open becomes a segment after all, or is kept."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from recording_studio import Studio, look

from hostcue.errors import Conflict, DiskFull
from hostcue.model.recording import SaveFormat
from hostcue.recording.engine import Engine
from hostcue.recording.file_lock import FileLock
from hostcue.recording.naming import part_path, segment_path
from hostcue.recording.recover import recover
from hostcue.sim.media import Clip

ZONE = "Asia/Shanghai"
START_MS = 1_795_562_399_500


@pytest.fixture
def source(tmp_path: Path, clip: Clip) -> Path:
    path = tmp_path / "source.flv"
    head = b"FLV\x01\x05\x00\x00\x00\x09" + bytes(4)
    tags = [tag.encode(0) for tag in clip.headers] + [tag.encode(tag.at_ms) for tag in clip.tags]
    path.write_bytes(head + b"".join(tags))
    return path


def leave_open(source: Path, folder: Path, save_format: SaveFormat) -> Path:
    """A file as a killed worker leaves it: four seconds, written but not completed."""
    part = part_path(folder / "小美", "rec_1", 7, save_format)
    script = Path(__file__).with_name("left_open.py")
    subprocess.run([sys.executable, script, source, part, save_format], check=True)
    return part


@pytest.fixture
def left_open(source: Path, tmp_path: Path) -> Path:
    return leave_open(source, tmp_path, "mp4")


@pytest.mark.parametrize("save_format", ["mp4", "ts", "mkv", "flv"])
def test_an_end_without_warning_costs_at_most_a_second_in_every_format(
    source: Path, tmp_path: Path, save_format: SaveFormat
) -> None:
    file = recover(leave_open(source, tmp_path, save_format), start_ms=START_MS, zone=ZONE)
    assert file is not None
    assert 3000 <= file.duration_ms <= 4000
    media = look(file.path)
    assert media.keys[0]
    assert media.pictures[:40] == look(source).pictures[:40] or save_format == "ts"
    assert len(media.pictures) == pytest.approx(file.duration_ms * 15 / 1000, abs=1)


def test_an_open_file_is_completed_and_named_by_its_start(left_open: Path) -> None:
    file = recover(left_open, start_ms=START_MS, zone=ZONE)
    assert file is not None
    expected = segment_path(left_open.parent, start_ms=START_MS, seq=7, ext="mp4", zone=ZONE)
    assert Path(file.path) == expected
    assert (file.seq, file.status) == (7, "recovered")
    assert file.window.start_ms == START_MS
    assert file.window.end_ms - START_MS == file.duration_ms
    assert 3400 <= file.duration_ms <= 4000
    assert (file.video_codec, file.audio_codec, file.width) == ("h264", "aac", 160)
    assert file.bytes == expected.stat().st_size
    assert [p.name for p in left_open.parent.iterdir()] == [expected.parent.name]
    found = look(file.path)
    assert found.keys[0]
    assert found.length_s == pytest.approx(file.duration_ms / 1000, abs=0.2)


def test_without_a_known_start_the_file_was_live_until_it_was_written(left_open: Path) -> None:
    os.utime(left_open, (1_800_000_000, 1_800_000_000))
    file = recover(left_open, start_ms=None, zone=ZONE)
    assert file is not None
    assert file.window.end_ms == 1_800_000_000_000


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_a_torn_tail_costs_only_itself(left_open: Path, kept: float) -> None:
    os.truncate(left_open, round(left_open.stat().st_size * kept))
    file = recover(left_open, start_ms=START_MS, zone=ZONE)
    assert file is not None
    assert file.duration_ms >= 4000 * kept - 1500
    assert look(file.path).keys[0]


@pytest.mark.parametrize("content", [b"", b"\x00" * 5000, b"ftyp" * 1000])
def test_what_cannot_be_played_is_kept_under_another_name(tmp_path: Path, content: bytes) -> None:
    for number in range(2):
        part = part_path(tmp_path, "rec", 0, "mp4")
        part.write_bytes(content)
        assert recover(part, start_ms=START_MS, zone=ZONE) is None
        assert not part.exists()
        assert (tmp_path / f"rec_000.mp4.{number}.unplayable").read_bytes() == content


def test_a_file_that_was_named_but_not_announced_is_found(left_open: Path) -> None:
    first = recover(left_open, start_ms=START_MS, zone=ZONE)
    again = recover(left_open, start_ms=START_MS + 2400, zone=ZONE)
    assert first is not None
    assert again is not None
    assert (again.path, again.status) == (first.path, "ready")
    assert again.duration_ms == pytest.approx(first.duration_ms, abs=2)
    assert recover(left_open, start_ms=START_MS + 60_000, zone=ZONE) is None
    assert recover(left_open, start_ms=None, zone=ZONE) is None


def test_no_file_is_ever_overwritten(left_open: Path) -> None:
    taken = segment_path(left_open.parent, start_ms=START_MS, seq=7, ext="mp4", zone=ZONE)
    taken.parent.mkdir()
    taken.write_bytes(b"somebody else's")
    file = recover(left_open, start_ms=START_MS, zone=ZONE)
    assert file is not None
    assert Path(file.path) == taken.with_stem(f"{taken.stem}-2")
    assert taken.read_bytes() == b"somebody else's"


def test_a_file_that_is_still_written_is_left_alone(left_open: Path) -> None:
    lock = FileLock(left_open)
    try:
        with pytest.raises(Conflict):
            recover(left_open, start_ms=START_MS, zone=ZONE, wait_s=0.1)
    finally:
        lock.release()
    assert left_open.exists()


async def test_recovering_happens_in_a_process_of_its_own(engine: Engine, left_open: Path) -> None:
    file = await engine.recover(left_open, start_ms=START_MS, zone=ZONE)
    assert file is not None
    assert file.status == "recovered"
    part = left_open.with_name("rec_1_008.mp4.part")
    part.write_bytes(b"nothing")
    assert await engine.recover(part, start_ms=START_MS, zone=ZONE) is None


async def limit_file_size(engine: Engine, size: int) -> None:
    """As good as a full disk: writing fails in the middle of a file."""
    await engine.recover(Path("/nowhere/a_000.mp4.part"), start_ms=None, zone=None)
    (forker,) = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    resource.prlimit(int(forker), resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process")
async def test_without_room_for_a_copy_the_open_file_itself_becomes_the_segment(
    engine: Engine, left_open: Path
) -> None:
    size = left_open.stat().st_size
    await limit_file_size(engine, size // 2)
    file = await engine.recover(left_open, start_ms=START_MS, zone=ZONE)
    assert file is not None
    assert (file.status, file.bytes) == ("recovered", size)
    assert look(file.path).keys[0]
    assert not list(left_open.parent.glob("*.*"))


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process")
@pytest.mark.parametrize("save_format", ["mp4", "ts", "mkv", "flv"])
async def test_on_a_full_disk_what_was_recorded_is_kept(
    studio: Studio, source: Path, save_format: SaveFormat
) -> None:
    take = studio.take(str(source), container="file", segment_s=60, save_format=save_format)
    await limit_file_size(studio.engine, 30_000)
    with anyio.fail_after(30), pytest.raises(DiskFull):
        await take.recorder.run()
    (file,) = take.closed
    assert file.status == "truncated"
    assert take.states[-1] == "paused_disk"
    assert take.reasons[-1] == "disk_full"
    found = look(file.path)
    assert found.keys[0]
    assert file.bytes <= 30_000
    assert file.duration_ms == pytest.approx(len(found.pictures) * 1000 / 15, abs=100)
