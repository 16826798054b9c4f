"""Old files make room: only below the root, row and event first, and never what is in use."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pytest
from ready_database import open_database

from hostcue.errors import CleanupRefused, FileDeleted
from hostcue.model.clock import now_ms
from hostcue.model.event import Event
from hostcue.model.recording import Recording, RecordingPlan
from hostcue.model.retention import DeletedBy, KeepRules, Selection, StoredFile
from hostcue.model.room import Room
from hostcue.model.segment import ClosedFile, Segment
from hostcue.model.window import Window
from hostcue.pipeline.retention import Retention, size
from hostcue.storage.analyses import Analyses
from hostcue.storage.database import Database
from hostcue.storage.recordings import Recordings
from hostcue.storage.segments import Segments
from hostcue.storage.stored_files import StoredFiles
from hostcue.storage.vault import Vault

DAY_MS = 24 * 3600 * 1000
WEEK = KeepRules(days=7)


@dataclass
class Archive:
    """Recorded files of known age in a folder, and what is announced of them."""

    root: Path
    database: Database
    vault: Vault
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.database.on_commit(self.events.extend)
        self.stored = StoredFiles(self.database)
        self.segments = Segments(self.database)
        self.analyses = Analyses(self.database)
        self.recordings = Recordings(self.database, self.vault)

    def retention(self, rules: KeepRules, *, rest_s: float = 600) -> Retention:
        return Retention(self.stored, root=self.root, rules=rules, rest_s=rest_s)

    async def recording(self, recording_id: str, *, pinned: bool = False) -> None:
        room = Room("direct", recording_id, "0123", f"https://host/{recording_id}.flv", "host")
        plan = RecordingPlan(room.url)
        await self.recordings.add(
            Recording(recording_id, plan, room, "/r", 1, "stopped", "", 1, pinned=pinned), "OD"
        )

    async def segment(
        self, seq: int, *, days: float, recording_id: str = "rec", path: Path | None = None
    ) -> Path:
        end_ms = now_ms() - round(days * DAY_MS)
        day = date.today() - timedelta(days=days)  # noqa: DTZ011 - any zone will do
        if path is None:
            path = self.root / "direct" / "host" / f"{day}" / f"{recording_id}_{seq:03d}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 100)
        window = Window(end_ms - 300_000, end_ms)
        file = ClosedFile(seq, str(path), window, 300_000, 100, "h264", "aac", 1, 1, 15.0)
        await self.segments.add(Segment(recording_id, "room", "host", "direct", file, end_ms))
        return path

    async def status(self, seq: int, recording_id: str = "rec") -> str:
        return (await self.segments.get(recording_id, seq)).file.status


@asynccontextmanager
async def archive_in(folder: Path) -> AsyncIterator[Archive]:
    async with open_database(folder / "hostcue.db") as database:
        yield Archive(folder / "records", database, Vault.at(folder / "key"))


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    async with archive_in(tmp_path) as opened:
        yield opened


def seqs(selection: Selection) -> list[int]:
    return [file.seq for file, _ in selection.chosen]


async def test_without_a_rule_nothing_is_ever_deleted(archive: Archive) -> None:
    path = await archive.segment(0, days=1000)
    assert seqs(await archive.retention(KeepRules()).clean(force=True)) == []
    assert path.is_file()


async def test_a_file_that_is_too_old_goes_and_its_row_stays(archive: Archive) -> None:
    old = await archive.segment(0, days=9)
    young = [await archive.segment(seq, days=2) for seq in (1, 2)]
    cleaned = await archive.retention(WEEK).clean()
    assert seqs(cleaned) == [0]
    assert not old.exists()
    assert not old.parent.exists(), "an empty day of the past goes too"
    assert all(path.is_file() for path in young)
    assert await archive.status(0) == "deleted"
    deleted = [event for event in archive.events if event.type == "segment_deleted"]
    assert [(event.subject, event.data["seq"], event.data["rule"]) for event in deleted] == [
        ("rec", 0, "age")
    ]
    with pytest.raises(FileDeleted):
        await archive.segments.with_file("rec", 0)
    totals = (await archive.segments.totals(["rec"]))["rec"]
    assert (totals.segments, totals.bytes) == (3, 200)


async def test_the_folder_of_today_stays_for_those_who_write_into_it(archive: Archive) -> None:
    for seq in range(3):
        await archive.segment(seq, days=0.1)
    newest = await archive.segment(3, days=0.1)
    await archive.retention(KeepRules(size_bytes=1)).clean(force=True)
    assert not newest.exists()
    assert newest.parent.is_dir()


async def test_the_oldest_go_until_all_are_small_enough(archive: Archive) -> None:
    for seq in range(6):
        await archive.segment(seq, days=10 - seq)
    assert seqs(await archive.retention(KeepRules(size_bytes=450)).clean()) == [0, 1]
    assert await archive.stored.bytes() == 400


async def test_the_oldest_go_until_so_much_is_free(archive: Archive) -> None:
    for seq in range(6):
        await archive.segment(seq, days=10 - seq)
    everything = KeepRules(free_bytes=1 << 60)
    assert seqs(await archive.retention(everything).plan()) == [0, 1, 2, 3, 4, 5]
    nothing = KeepRules(free_bytes=1)
    assert seqs(await archive.retention(nothing).clean()) == []


async def test_more_than_half_is_refused_until_it_is_forced(archive: Archive) -> None:
    paths = [await archive.segment(seq, days=9) for seq in range(3)]
    retention = archive.retention(WEEK)
    assert not await retention.pass_by()
    with pytest.raises(CleanupRefused):
        await retention.clean()
    assert retention.refusal is not None
    assert (retention.refusal.bytes, retention.refusal.stored_bytes) == (300, 300)
    assert all(path.is_file() for path in paths)
    assert seqs(await retention.clean(force=True)) == [0, 1, 2]
    assert retention.refusal is None


async def test_pinned_analysed_and_read_files_stay_and_are_counted(archive: Archive) -> None:
    await archive.recording("pinned", pinned=True)
    await archive.segment(0, days=9, recording_id="pinned")
    await archive.segment(1, days=9)
    await archive.analyses.queue("rec", 1, 0)
    await archive.segment(2, days=9)
    await archive.segment(3, days=9)
    for seq in range(4, 7):
        await archive.segment(seq, days=1)
    retention = archive.retention(WEEK, rest_s=0)
    with retention.reading("rec", 2):
        cleaned = await retention.clean()
        assert seqs(cleaned) == [3]
        assert dict(cleaned.kept) == {"pinned": 1, "analysing": 1, "in_use": 1}
    assert seqs(await retention.clean()) == [2]
    await archive.recordings.set_pinned("pinned", pinned=False)
    await archive.analyses.set("rec", 1, 0, state="done")
    assert len((await retention.clean(force=True)).chosen) == 2


async def test_an_analysis_that_never_ended_does_not_protect_for_ever(archive: Archive) -> None:
    await archive.segment(0, days=9)
    await archive.analyses.queue("rec", 0, 0)
    two_days_on = now_ms() + 2 * DAY_MS
    assert [file.analysing for file in await archive.stored.oldest(now_ms=now_ms())] == [True]
    assert [file.analysing for file in await archive.stored.oldest(now_ms=two_days_on)] == [False]


async def test_what_was_pinned_at_the_last_moment_stays(archive: Archive) -> None:
    await archive.recording("rec")
    path = await archive.segment(0, days=9)
    chosen: list[tuple[StoredFile, DeletedBy]] = [
        (file, "age") for file in await archive.stored.oldest(now_ms=now_ms())
    ]
    await archive.recordings.set_pinned("rec", pinned=True)
    assert await archive.stored.mark_deleted(chosen, now_ms=now_ms()) == []
    assert path.is_file()


async def test_nothing_outside_the_root_is_touched_whatever_a_row_or_a_link_says(
    archive: Archive, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    plain = await archive.segment(0, days=9, path=elsewhere / "a.mp4")
    climbing = await archive.segment(1, days=9, path=archive.root / ".." / "elsewhere" / "b.mp4")
    target = elsewhere / "c.mp4"
    target.write_bytes(b"c")
    (archive.root / "direct").mkdir(parents=True)
    linked = archive.root / "direct" / "c.mp4"
    await archive.segment(2, days=9, path=linked)
    linked.unlink()
    linked.symlink_to(target)
    (archive.root / "gone").symlink_to(elsewhere)
    through = await archive.segment(3, days=9, path=archive.root / "gone" / "d.mp4")
    folder = archive.root / "direct" / "e.mp4"
    await archive.segment(4, days=9, path=folder)
    folder.unlink()
    folder.mkdir()
    cleaned = await archive.retention(WEEK).clean(force=True)
    assert seqs(cleaned) == []
    assert dict(cleaned.kept) == {"outside": 5}
    assert all(path.exists() for path in (plain, climbing, target, linked, through, folder))


async def test_a_root_that_is_a_link_is_the_place_it_leads_to(
    archive: Archive, tmp_path: Path
) -> None:
    real = tmp_path / "other disk"
    real.mkdir()
    archive.root.symlink_to(real)
    path = await archive.segment(0, days=9)
    assert seqs(await archive.retention(WEEK).clean(force=True)) == [0]
    assert not path.exists()


async def test_what_a_crash_left_between_row_and_file_is_finished(archive: Archive) -> None:
    left = await archive.segment(0, days=9)
    taken_again = await archive.segment(1, days=8)
    await archive.segment(2, days=1, path=taken_again)
    oldest: Sequence[StoredFile] = (await archive.stored.oldest(now_ms=now_ms()))[:2]
    await archive.stored.mark_deleted([(file, "age") for file in oldest], now_ms=now_ms())
    assert left.is_file()
    await archive.retention(KeepRules()).clean()
    assert not left.exists()
    assert taken_again.is_file(), "another segment has that name by now"


async def test_a_file_somebody_removed_already_is_no_obstacle(archive: Archive) -> None:
    path = await archive.segment(0, days=9)
    path.unlink()
    assert seqs(await archive.retention(WEEK).clean(force=True)) == [0]


async def test_many_files_are_looked_at_page_by_page(archive: Archive) -> None:
    for seq in range(7):
        await archive.segment(seq, days=9 - seq / 10)
    first = await archive.stored.oldest(now_ms=now_ms(), limit=3)
    last = first[-1]
    rest = await archive.stored.oldest(
        now_ms=now_ms(), after=(last.end_ms, last.recording_id, last.seq), limit=10
    )
    assert [file.seq for file in (*first, *rest)] == list(range(7))


@pytest.mark.parametrize(
    ("count", "said"), [(300, "0.0 MB"), (45 * 10**6, "45.0 MB"), (10**9, "1.0 GB")]
)
def test_little_is_told_in_megabytes(count: int, said: str) -> None:
    assert size(count) == said
