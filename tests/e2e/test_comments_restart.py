"""A server that is killed in the middle of a busy chat, and started again."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from server_process import Serve, Stream

from hostcue.sim.room import PretendRoom

pytestmark = pytest.mark.slow


@pytest.fixture
async def quiet_room() -> AsyncIterator[PretendRoom]:
    """A room in which nobody says anything but what a test has them say."""
    async with PretendRoom.open(with_model=False) as room:
        room.douyin.quiet()
        yield room


async def until_sent(client: Stream, number: int) -> None:
    await client.wait_for("chat", id=str(number))


def rows_of(folder: Path) -> list[str]:
    with sqlite3.connect(folder / "data" / "hostcue.db") as database:
        rows = database.execute("SELECT id FROM comments WHERE kind = 'chat' ORDER BY row_id")
        return [row[0] for row in rows]


def gaps_of(folder: Path) -> list[tuple[int, int | None, str]]:
    with sqlite3.connect(folder / "data" / "hostcue.db") as database:
        return list(database.execute("SELECT start_ts, end_ts, cause FROM gaps ORDER BY start_ts"))


@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_a_restart_loses_nothing_outside_its_gap_and_doubles_nothing(
    how: str, serve: Serve, quiet_room: PretendRoom, tmp_path: Path
) -> None:
    room = quiet_room
    start = "/api/douyin/web/start"
    async with serve(room.environment()) as server, server.stream("/api/douyin/web/stream") as chat:
        await server.post(start, {"live_url": room.link})
        await room.douyin.wait_viewers(1)
        for number in range(50):
            room.douyin.say(f"之前 {number}")
        await until_sent(chat, room.douyin.said[-1][0])
        await (server.kill() if how == "killed" else server.terminate())
    for number in range(60):
        room.douyin.say(f"停机时 {number}")
    async with serve(room.environment()) as server, server.stream("/api/douyin/web/stream") as chat:
        await server.post(start, {"live_url": room.link})
        with anyio.fail_after(20):
            await room.douyin.wait_viewers(1)
        for number in range(50):
            room.douyin.say(f"之后 {number}")
        await until_sent(chat, room.douyin.said[-1][0])
    said, rows, gaps = room.douyin.said, rows_of(tmp_path), gaps_of(tmp_path)
    assert len(rows) == len(set(rows)) >= 100
    lost = [ts_ms for number, _, ts_ms in said if str(number) not in rows]
    assert lost
    assert all(any(begin <= ts_ms <= (end or 0) for begin, end, _ in gaps) for ts_ms in lost)
    assert "not_collected" in {cause for _, _, cause in gaps}
