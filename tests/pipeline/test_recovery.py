"""Since when something is missing after a crash."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from ready_database import open_database

from hostcue.model.comment import Gap
from hostcue.model.recording import Recording, RecordingPlan
from hostcue.model.room import Room
from hostcue.model.segment import ClosedFile, Segment
from hostcue.model.window import Window
from hostcue.pipeline.recovery import Left, Recovery
from hostcue.recording.engine import Engine
from hostcue.storage.database import Database
from hostcue.storage.gaps import Gaps
from hostcue.storage.segments import Segments

DAY_MS = 24 * 3600 * 1000
NOW = 100 * DAY_MS


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(tmp_path / "hostcue.db") as opened:
        yield opened


@pytest.mark.parametrize(
    ("ended_ms", "left", "since_ms"),
    [
        (None, Left(), NOW),  # killed while it started
        (NOW - DAY_MS, Left(), NOW),  # what there is belongs to yesterday's broadcast
        (NOW + 5000, Left(), NOW + 5000),
        (NOW - 800, Left(), NOW - 800),  # a connection brings what is older than itself
        (NOW - 9000, Left(lost_since_ms=NOW - 1200), NOW - 1200),
        (None, Left(lost_since_ms=NOW - 1200), NOW - 1200),
    ],
)
async def test_something_is_missing_from_where_the_media_ended(
    database: Database, ended_ms: int | None, left: Left, since_ms: int
) -> None:
    segments, gaps = Segments(database), Gaps(database)
    room = Room("own", "1", "7", "https://own.example/1", "host")
    recording = Recording("rec", RecordingPlan("1"), room, "/r", 0, "recording", "", NOW)
    if ended_ms is not None:
        file = ClosedFile(
            0, "/r/0.mp4", Window(ended_ms - 100, ended_ms), 100, 1, "h264", "", 1, 1, 1.0
        )
        await segments.add(Segment("rec", "7", "host", "own", file, ended_ms))
    async with Engine.open() as engine:
        recovery = Recovery(engine, segments, gaps, zone=None)
        assert await recovery.gap(recording, left) == Gap(since_ms, "restart")
        await gaps.store("rec", Gap(NOW + 6000, "eof", NOW + 7000))
        assert await recovery.gap(recording, left) == Gap(NOW + 7000, "restart")
        await gaps.store("rec", Gap(NOW + 8000, "disk"))
        assert await recovery.gap(replace(recording, state="paused_disk"), left) == Gap(
            NOW + 8000, "disk"
        )
