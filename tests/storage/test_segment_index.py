"""Segments, recordings, analyses and tips as rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from hostcue.errors import NotFound
from hostcue.model.comment import Gap
from hostcue.model.event import Event
from hostcue.model.recording import (
    MediaInfo,
    Recording,
    RecordingPlan,
    SegmentOpened,
    StateChanged,
)
from hostcue.model.room import Room
from hostcue.model.segment import ClosedFile, Segment
from hostcue.model.tip import Evidence, Frame, FrameRef, Tip, TipDraft
from hostcue.model.window import Window
from hostcue.storage.analyses import Analyses
from hostcue.storage.database import Database
from hostcue.storage.gaps import Gaps, covered
from hostcue.storage.recordings import Recordings
from hostcue.storage.segments import Segments
from hostcue.storage.tips import Tips
from hostcue.storage.vault import Vault

INFO = MediaInfo("h264", "aac", 360, 640, 15.0)


def segment(seq: int, recording_id: str = "rec") -> Segment:
    window = Window(seq * 1000, seq * 1000 + 1000)
    file = ClosedFile(seq, f"/r/{seq}.mp4", window, 1000, 500, "h264", "aac", 360, 640, 15.0)
    return Segment(recording_id, "room", "主播", "douyin", file, 5)


def recording(recording_id: str = "rec", link: str = "https://host/a.flv") -> Recording:
    room = Room("direct", "host/a.flv", "0123", link, "host")
    return Recording(recording_id, RecordingPlan(link), room, "/r", 1, "starting", "", 1)


async def test_a_segment_and_its_event_come_once(database: Database) -> None:
    heard: list[Event] = []
    database.on_commit(heard.extend)
    segments = Segments(database)
    assert await segments.add(segment(0))
    assert not await segments.add(segment(0))
    assert [event.type for event in heard] == ["segment_ready"]
    assert heard[0].data["start_ts"] == 0
    assert await segments.next_seq("rec") == 1


async def test_an_open_file_is_known_until_it_is_indexed(database: Database) -> None:
    segments = Segments(database)
    await segments.opened("rec", SegmentOpened(0, "/r/x.part", 70, INFO))
    await segments.opened("rec", SegmentOpened(0, "/r/x.part", 60, INFO))
    assert [item.start_ms for item in await segments.still_open("rec")] == [60]
    assert await segments.recordings_with_open_files() == ["rec"]
    await segments.add(segment(0))
    assert await segments.still_open("rec") == []


async def test_pages_of_one_recording_go_by_number(database: Database) -> None:
    segments = Segments(database)
    for seq in range(5):
        await segments.add(segment(seq))
    assert [s.seq for s in await segments.page("rec", after=1, limit=2)] == [2, 3]
    assert (await segments.totals(["rec"]))["rec"].segments == 5
    with pytest.raises(NotFound):
        await segments.get("rec", 9)


async def test_a_link_is_stored_sealed_and_shown_without_its_signature(
    database: Database, tmp_path: Path
) -> None:
    recordings = Recordings(database, Vault.at(tmp_path / "key"))
    await recordings.add(recording(link="https://host/a.flv?sign=topsecret"), "HD")
    stored = await recordings.get("rec")
    assert stored.plan.link == "https://host/a.flv?sign=topsecret"
    assert "topsecret" not in stored.room.url
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("hostcue.db*"))
    assert b"topsecret" not in raw


async def test_a_state_is_stored_and_announced_together(database: Database, tmp_path: Path) -> None:
    heard: list[Event] = []
    recordings = Recordings(database, Vault.at(tmp_path / "key"))
    await recordings.add(recording(), "OD")
    database.on_commit(heard.extend)
    await recordings.set_state("rec", StateChanged("reconnecting", "eof", 9))
    assert (await recordings.get("rec")).state == "reconnecting"
    assert heard[0].data == {"recording_id": "rec", "state": "reconnecting", "reason": "eof"}


async def test_a_gap_opens_and_closes_as_one_row(database: Database) -> None:
    gaps = Gaps(database)
    await gaps.store("rec", Gap(100, "eof"))
    await gaps.store("rec", Gap(100, "eof", 180))
    assert await gaps.of("rec") == [Gap(100, "eof", 180)]


def test_coverage_is_what_no_gap_takes() -> None:
    assert covered([], 0, 100) == 1
    assert covered([Gap(10, "x", 30), Gap(90, "y", 200)], 0, 100) == pytest.approx(0.7)
    assert covered([Gap(0, "x")], 0, 100) == 0


def test_what_two_gaps_take_at_once_is_missing_once() -> None:
    both = [Gap(40, "connection_lost", 60), Gap(10, "not_collected", 50), Gap(20, "overload", 30)]
    assert covered(both, 0, 100) == pytest.approx(0.5)


def tip(number: int) -> Tip:
    evidence = Evidence(("m1",), (FrameRef("rec-0-1", 40),), ("u1",))
    draft = TipDraft(f"第{number}句", "product", ("douyin",), 0.5, evidence)
    return Tip(f"tip_{number}", "room", "rec", 0, 77, draft, "ai", "qwen", "v1")


async def test_the_tips_of_a_run_are_stored_once(database: Database) -> None:
    analyses, tips = Analyses(database), Tips(database)
    analysis = await analyses.queue("rec", 0, 0)
    assert await tips.save(analysis, [tip(1), tip(2), tip(3)], mode="ai", reason="")
    assert not await tips.save(analysis, [tip(4)], mode="ai", reason="")
    assert [found.id for found in await tips.latest(9)] == ["tip_1", "tip_2", "tip_3"]
    assert await tips.latest(1, room_id="elsewhere") == []
    done = await analyses.get("rec", 0)
    assert done is not None
    assert done.state == "done"
    assert (await tips.latest(1))[0] == tip(1)


async def test_attempts_are_counted_before_they_are_made(database: Database) -> None:
    analyses = Analyses(database)
    await analyses.queue("rec", 0, 0)
    await analyses.count_attempt("rec", 0, 0)
    await analyses.count_attempt("rec", 0, 0)
    assert (await analyses.queue("rec", 0, 0)).attempts == 2


async def test_a_frame_is_found_by_the_id_a_tip_names(database: Database) -> None:
    tips = Tips(database)
    frames = [Frame("rec-0-1", 40, b"jpeg", 2, 2)]
    await tips.keep_frames("rec", 0, frames)
    await tips.keep_frames("rec", 0, frames)
    assert await tips.frame("rec-0-1") == b"jpeg"
    with pytest.raises(NotFound):
        await tips.frame("nope")


async def test_segments_a_crash_kept_from_analysis_are_found(database: Database) -> None:
    segments, analyses, tips = Segments(database), Analyses(database), Tips(database)
    for seq in range(3):
        await segments.add(segment(seq))
    await tips.save(await analyses.queue("rec", 0, 0), [tip(1)], mode="ai", reason="")
    await analyses.queue("rec", 1, 0)
    assert [s.seq for s in await segments.unanalysed_since(0)] == [1, 2]
    assert [s.seq for s in await segments.unanalysed_since(2000)] == [2]
