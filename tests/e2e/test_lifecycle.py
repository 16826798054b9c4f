"""Starts, stops and restarts that cross each other."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import anyio
import pytest
from server_process import Serve, Server

from hostcue.sim.flv import LiveFlv
from hostcue.sim.room import PretendRoom

pytestmark = pytest.mark.slow


async def states(server: Server) -> dict[str, str]:
    found = await server.get("/api/recording/status")
    assert isinstance(found, list)
    return {item["recording_id"]: item["state"] for item in found}


async def killed_while_recording(serve: Serve, room: PretendRoom) -> str:
    async with serve(room.environment()) as server, server.stream() as events:
        recording_id = await server.record(room.link, segment_time=60)
        await events.wait_for("recording_state", state="recording")
        await server.kill()
    return recording_id


async def test_a_start_while_the_room_is_being_stopped_begins_a_new_recording(
    serve: Serve, room: PretendRoom
) -> None:
    async with serve(room.environment()) as server:
        first = await server.record(room.link, segment_time=60)
        second: list[str] = []

        async def start_again() -> None:
            second.append(await server.record(room.link, segment_time=60))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.post, "/api/recording/stop", {"recording_id": first})
            tasks.start_soon(start_again)
        now = await states(server)
        assert second[0] == first or now == {first: "stopped", second[0]: "recording"}


async def test_a_recording_can_be_stopped_while_a_restart_takes_it_up(
    serve: Serve, room: PretendRoom
) -> None:
    recording_id = await killed_while_recording(serve, room)
    async with serve(room.environment()) as server:
        stopped = await server.post("/api/recording/stop", {"recording_id": recording_id})
        assert stopped["state"] == "stopped"
        assert await states(server) == {recording_id: "stopped"}
    async with serve(room.environment()) as server:
        assert await states(server) == {recording_id: "stopped"}
    assert room.flv.viewers == 0


async def test_the_same_room_started_while_it_is_taken_up_is_one_recording(
    serve: Serve, room: PretendRoom
) -> None:
    recording_id = await killed_while_recording(serve, room)
    async with serve(room.environment()) as server:
        assert await server.record(room.link) == recording_id


async def test_rooms_of_one_name_that_start_at_once_share_no_folder_and_keep_the_limit(
    serve: Serve, room: PretendRoom
) -> None:
    async with (
        LiveFlv.open() as one,
        LiveFlv.open() as two,
        LiveFlv.open() as three,
        serve(room.environment() | {"HOSTCUE_MAX_RECORDINGS": "2"}) as server,
    ):
        answers: list[tuple[int, str]] = []

        async def start(url: str) -> None:
            answer = await server.http.post(
                "/api/recording/start", json={"live_url": url, "anchor_name": "same"}
            )
            answers.append((answer.status_code, answer.json().get("output", "")))

        async with anyio.create_task_group() as tasks:
            for flv in (one, two, three):
                tasks.start_soon(start, flv.url)
        assert sorted(status for status, _ in answers) == [200, 200, 429]
        assert len({output for status, output in answers if status == 200}) == 2


async def test_after_the_key_file_is_lost_the_server_starts_and_says_what_it_cannot_go_on_with(
    serve: Serve, room: PretendRoom, tmp_path: Path
) -> None:
    async with serve(room.environment()) as server:
        recording_id = await server.record(room.link)
        await server.terminate()
    key = tmp_path / "data" / "secret.key"
    right_key = key.read_bytes()
    key.unlink()
    async with serve(room.environment()) as server:
        status = await server.get("/api/recording/status", recording_id=recording_id)
        assert isinstance(status, dict)
        assert (status["state"], status["reason"]) == ("failed", "link_lost")
        notices = await server.get("/api/notices")
        assert isinstance(notices, list)
        told = {notice["code"]: notice for notice in notices}["recording_failed"]
        assert "HOSTCUE_SECRET_KEY" in told["remedy"]
        await server.terminate()
    key.write_bytes(right_key)
    async with serve(room.environment()) as server, server.stream() as events:
        await events.wait_for("recording_state", recording_id=recording_id, state="recording")


async def test_the_bytes_of_a_recording_are_counted_once_also_in_a_gap(
    serve: Serve, room: PretendRoom
) -> None:
    async with serve(room.environment()) as server, server.stream() as events:
        recording_id = await server.record(room.link)
        await events.wait("segment_ready")
        room.flv.refuse(503)
        room.flv.drop_line()
        await events.wait("gap_opened")
        status = await server.get("/api/recording/status", recording_id=recording_id)
        segments = await server.get("/api/recording/segments", recording_id=recording_id)
        assert isinstance(status, dict)
        assert isinstance(segments, list)
        assert status["bytes"] == sum(segment["bytes"] for segment in segments)
        assert status["bitrate"] is None


async def test_a_streams_room_is_looked_up_before_the_answer_and_followed_into_the_next_broadcast(
    serve: Serve, room: PretendRoom
) -> None:
    live_id = room.douyin.live_id
    async with serve(room.environment()) as server:
        path = f"/api/douyin/web/stream?live_id={live_id}"
        assert (await server.http.get(path)).status_code == 404
        await server.post("/api/douyin/web/start", {"live_id": live_id})
        async with server.stream(path) as events:
            await events.wait("chat")
            room.douyin.go_offline()
            room.douyin.go_live("7999999999999999999")
            room.douyin.drop_line()
            await events.wait_for("status", state="ended")
            await server.post("/api/douyin/web/start", {"live_id": live_id})
            await events.wait_for("chat", room_id="7999999999999999999")


async def test_a_large_batch_of_comments_cuts_off_no_listener(
    serve: Serve, room: PretendRoom
) -> None:
    batch = [{"id": str(n), "content": f"第{n}条", "ts": 1000 + n} for n in range(3000)]
    async with serve(room.environment()) as server, server.stream("/api/douyin/web/stream") as all_:
        answer = await server.post(
            "/api/comments/ingest", {"platform": "own", "room_id": "r", "comments": batch}
        )
        assert answer == {"accepted": 3000, "duplicates": 0}
        await all_.wait("chat", 3000)
        assert all_.of("lag") == []
        again = await server.post(
            "/api/comments/ingest", {"platform": "own", "room_id": "r", "comments": batch[:10]}
        )
        assert again == {"accepted": 0, "duplicates": 10}


async def test_a_client_that_reads_nothing_does_not_hold_the_server(
    serve: Serve, room: PretendRoom
) -> None:
    host, port = "127.0.0.1", 0
    async with serve(room.environment()) as server:
        port = int(server.url.rsplit(":", 1)[1])
        async with await anyio.connect_tcp(host, port) as deaf:
            await deaf.send(b"GET /api/douyin/web/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            await deaf.receive(100)
            batch = [{"id": str(n), "content": "长" * 1500, "ts": n} for n in range(3000)]
            for begin in range(0, 3000, 1000):
                part = batch[begin : begin + 1000]
                await server.post(
                    "/api/comments/ingest", {"platform": "o", "room_id": "r", "comments": part}
                )
            await server.terminate()


async def test_an_open_comment_gap_ends_with_the_collection(
    serve: Serve, room: PretendRoom, tmp_path: Path
) -> None:
    async with (
        serve(room.environment()) as server,
        server.stream("/api/douyin/web/stream") as events,
    ):
        await server.post("/api/douyin/web/start", {"live_id": room.douyin.live_id})
        await events.wait("chat")
        room.douyin.block_signature(True)
        room.douyin.drop_line()
        await events.wait("gap")
        await server.post("/api/douyin/web/stop", {"live_id": room.douyin.live_id})
    connection = sqlite3.connect(tmp_path / "data" / "hostcue.db")
    rows = connection.execute("SELECT end_ts FROM gaps").fetchall()
    connection.close()
    assert rows
    assert all(end is not None for (end,) in rows)
