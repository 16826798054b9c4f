"""A name server that does not answer costs no more than the rooms that need it."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from server_process import Serve

from hostcue.sim.room import PretendRoom

pytestmark = pytest.mark.slow

# the process's own resolver, as it is while no name server answers
SILENT = """
import socket, time
answered = socket.getaddrinfo
def getaddrinfo(host, *more, **options):
    if "huya" in str(host):
        time.sleep(60)
    return answered(host, *more, **options)
socket.getaddrinfo = getaddrinfo
"""


async def test_rooms_that_can_be_reached_are_recorded_and_the_server_stops_in_time(
    serve: Serve, room: PretendRoom, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SILENT)
    no_proxy = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy"), "")
    environment = room.environment() | no_proxy | {"PYTHONPATH": str(tmp_path)}
    async with serve(environment) as server, server.stream() as events:
        async with anyio.create_task_group() as tasks:

            async def watch(link: str) -> None:
                await server.post("/api/recording/start", {"live_url": link, "monitor": True})

            for number in range(40):
                tasks.start_soon(watch, f"https://www.huya.com/{number}")
            await server.record(room.link)
            await events.wait("segment_ready")
            tasks.cancel_scope.cancel()
        assert await server.terminate() < 30, "half of what a look-up takes"
