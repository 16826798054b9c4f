"""How a room is watched and reached, what is missing of it, and the upgrade that brought that."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from hostcue.model.comment import Gap
from hostcue.model.event import Event
from hostcue.model.recording import Recording, RecordingPlan, StateChanged
from hostcue.model.room import Access, Room
from hostcue.model.schedule import Showtime
from hostcue.model.segment import ClosedFile, Segment
from hostcue.model.window import Window
from hostcue.storage.database import Database
from hostcue.storage.gaps import Gaps, GapTotals
from hostcue.storage.migrations.run import upgrade
from hostcue.storage.recordings import Recordings
from hostcue.storage.segments import Segments
from hostcue.storage.vault import Vault

LINK = "https://live.douyin.com/80017709309"
WEEKEND = Showtime(19 * 60 + 30, 60, frozenset({"fri", "sat"}))
PLAN = RecordingPlan(
    LINK,
    monitor=True,
    schedule=(WEEKEND, Showtime(0, 0)),
    aligned=True,
    access=Access(cookie="sessionid=topsecret", proxy="http://user:topsecret@proxy:8080"),
)


def recording(
    recording_id: str = "rec", started_ms: int = 1, plan: RecordingPlan = PLAN
) -> Recording:
    room = Room("", "", "", plan.link, "")
    return Recording(recording_id, plan, room, "", started_ms, "monitoring", "offline", started_ms)


def segment(seq: int, start_ms: int, end_ms: int) -> Segment:
    file = ClosedFile(
        seq,
        f"/r/{seq}.mp4",
        Window(start_ms, end_ms),
        end_ms - start_ms,
        500,
        "h264",
        "aac",
        1,
        1,
        1,
    )
    return Segment("rec", "room", "主播", "douyin", file, 5)


@pytest.fixture
def recordings(database: Database, tmp_path: Path) -> Recordings:
    return Recordings(database, Vault.at(tmp_path / "key"))


async def test_a_watched_room_comes_back_as_it_was_asked_for_and_its_secrets_are_sealed(
    recordings: Recordings, tmp_path: Path
) -> None:
    await recordings.add(recording(), "OD")
    assert await recordings.get("rec") == recording()
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("hostcue.db*"))
    assert b"topsecret" not in raw


async def test_another_way_to_watch_is_stored_and_the_rest_stays(recordings: Recordings) -> None:
    await recordings.add(recording(), "OD")
    plan = replace(PLAN, monitor=False, schedule=(), access=Access(cookie="a=b"), segment_s=7)
    await recordings.set_plan("rec", plan)
    assert (await recordings.get("rec")).plan == replace(plan, segment_s=PLAN.segment_s)


async def test_a_room_seen_for_the_first_time_gets_its_names_and_its_folder(
    recordings: Recordings,
) -> None:
    await recordings.add(recording(), "OD")
    room = Room("douyin", "80017709309", "7576", LINK, "小满的鞋铺", "上新")
    await recordings.set_room("rec", room, "/r/douyin/小满的鞋铺")
    stored = await recordings.get("rec")
    assert (stored.room, stored.output) == (room, "/r/douyin/小满的鞋铺")
    assert await recordings.output_owners() == {"/r/douyin/小满的鞋铺": "douyin:80017709309"}


async def test_what_is_over_is_no_longer_wanted_in_the_same_commit(
    recordings: Recordings, database: Database
) -> None:
    await recordings.add(recording(), "OD")
    heard: list[Event] = []
    database.on_commit(heard.extend)
    await recordings.set_state("rec", StateChanged("stopped", "stopped", 9), wanted=False)
    assert len(heard) == 1
    assert await recordings.wanted() == []
    assert [found.id for found in await recordings.wanted(also=["rec"])] == ["rec"]


async def test_a_page_holds_the_newest_and_whatever_must_be_there(recordings: Recordings) -> None:
    for number in range(6):
        await recordings.add(recording(f"r{number}", started_ms=100 + number), "OD")

    async def page(limit: int, before_ms: int | None = None, *also: str) -> list[str]:
        found = await recordings.newest(limit, before_ms=before_ms, also=also)
        return [item.id for item in found]

    assert await page(2) == ["r5", "r4"]
    assert await page(2, 104) == ["r3", "r2"]
    assert await page(2, None, "r0", "r5") == ["r5", "r4", "r0"]


async def test_no_recording_is_left_out_between_two_pages(recordings: Recordings) -> None:
    for number in range(7):  # four of them began in one millisecond
        await recordings.add(recording(f"r{number}", started_ms=100 + min(number, 3)), "OD")
    found: list[str] = []
    before_ms: int | None = None
    while page := await recordings.newest(2, before_ms=before_ms):
        found += [item.id for item in page]
        before_ms = page[1].started_ms if len(page) > 1 else 0
    assert sorted(found) == [f"r{number}" for number in range(7)]


async def test_gaps_are_counted_summed_and_shown_without_those_that_were_none(
    database: Database,
) -> None:
    gaps = Gaps(database, shown=2)
    await gaps.store("rec", Gap(100, "eof", 180))
    await gaps.store("rec", Gap(200, "restart", 200))  # the broadcast was over
    await gaps.store("rec", Gap(300, "stalled", 320))
    await gaps.store("rec", Gap(900, "disk"))
    assert await gaps.totals(["rec", "other"]) == {"rec": GapTotals(3, 100, 900)}
    shown = await gaps.newest(["rec", "other"])
    assert shown == {"rec": [Gap(300, "stalled", 320), Gap(900, "disk")]}
    await gaps.store("rec", Gap(900, "disk", 950))
    assert await gaps.totals(["rec", "other"]) == {"rec": GapTotals(3, 150)}
    assert (await gaps.newest(["rec"]))["rec"][-1] == Gap(900, "disk", 950)


async def test_a_segment_tells_what_is_missing_before_it(database: Database) -> None:
    gaps, segments = Gaps(database), Segments(database)
    rows = [segment(0, 1000, 2000), segment(1, 2500, 3000), segment(2, 3000, 4000)]
    rows.append(segment(5, 4900, 5000))
    for row in rows:
        await segments.add(row)
    await gaps.store("rec", Gap(2000, "eof", 2300))
    await gaps.store("rec", Gap(2300, "disk", 2500))
    await gaps.store("rec", Gap(4000, "restart", 4000))
    await gaps.store("rec", Gap(5000, "stalled"))
    await gaps.store("other", Gap(2000, "eof", 2500))
    assert await gaps.before(rows) == {("rec", 1): Gap(2000, "eof", 2500)}
    assert await gaps.before(rows[:1]) == {}
    assert (await segments.totals(["rec"]))["rec"].window_ms == 2600


async def test_a_database_of_the_first_release_keeps_its_rows_and_gets_the_new_columns(
    tmp_path: Path,
) -> None:
    path, vault = tmp_path / "hostcue.db", Vault.at(tmp_path / "key")
    upgrade(path, "0001")
    row = {
        "id": "old",
        "link": LINK,
        "link_sealed": vault.seal(LINK),
        "segment_s": 300,
        "quality": "OD",
        "quality_got": "HD",
        "save_format": "mp4",
        "comments": 1,
        "given_name": "",
        "platform": "douyin",
        "live_id": "80017709309",
        "room_id": "7576",
        "anchor_name": "小满的鞋铺",
        "title": "上新",
        "output": "/r/小满的鞋铺",
        "started_at": 5,
        "state": "stopped",
        "reason": "server_stopped",
        "since_ts": 9,
        "wanted": 1,
    }
    with sqlite3.connect(path) as connection:
        marks = ", ".join("?" * len(row))
        connection.execute(
            f"INSERT INTO recordings ({', '.join(row)}) VALUES ({marks})",  # noqa: S608 - our names
            list(row.values()),
        )
        connection.execute("INSERT INTO gaps VALUES ('old', 7, NULL, 'eof')")
    connection.close()
    async with Database.open(f"sqlite:///{path}") as database:
        recordings = Recordings(database, vault)
        (old,) = await recordings.wanted()
        assert old.plan == RecordingPlan(LINK)
        assert (old.state, old.reason, old.room.title, old.pinned) == (
            "stopped",
            "server_stopped",
            "上新",
            False,
        )
        assert await Gaps(database).of("old") == [Gap(7, "eof")]
        await recordings.set_plan("old", PLAN)
        assert (await recordings.get("old")).plan.access == PLAN.access


async def test_an_end_is_announced_once_and_its_row_is_as_exact_as_what_is_known_last(
    database: Database,
) -> None:
    heard: list[Event] = []
    database.on_commit(heard.extend)
    gaps = Gaps(database)
    for end_ms in (None, 1500, 1480, 1490):
        await gaps.store("rec", Gap(1000, "eof", end_ms))
        await gaps.totals(["rec"])
    assert [event.type for event in heard] == ["gap_opened", "gap_closed"]
    assert heard[-1].data["end_ts"] == 1500
    assert await gaps.of("rec") == [Gap(1000, "eof", 1490)]
    assert await gaps.totals(["rec"]) == {"rec": GapTotals(1, 490)}
    assert await gaps.newest(["rec"]) == {"rec": [Gap(1000, "eof", 1490)]}
