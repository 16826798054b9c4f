"""A disk that takes no more: what fitted is kept, playable and announced, and nothing else."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import anyio
import pytest
from clip_frames import frames_in
from recording_studio import Studio
from small_disk import Disk, small_disk

from hostcue.errors import DiskFull, RecordingError
from hostcue.model.comment import Gap
from hostcue.model.recording import SaveFormat
from hostcue.recording.engine import Engine
from hostcue.recording.measure import measure
from hostcue.recording.segment_file import writing
from hostcue.sim.flv import LiveFlv
from hostcue.sim.media import make_clip

CLIP = make_clip(seconds=4, width=160, height=288, kbps=2000)  # 0.25 MB a second


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Room for two seconds, and for more once there is room made."""
    with small_disk(tmp_path / "disk", 2) as disk:
        if not disk.own:
            pytest.skip("mounting a file system takes Linux and the right to")
        disk.fill(disk.free_bytes - 500_000)
        yield disk


@pytest.mark.parametrize("save_format", ["mp4", "ts", "mkv", "flv"])
async def test_a_full_disk_costs_only_what_does_not_fit(
    engine: Engine, disk: Disk, save_format: SaveFormat
) -> None:
    studio = Studio(engine, disk.folder)
    async with LiveFlv.open(CLIP, burst_s=1.0) as flv:
        take = studio.take(flv.url, segment_s=1, save_format=save_format)
        with anyio.fail_after(30), pytest.raises(DiskFull):
            await take.recorder.run()
        files = take.closed
        assert take.states == ["recording", "paused_disk"]
        assert take.reasons[-1] == "disk_full"
        assert len(files) >= 2
        assert [file.status for file in files[:-1]] == ["ready"] * (len(files) - 1)
        assert all(a.window.end_ms == b.window.start_ms for a, b in pairwise(files))
        found = frames_in(files, CLIP)
        assert (found.damaged, found.doubled) == (0, [])
        assert not list(disk.folder.rglob("*.part"))

        disk.make_room()
        gap = Gap(files[-1].window.end_ms, "disk")
        again = studio.take(
            flv.url, segment_s=1, save_format=save_format, first_seq=files[-1].seq + 1, gap=gap
        )
        async with studio.running(again):
            await again.until_closed(1)
        assert again.closed[0].status == "ready"
        assert again.gaps[-1] == Gap(gap.start_ms, "disk", again.closed[0].window.start_ms)


@pytest.mark.parametrize("code", ["ENOSPC", "EDQUOT", "EIO", "EROFS", "EFBIG"])
def test_a_disk_that_refuses_is_told_from_a_mistake_of_ours(code: str) -> None:
    number = int(getattr(errno, code))
    with pytest.raises(DiskFull), writing():
        raise OSError(number, "no")
    with pytest.raises(RecordingError) as other, writing():
        raise PermissionError(errno.EACCES, "no")
    assert not isinstance(other.value, DiskFull)


@pytest.mark.parametrize("left_bytes", [0, 8_192, 120_000])
async def test_a_file_that_took_nothing_is_no_segment(
    engine: Engine, disk: Disk, left_bytes: int
) -> None:
    studio = Studio(engine, disk.folder)
    async with LiveFlv.open(CLIP) as flv:
        take = studio.take(flv.url, segment_s=1)
        async with anyio.create_task_group() as tasks:

            async def record() -> None:
                with anyio.fail_after(30), pytest.raises(DiskFull):
                    await take.recorder.run()

            tasks.start_soon(record)
            await take.until_closed(1)
            disk.make_room()
            disk.fill(disk.free_bytes - left_bytes)
    for file in take.closed:
        assert measure(Path(file.path)).length_s == pytest.approx(file.duration_ms / 1000, abs=0.1)
