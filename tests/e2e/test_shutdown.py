"""Stopping: quickly, with everything closed and announced."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import anyio
import pytest
from server_process import Serve, Server

from hostcue.sim.room import PretendRoom

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[2] / "examples" / "existing_backend"
UVICORN = [sys.executable, "-m", "uvicorn", "server.app.main:app", "--port", "0"]


async def stops_well(server: Server, room: PretendRoom) -> None:
    """Two clients listen; the last segment reaches them before the streams end."""
    async with server.stream() as events, server.stream("/api/douyin/web/stream") as comments:
        await server.record(room.link, segment_time=60)
        await events.wait_for("recording_state", state="recording")
        await comments.wait("chat")
        took = await server.terminate()
        assert took < 15, "five on a machine that has nothing else to do"
        with anyio.fail_after(30):
            await events.ended.wait()
            await comments.ended.wait()
        last = events.of("segment_ready")
        assert len(last) == 1
        assert Path(str(last[0]["path"])).is_file()


async def test_serve_stops_within_five_seconds_of_sigterm(
    serve: Serve, room: PretendRoom, tmp_path: Path
) -> None:
    async with serve(room.environment()) as server:
        await stops_well(server, room)
        assert server.process.returncode == 0
    assert not list(tmp_path.rglob("*.part"))


async def test_the_example_starts_with_the_documents_command_and_stops_as_fast(
    serve: Serve, room: PretendRoom
) -> None:
    async with serve(room.environment(), command=UVICORN, cwd=EXAMPLE) as server:
        own = await server.get("/api/shop/hello")
        assert own == {"shop": "existing backend"}
        await stops_well(server, room)


async def test_a_stopped_server_goes_on_where_it_was_when_it_comes_back(
    serve: Serve, room: PretendRoom
) -> None:
    async with serve(room.environment()) as server, server.stream() as events:
        recording_id = await server.record(room.link)
        await events.wait("segment_ready")
        await server.terminate()
        seen = len(events.of("segment_ready"))
    room.flv.burst(0)  # else the past that a viewer is greeted with may leave nothing missing
    async with serve(room.environment()) as server, server.stream() as events:
        segment = (await events.wait("segment_ready"))[0]
        assert segment["recording_id"] == recording_id
        assert int(str(segment["seq"])) >= seen
        status = await server.get("/api/recording/status", recording_id=recording_id)
        assert isinstance(status, dict)
        assert status["gaps"][0]["cause"] == "restart"


async def test_a_code_change_reloads_although_clients_listen(
    serve: Serve, room: PretendRoom, tmp_path: Path
) -> None:
    place = tmp_path / "backend"
    shutil.copytree(EXAMPLE, place)
    async with serve(
        room.environment() | {"PYTHONDONTWRITEBYTECODE": "1"},
        command=[*UVICORN[:-1], str(free_port()), "--reload"],
        cwd=place,
    ) as server:
        with anyio.fail_after(30):
            while (await answers(server)) != "existing backend":
                await anyio.lowlevel.checkpoint()
        async with server.stream() as events, server.stream("/api/douyin/web/stream"):
            main = place / "server" / "app" / "main.py"
            main.write_text(main.read_text().replace("existing backend", "reloaded backend"))
            os.utime(main)
            with anyio.fail_after(30):
                await events.ended.wait()
        with anyio.fail_after(30):
            while (await answers(server)) != "reloaded backend":
                await anyio.lowlevel.checkpoint()


async def answers(server: Server) -> str | None:
    import httpx2

    try:
        answer = await server.http.get("/api/shop/hello")
    except httpx2.TransportError:
        return None
    return str(answer.json()["shop"])


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
