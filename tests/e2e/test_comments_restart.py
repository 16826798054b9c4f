"""A server that is killed in the middle of a busy chat, and started again."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import anyio
import pytest
from server_process import Serve, Stream

from hostcue.model.clock import now_ms
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


async def test_restarts_lose_nothing_outside_their_gaps_and_double_nothing(
    serve: Serve, quiet_room: PretendRoom, tmp_path: Path
) -> None:
    room, began_ms = quiet_room.douyin, list[int]()
    for end in ("kill", "stop", ""):
        async with (
            serve(quiet_room.environment()) as server,
            server.stream("/api/douyin/web/stream") as chat,
        ):
            await server.post("/api/douyin/web/start", {"live_url": quiet_room.link})
            with anyio.fail_after(30):
                await room.wait_viewers(1)
            for number in range(50):
                room.say(f"听着 {number}")
            await until_sent(chat, room.said[-1][0])
            if end:
                await (server.kill() if end == "kill" else server.terminate())
        began_ms.append(now_ms())
        for number in range(60):
            room.say(f"停机时 {number}")
    said, rows, gaps = room.said[:-60], rows_of(tmp_path), gaps_of(tmp_path)
    assert len(rows) == len(set(rows)) >= 150
    lost = [ts_ms for number, _, ts_ms in said if str(number) not in rows]
    for begin_ms, end_ms in pairwise(began_ms):
        assert any(begin_ms <= ts_ms < end_ms for ts_ms in lost)
    assert all(any(begin <= ts_ms <= (end or 0) for begin, end, _ in gaps) for ts_ms in lost)
    assert [cause for _, _, cause in gaps].count("not_collected") == 2
