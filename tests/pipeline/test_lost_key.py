"""A start with another key: nothing is forgotten, and the right key goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from recording_house import Platform, open_house
from structlog.testing import capture_logs

from hostcue.sim.flv import LiveFlv

LINK = "https://own.example/42"


@pytest.fixture
async def flv() -> AsyncIterator[LiveFlv]:
    async with LiveFlv.open() as opened:
        yield opened


async def test_a_start_with_another_key_ends_nothing_and_the_right_one_goes_on(
    tmp_path: Path, flv: LiveFlv
) -> None:
    platform = Platform()
    platform.go_live(LINK, flv.url)
    async with open_house(tmp_path, platform) as house:
        recording_id = await house.watch(LINK)
        await house.until_state(recording_id, "recording")
        await house.until_segments(recording_id, 1)
    right_key = (tmp_path / "key").read_bytes()
    (tmp_path / "key").unlink()
    for _ in range(2):
        with capture_logs() as logs:
            async with open_house(tmp_path, platform) as house:
                recording = (await house.status(recording_id)).recording
                assert (recording.state, recording.reason) == ("failed", "link_lost")
                assert house.states(recording_id) == [("failed", "link_lost")]
                assert house.supervisor.running() == []
        (told,) = [line for line in logs if line["log_level"] == "warning"]
        assert (told["event"], told["count"]) == ("recordings_sealed_with_another_key", 1)
        assert "HOSTCUE_SECRET_KEY" in told["remedy"]
    (tmp_path / "key").write_bytes(right_key)
    async with open_house(tmp_path, platform) as house:
        await house.until_state(recording_id, "recording")
        await house.until_segments(recording_id, 1)


async def test_what_another_key_keeps_from_going_on_can_be_stopped(tmp_path: Path) -> None:
    async with open_house(tmp_path, Platform()) as house:
        recording_id = await house.watch(LINK)
    right_key = (tmp_path / "key").read_bytes()
    (tmp_path / "key").unlink()
    async with open_house(tmp_path, Platform()) as house:
        stopped = (await house.supervisor.stop(recording_id)).recording
        assert (stopped.state, stopped.reason) == ("stopped", "stopped")
    (tmp_path / "key").write_bytes(right_key)
    async with open_house(tmp_path, Platform()) as house:
        assert (await house.status(recording_id)).recording.state == "stopped"
        assert house.supervisor.running() == []


async def test_a_crash_and_then_another_key_costs_no_file_and_can_be_stopped(
    tmp_path: Path, flv: LiveFlv
) -> None:
    platform = Platform()
    platform.go_live(LINK, flv.url)
    async with open_house(tmp_path, platform, stop=False) as house:
        recording_id = await house.watch(LINK)
        await house.until_segments(recording_id, 1)
    right_key = (tmp_path / "key").read_bytes()
    (tmp_path / "key").unlink()
    async with open_house(tmp_path, platform) as house:
        recording = (await house.status(recording_id)).recording
        assert (recording.state, recording.reason, recording.wanted) == (
            "failed",
            "link_lost",
            True,
        )
    (tmp_path / "key").write_bytes(right_key)
    async with open_house(tmp_path, platform) as house:
        await house.until_state(recording_id, "recording")
