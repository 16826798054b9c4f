"""kill -9 at the worst moments, then a restart."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections import Counter
from pathlib import Path

import anyio
import av
import pytest
from server_process import Serve, Server

from hostcue.sim.room import PretendRoom

pytestmark = pytest.mark.slow


def playable_s(path: str) -> float:
    with av.open(path) as media:
        video = media.streams.video[0]
        stamps = [
            float(p.dts * (video.time_base or 0)) for p in media.demux(video) if p.dts is not None
        ]
    return max(stamps) - min(stamps)


async def open_segment_grew(server: Server, recording_id: str, folder: Path, seq: int) -> Path:
    """The open file of a segment, once about a second of it is on disk."""
    with anyio.fail_after(30):
        while True:
            status = await server.get("/api/recording/status", recording_id=recording_id)
            assert isinstance(status, dict)
            parts = list(folder.rglob(f"{recording_id}_{seq:03d}.mp4.part"))
            if parts and parts[0].stat().st_size > 60_000:
                return parts[0]
            await anyio.lowlevel.checkpoint()


async def test_after_kill_9_the_open_segment_comes_back_and_recording_goes_on(
    serve: Serve, room: PretendRoom, tmp_path: Path
) -> None:
    async with serve(room.environment()) as server, server.stream() as events:
        recording_id = await server.record(room.link, segment_time=5)
        await events.wait("segment_ready")
        await events.wait("tips_ready")
        part = await open_segment_grew(server, recording_id, tmp_path / "records", 1)
        workers = children_writing(part)
        await server.kill()
        last_id = events.ids[-1]
    assert workers, "a worker process wrote the file"
    with anyio.fail_after(30):
        while any(Path(f"/proc/{pid}").exists() for pid in workers):  # noqa: ASYNC110 - elsewhere
            await anyio.sleep(0.05)
    room.flv.burst(0)  # else the past that a viewer is greeted with may leave nothing missing

    async with serve(room.environment()) as server, server.stream(last_event_id=last_id) as events:
        recovered = (await events.wait("segment_ready"))[0]
        assert recovered["recording_id"] == recording_id
        assert recovered["seq"] == 1
        assert recovered["status"] == "recovered"
        assert playable_s(str(recovered["path"])) > 0.9
        next_one = (await events.wait("segment_ready", 2))[1]
        assert next_one["seq"] == 2
        await events.wait("gap_closed")
        status = await server.get("/api/recording/status", recording_id=recording_id)
        assert isinstance(status, dict)
        gap = status["gaps"][-1]  # its end as it is known by now; the event came once
        assert len(events.of("gap_closed")) == 1
        assert gap["cause"] == "restart"
        assert gap["start_ts"] == recovered["end_ts"]
        assert gap["end_ts"] == next_one["start_ts"]
        await events.wait("tips_ready", 2)
        await server.post("/api/recording/stop", {"recording_id": recording_id})
    rows = read(tmp_path, "SELECT id, COUNT(*) FROM comments GROUP BY platform, room_id, id")
    assert rows
    assert all(count == 1 for _, count in rows)
    per_run = Counter((seq, run) for seq, run in read(tmp_path, "SELECT seq, run FROM tips"))
    assert all(3 <= count <= 5 for count in per_run.values())
    assert all(run == 0 for _, run in per_run), "no segment was analysed twice"


async def test_a_restart_in_the_middle_of_an_analysis_finishes_it_with_one_set_of_tips(
    serve: Serve, room: PretendRoom, tmp_path: Path
) -> None:
    room.model.answer(delay_s=30)
    async with serve(room.environment()) as server, server.stream() as events:
        recording_id = await server.record(room.link)
        await events.wait("segment_ready")
        with anyio.fail_after(30):
            await room.model.wait_requests(1)
        await server.kill()
    async with serve(room.environment()) as server, server.stream(last_event_id="0") as events:
        await events.wait_for("tips_ready", seq=0)
        status = await server.get("/api/analysis/status", recording_id=recording_id, seq=0)
        assert isinstance(status, dict)
        assert status["state"] == "done"
        assert status["attempts"] == 2
        await server.post("/api/recording/stop", {"recording_id": recording_id})
    assert 3 <= read(tmp_path, "SELECT COUNT(*) FROM tips WHERE seq = 0")[0][0] <= 5


async def test_a_second_server_on_the_same_data_is_refused_in_one_line(
    serve: Serve, room: PretendRoom, tmp_path: Path
) -> None:
    async with serve(room.environment()):
        with anyio.fail_after(30):
            second = await anyio.run_process(
                [sys.executable, "-m", "hostcue", "serve", "--port", "0"],
                env={"PATH": os.environ["PATH"], "HOSTCUE_DATA_DIR": str(tmp_path / "data")},
                cwd=tmp_path,
                check=False,
            )
    assert second.returncode == 2
    said = second.stderr.decode().splitlines()
    assert said[0].startswith("hostcue: another hostcue (process ")
    assert "HOSTCUE_DATA_DIR" in said[1]
    assert len(said) == 2


def children_writing(part: Path) -> list[int]:
    """Processes that hold the file open."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - names only
        try:
            if any(link.readlink() == part for link in Path(f"/proc/{pid}/fd").iterdir()):
                found.append(int(pid))
        except OSError:
            continue
    return found


def read(folder: Path, query: str) -> list[tuple[int, int]]:
    connection = sqlite3.connect(folder / "data" / "hostcue.db")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()
