"""The guard on a real small disk: it closes the gate, opens it, and says each thing once."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from ready_database import open_database
from small_disk import MIB, Disk, small_disk
from structlog.testing import capture_logs

from hostcue.model.clock import now_ms
from hostcue.model.disk import ROOM_BYTES_PER_HOUR, LineRules
from hostcue.model.event import Event
from hostcue.model.retention import KeepRules
from hostcue.model.segment import ClosedFile, Segment
from hostcue.model.window import Window
from hostcue.pipeline.disk import DiskGuard
from hostcue.pipeline.disk_gate import WRITE_FAILED, DiskGate
from hostcue.pipeline.housekeeping import keep_room
from hostcue.pipeline.retention import Retention
from hostcue.storage.comments import Comments
from hostcue.storage.outbox import Outbox
from hostcue.storage.segments import Segments
from hostcue.storage.stored_files import StoredFiles


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk") as opened:
        yield opened


@dataclass
class Watched:
    """A guard, its gate, and what was announced."""

    guard: DiskGuard
    gate: DiskGate
    segments: Segments
    stored: StoredFiles
    events: list[Event]
    writing: list[str] = field(default_factory=list)
    _news: anyio.Event = field(default_factory=anyio.Event)

    def hear(self, events: Sequence[Event]) -> None:
        self.events.extend(events)
        self._news.set()
        self._news = anyio.Event()

    async def wait_told(self, kind: str, count: int = 1) -> None:
        with anyio.fail_after(30):
            while [event.type for event in self.events].count(kind) < count:
                await self._news.wait()

    async def wait_seen(self) -> None:
        with anyio.fail_after(30):
            while self.guard.status is None:
                await anyio.lowlevel.checkpoint()

    @property
    def gate_told(self) -> list[str]:
        return [kind for kind in self.told if kind in {"disk_paused", "disk_resumed"}]

    @property
    def told(self) -> list[str]:
        return [event.type for event in self.events if event.subject == "disk"]


@asynccontextmanager
async def watched(
    disk: Disk,
    folder: Path,
    *,
    hold_s: float = 0,
    every_s: float = 0.01,
    keep_free_bytes: int | None = None,
) -> AsyncIterator[Watched]:
    """The stop line lies 20 MiB below what is free, the resume line 10 MiB above that."""
    stop = disk.free_bytes - 20 * MIB
    events, gate, writing = list[Event](), DiskGate(), list[str]()
    async with open_database(folder / "hostcue.db") as database:
        stored = StoredFiles(database)
        guard = DiskGuard(
            gate,
            stored,
            Outbox(database, Comments(database)),
            root=disk.folder / "records",
            data_dir=folder,
            rules=LineRules(stop, stop + 10 * MIB, keep_free_bytes),
            writing=lambda: writing,
            hold_s=hold_s,
            every_s=every_s,
            every_tight_s=0.01,
            pace_every_s=0,
        )
        it = Watched(guard, gate, Segments(database), stored, events, writing)
        database.on_commit(it.hear)
        yield it


async def test_recording_pauses_when_the_disk_fills_and_goes_on_when_it_has_room(
    disk: Disk, tmp_path: Path
) -> None:
    async with watched(disk, tmp_path) as it:
        await it.guard.look()
        assert it.gate.reason is None
        disk.fill(25 * MIB)
        await it.guard.look()
        await it.guard.look()
        assert it.gate.reason == "no_space"
        disk.fill(15 * MIB)  # above the stop line, below the resume line
        await it.guard.look()
        assert it.gate.reason == "no_space"
        disk.make_room()
        await it.guard.look()
        assert it.gate.reason is None
        assert it.gate_told == ["disk_paused", "disk_resumed"]
        paused = next(event for event in it.events if event.type == "disk_paused")
        assert paused.data["reason"] == "no_space"
        assert paused.data["hours_left"] == 0


async def test_room_that_comes_and_goes_does_not_open_the_gate(disk: Disk, tmp_path: Path) -> None:
    async with watched(disk, tmp_path, hold_s=3600) as it:
        disk.fill(25 * MIB)
        await it.guard.look()
        disk.make_room()
        await it.guard.look()
        assert it.gate.reason == "no_space"
        status = it.guard.status
        assert status is not None
        assert status.state == "paused"


async def test_an_alarm_outlives_a_restart_and_gets_its_all_clear(
    disk: Disk, tmp_path: Path
) -> None:
    async with watched(disk, tmp_path) as it:
        disk.fill(25 * MIB)
        await it.guard.look()
        assert "disk_paused" in it.told
    disk.make_room()
    async with watched(disk, tmp_path) as it:
        disk.fill(25 * MIB)
        await it.guard.look()
        assert it.gate.reason == "no_space"
        assert it.told == [], "it was said before the restart"
    disk.make_room()
    async with watched(disk, tmp_path) as it:
        await it.guard.look()
        assert it.told == ["disk_resumed", "disk_ok"]


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A records folder that takes no file, whoever asks: a file stands in its place."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("")
    yield
    folder.unlink()


async def test_after_a_failed_write_one_that_works_is_needed_and_the_waits_grow(
    disk: Disk, tmp_path: Path
) -> None:
    async with watched(disk, tmp_path, hold_s=0.01) as it:
        it.gate.close(WRITE_FAILED)
        with capture_logs() as said, read_only(disk.folder / "records"), anyio.fail_after(30):
            while sum(line["event"] == "disk_refuses_writes" for line in said) < 4:
                await it.guard.look()
                await anyio.lowlevel.checkpoint()
        waits = [line["again_in_s"] for line in said if line["event"] == "disk_refuses_writes"]
        assert waits == [0.01, 0.02, 0.04, 0.08]
        assert it.gate.reason == WRITE_FAILED
        with anyio.fail_after(30):
            while it.gate.reason is not None:
                await it.guard.look()
        assert it.gate_told == ["disk_paused", "disk_resumed"]
        assert list((disk.folder / "records").iterdir()) == [], "the probe is gone"
        with capture_logs() as said:
            it.gate.close(WRITE_FAILED)
            await it.guard.look()
        assert {"event": "disk_refuses_writes", "again_in_s": 0.16, "log_level": "warning"} in said


async def test_a_failed_write_is_told_at_once_whenever_the_next_look_is(
    disk: Disk, tmp_path: Path
) -> None:
    async with watched(disk, tmp_path, every_s=3600) as it, anyio.create_task_group() as tasks:
        tasks.start_soon(it.guard.run)
        await it.wait_seen()
        it.gate.close(WRITE_FAILED)
        await it.wait_told("disk_paused")
        tasks.cancel_scope.cancel()


def segment(recording_id: str, seq: int, size: int) -> Segment:
    file = ClosedFile(
        seq, f"/r/{recording_id}{seq}", Window(0, 1000), 1000, size, "h264", "aac", 1, 1, 15.0
    )
    return Segment(recording_id, "room", "主播", "douyin", file, 5)


async def test_the_forecast_rests_on_what_the_running_rooms_wrote(
    disk: Disk, tmp_path: Path
) -> None:
    async with watched(disk, tmp_path) as it:

        async def pace(rooms: Sequence[str]) -> int:
            it.writing[:] = rooms
            await it.guard.look()
            assert it.guard.status is not None
            return it.guard.status.bytes_per_hour

        await it.segments.add(segment("busy", 0, 1_000_000))
        assert await pace(["busy"]) == ROOM_BYTES_PER_HOUR, "a second tells too little"
        await it.segments.add(segment("busy", 1, 1_000_000))
        for seq in (0, 1):
            await it.segments.add(segment("calm", seq, 10))
        busy, calm = 1_000_000 * 3600, 10 * 3600
        assert await pace(["busy"]) == busy
        assert await pace(["calm"]) == calm
        assert await pace(["busy", "calm", "new"]) == busy + calm + ROOM_BYTES_PER_HOUR
        assert await pace([]) == ROOM_BYTES_PER_HOUR
        assert it.guard.status is not None
        assert it.guard.status.hours_left == pytest.approx(20 * MIB / ROOM_BYTES_PER_HOUR, 0.1)


async def test_a_disk_with_less_than_is_to_be_kept_free_is_tight(
    disk: Disk, tmp_path: Path
) -> None:
    keep = disk.free_bytes - 5 * MIB
    async with watched(disk, tmp_path, keep_free_bytes=keep) as it:
        await it.guard.look()
        with anyio.move_on_after(0.05) as waited:
            await it.guard.wait_tight()
        assert waited.cancelled_caught
        disk.fill(8 * MIB)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(it.guard.run)
            with anyio.fail_after(30):
                await it.guard.wait_tight()
            tasks.cancel_scope.cancel()


async def test_a_database_that_cannot_be_written_does_not_keep_the_gate_open(
    disk: Disk, tmp_path: Path
) -> None:
    async with watched(disk, tmp_path) as it:
        await it.guard.look()
        before = list(it.told)
        with sqlite3.connect(tmp_path / "hostcue.db") as other:
            other.execute("ALTER TABLE events RENAME TO gone")
        disk.fill(25 * MIB)
        await it.guard.look()
        assert it.gate.reason == "no_space"
        assert it.told == before
        with sqlite3.connect(tmp_path / "hostcue.db") as other:
            other.execute("ALTER TABLE gone RENAME TO events")
        await it.guard.look()
        assert it.told[-1] == "disk_paused", "said as soon as it can be"


async def test_a_disk_that_says_nothing_keeps_the_last_word(tmp_path: Path, disk: Disk) -> None:
    place = disk.folder / "records"
    place.symlink_to(disk.folder)
    async with watched(disk, tmp_path) as it:
        await it.guard.look()
        place.unlink()
        place.symlink_to("/proc")  # no disk
        await it.guard.look()
        assert it.gate.reason is None
        assert it.guard.status is not None
        assert it.guard.status.silent


async def test_a_disk_that_never_says_how_full_it_is_can_still_be_written_again(
    tmp_path: Path, disk: Disk
) -> None:
    place = disk.folder / "records"
    place.symlink_to("/proc")
    async with watched(disk, tmp_path, hold_s=0.01) as it:
        it.gate.close(WRITE_FAILED)
        await it.guard.look()
        assert it.guard.status is None
        assert it.told == ["disk_paused"]
        place.unlink()
        with anyio.fail_after(30):
            while it.gate.reason is not None:
                await it.guard.look()


async def test_on_a_tight_disk_the_oldest_make_room_by_themselves(
    disk: Disk, tmp_path: Path
) -> None:
    keep = disk.free_bytes - 25 * MIB
    async with watched(disk, tmp_path, keep_free_bytes=keep) as it:
        folder = disk.folder / "records"
        folder.mkdir()
        for seq in range(8):
            (folder / f"{seq}.mp4").write_bytes(b"x" * 2 * MIB)
            end_ms = now_ms() - (100 - seq) * 3_600_000
            file = ClosedFile(
                seq,
                str(folder / f"{seq}.mp4"),
                Window(end_ms - 1000, end_ms),
                1000,
                2 * MIB,
                "h264",
                "aac",
                1,
                1,
                15.0,
            )
            await it.segments.add(Segment("rec", "room", "主播", "douyin", file, end_ms))
        retention = Retention(it.stored, root=folder, rules=KeepRules(free_bytes=keep))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(it.guard.run)
            tasks.start_soon(partial(keep_room, retention, it.guard, every_s=3600, again_s=0))
            disk.fill(12 * MIB)  # 3 MiB more than may be
            await it.wait_told("segment_deleted", 2)
            with anyio.fail_after(30):
                while (folder / "1.mp4").exists():
                    await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        assert sorted(path.name for path in folder.iterdir()) == [f"{n}.mp4" for n in range(2, 8)]
        assert disk.free_bytes >= keep
