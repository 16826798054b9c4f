"""The disk fills up: recording pauses, says so, and goes on when there is space again."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from pathlib import Path
from typing import cast

import anyio
import av
import pytest
from server_process import Serve, Server, Stream
from small_disk import MIB, Disk, small_disk

from hostcue.sim.flv import LiveFlv
from hostcue.sim.room import PretendRoom

pytestmark = pytest.mark.slow

Json = dict[str, object]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk", 96) as opened:
        yield opened


@pytest.fixture
async def flv() -> AsyncIterator[LiveFlv]:
    async with LiveFlv.open() as opened:
        yield opened


def onto(disk: Disk, room: PretendRoom, *, hold_s: float = 0.3) -> dict[str, str]:
    """Recordings go to the disk, which 50 MiB of ballast fill and emptying makes good again."""
    free = disk.free_bytes
    return room.environment() | {
        "RECORDS_ROOT": str(disk.folder / "records"),
        "HOSTCUE_MIN_FREE_BYTES": str(free - 40 * MIB),
        "HOSTCUE_RESUME_FREE_BYTES": str(free - 20 * MIB),
        "HOSTCUE_DISK_HOLD_S": str(hold_s),
    }


async def status_of(server: Server, recording_id: str) -> Json:
    return cast("Json", await server.get("/api/recording/status", recording_id=recording_id))


async def assert_nothing_is_corrupt(server: Server, recording_id: str) -> list[Json]:
    """Every segment decodes to where it was torn, if it was, and windows do not overlap."""
    rows = cast(
        "list[Json]", await server.get("/api/recording/segments", recording_id=recording_id)
    )
    seqs = [cast("int", row["seq"]) for row in rows]
    assert seqs == sorted(set(seqs))
    for row in rows:
        with av.open(str(row["path"])) as media:
            packets = (packet for packet in media.demux(video=0) if not packet.is_corrupt)
            pictures = sum(len(packet.decode()) for packet in packets)
        expected = cast("int", row["duration_ms"]) * cast("float", row["fps"]) / 1000
        assert abs(pictures - expected) <= 2, row
    for one, after in pairwise(rows):
        assert cast("int", one["end_ts"]) <= cast("int", after["start_ts"])
    return rows


async def assert_start_is_refused(server: Server, link: str) -> None:
    refused = await server.http.post("/api/recording/start", json={"live_url": link})
    assert (refused.status_code, refused.json()["error"]["code"]) == (507, "disk_full")


def only(events: Stream, kind: str) -> Json:
    (event,) = events.of(kind)
    return event


async def test_crossing_the_line_pauses_every_room_and_space_resumes_them(
    serve: Serve, room: PretendRoom, disk: Disk, flv: LiveFlv
) -> None:
    for stream in (room.flv, flv):
        stream.burst(0)  # else a short pause is made good by the past that a viewer is greeted with
    async with serve(onto(disk, room, hold_s=3)) as server, server.stream() as events:
        first, second = await server.record(room.link), await server.record(flv.url)
        async with server.stream(f"/api/recording/events?recording_id={second}") as narrow:
            for recording_id in (first, second):
                await events.wait_for("segment_ready", recording_id=recording_id, seq=0)
            disk.fill(50 * MIB)
            await events.wait("disk_paused")
            for recording_id in (first, second):
                await events.wait_for(
                    "recording_state", recording_id=recording_id, state="paused_disk"
                )
                status = await status_of(server, recording_id)
                assert (status["state"], status["reason"]) == ("paused_disk", "no_space")
                assert status["hours_left"] == 0
            async with LiveFlv.open() as third:
                await assert_start_is_refused(server, third.url)
            notices = cast("list[Json]", await server.get("/api/notices"))
            assert "disk_paused" in [notice["code"] for notice in notices]
            disk.make_room()
            await events.wait("disk_resumed")
            for recording_id in (first, second):
                gap = await events.wait_for("gap_closed", recording_id=recording_id, cause="disk")
                assert cast("int", gap["end_ts"]) > cast("int", gap["start_ts"])
                status = await status_of(server, recording_id)
                assert (status["state"], status["gap_count"]) == ("recording", 1)
            assert only(events, "disk_paused")["reason"] == "no_space"
            only(events, "disk_resumed")
            assert [e["type"] for e in narrow.events if str(e["type"]).startswith("disk_p")] == [
                "disk_paused"
            ]
        path = f"/api/recording/events?recording_id={second}"
        async with server.stream(path, last_event_id="0") as again:
            await again.wait("disk_resumed")
            only(again, "disk_paused")
        for recording_id in (first, second):
            await server.post("/api/recording/stop", {"recording_id": recording_id})
            assert len(await assert_nothing_is_corrupt(server, recording_id)) >= 2


async def test_a_pause_outlives_a_reconnect_and_a_restart_and_nothing_is_said_twice(
    serve: Serve, room: PretendRoom, disk: Disk, flv: LiveFlv
) -> None:
    environment = onto(disk, room)
    async with serve(environment) as server, server.stream() as events:
        first, second = await server.record(room.link), await server.record(flv.url)
        for recording_id in (first, second):
            await events.wait_for("segment_ready", recording_id=recording_id)
        flv.refuse(503)
        flv.drop_line()
        await events.wait_for("recording_state", recording_id=second, state="reconnecting")
        disk.fill(50 * MIB)
        for recording_id in (first, second):
            await events.wait_for("recording_state", recording_id=recording_id, state="paused_disk")
        await server.kill()
    seen = events.ids[-1]
    flv.refuse(None)
    async with serve(environment) as server, server.stream(last_event_id=seen) as events:
        for recording_id in (first, second):
            await events.wait_for("recording_state", recording_id=recording_id, state="paused_disk")
        with anyio.fail_after(30):
            stopped = await server.post("/api/recording/stop", {"recording_id": first})
        assert stopped["state"] == "stopped"
        assert all(gap["end_ts"] for gap in cast("list[Json]", stopped["gaps"]))
        await assert_start_is_refused(server, room.link)
        disk.make_room()
        await events.wait("disk_resumed")
        await events.wait_for("recording_state", recording_id=second, state="recording")
        assert not events.of("disk_paused")
        assert (await status_of(server, first))["state"] == "stopped"
        stopped = await server.post("/api/recording/stop", {"recording_id": second})
        assert all(gap["end_ts"] for gap in cast("list[Json]", stopped["gaps"]))
        for recording_id in (first, second):
            await assert_nothing_is_corrupt(server, recording_id)


async def test_a_disk_that_is_really_full_breaks_no_file(
    serve: Serve, room: PretendRoom, disk: Disk
) -> None:
    if not disk.own:
        pytest.skip("this machine lets nobody mount a file system")
    environment = onto(disk, room) | {
        "HOSTCUE_MIN_FREE_BYTES": "1",
        "HOSTCUE_RESUME_FREE_BYTES": "2",
    }
    async with serve(environment) as server, server.stream() as events:
        recording_id = await server.record(room.link)
        await events.wait("segment_ready")
        disk.fill(disk.free_bytes - MIB // 8)
        paused = (await events.wait("disk_paused"))[0]
        assert paused["reason"] == "write_failed"
        await events.wait_for("recording_state", state="paused_disk")
        disk.make_room()
        await events.wait("disk_resumed", within_s=30)
        ready = len(events.of("segment_ready"))
        await events.wait("segment_ready", ready + 1)
        await assert_nothing_is_corrupt(server, recording_id)
        only(events, "disk_paused")
        only(events, "disk_resumed")


def family(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += family(int(child))
    return found


def limit_files(server: Server, size_bytes: int) -> None:
    """No file of the workers may grow beyond that, none of the server's beyond 6 MiB: a quota."""
    own, *others = family(server.process.pid)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    endless = size_bytes == resource.RLIM_INFINITY
    for pid in others:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size_bytes, hard))
    resource.prlimit(own, resource.RLIMIT_FSIZE, (size_bytes if endless else 6 * MIB, hard))


@pytest.mark.skipif(sys.platform != "linux", reason="limits of other processes are Linux's")
async def test_a_write_that_fails_on_a_disk_with_space_pauses_until_one_works(
    serve: Serve, room: PretendRoom
) -> None:
    environment = room.environment() | {"HOSTCUE_DISK_HOLD_S": "0.5"}
    async with serve(environment) as server, server.stream() as events:
        recording_id = await server.record(room.link, segment_time=60)
        limit_files(server, 64 * 1024)
        paused = (await events.wait("disk_paused"))[0]
        assert paused["reason"] == "write_failed"
        await events.wait_for("recording_state", state="paused_disk")
        await events.wait("segment_ready")
        assert only(events, "segment_ready")["status"] != "deleted"
        limit_files(server, resource.RLIM_INFINITY)
        await events.wait("disk_resumed")
        await events.wait_for("gap_closed", cause="disk")
        await server.post("/api/recording/stop", {"recording_id": recording_id})
        rows = await assert_nothing_is_corrupt(server, recording_id)
        assert len(rows) == 2
        only(events, "disk_paused")


def age(folder: Path, days: int) -> None:
    """Make all segments so much older."""
    back_ms = days * 24 * 3600 * 1000
    with sqlite3.connect(folder / "data" / "hostcue.db") as database:
        database.execute(
            "UPDATE segment_index SET start_ts = start_ts - ?, end_ts = end_ts - ?",
            (back_ms, back_ms),
        )
    database.close()


async def test_old_recordings_go_when_the_operator_says_so_and_not_before(
    serve: Serve, room: PretendRoom, tmp_path: Path
) -> None:
    async with serve(room.environment()) as server, server.stream() as events:
        old = await server.record(room.link)
        await events.wait("tips_ready")
        await server.post("/api/recording/stop", {"recording_id": old})
        nothing = await server.post("/api/recording/cleanup", {"force": True})
        assert nothing["segments"] == 0
    age(tmp_path, 9)
    async with serve(room.environment() | {"HOSTCUE_KEEP_DAYS": "7"}) as server:
        async with server.stream() as events:
            pinned = await server.post("/api/recording/pin", {"recording_id": old, "pinned": True})
            assert pinned["pinned"] is True
            kept = await server.post("/api/recording/cleanup", {"force": True})
            assert kept["segments"] == 0
            assert cast("Json", kept["kept"])["pinned"]
            await server.post("/api/recording/pin", {"recording_id": old, "pinned": False})

            refused = await server.http.post("/api/recording/cleanup", json={})
            assert (refused.status_code, refused.json()["error"]["code"]) == (
                409,
                "cleanup_refused",
            )
            notices = cast("list[Json]", await server.get("/api/notices"))
            assert "cleanup_refused" in [notice["code"] for notice in notices]
            assert await run_clean(server, "--dry-run") == 0
            assert await run_clean(server) == 1
            disk = cast("Json", await server.get("/api/recording/disk"))
            assert cast("Json", disk["reclaimable"])["age"]
            assert not events.of("segment_deleted")
            assert await run_clean(server, "--force") == 0
            deleted = await events.wait("segment_deleted")
            assert deleted[0]["rule"] == "age"
        assert not list((tmp_path / "records").rglob("*.mp4"))
        rows = cast("list[Json]", await server.get("/api/recording/segments", recording_id=old))
        assert {row["status"] for row in rows} == {"deleted"}
        media = await server.http.get(f"/api/recording/segments/{old}/0/media")
        assert (media.status_code, media.json()["error"]["code"]) == (410, "file_deleted")
        assert await server.get("/api/analysis/tips/latest", recording_id=old)
        again = await server.http.post(
            "/api/analysis/segment", json={"recording_id": old, "seq": 0, "force": True}
        )
        assert again.status_code == 410
        status = await status_of(server, old)
        assert status["bytes"] == 0


async def run_clean(server: Server, *options: str) -> int:
    command = [sys.executable, "-m", "hostcue", "clean", "--server", server.url, *options]
    ran = await anyio.run_process(command, check=False, stderr=subprocess.STDOUT)
    assert ran.stdout
    return ran.returncode
