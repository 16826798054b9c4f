"""The founding document's quick start, its lines as written but for the port."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import AsyncIterator

import anyio
import pytest
from server_process import Serve

from hostcue.sim.room import PretendRoom

pytestmark = pytest.mark.slow

START = """curl -X POST http://127.0.0.1:10090/api/recording/start \\
  -H 'Content-Type: application/json' \\
  -d '{"live_url":"https://live.douyin.com/XXXXXXXX","segment_time":300}'"""
EVENTS = "curl -N http://127.0.0.1:10090/api/recording/events"
TIPS = "curl http://127.0.0.1:10090/api/analysis/tips/latest?limit=5"
PAGE = "curl http://127.0.0.1:10090/static/douyin_test.html"


@pytest.fixture
async def documents_room() -> AsyncIterator[PretendRoom]:
    async with PretendRoom.open(live_id="XXXXXXXX") as room:
        yield room


async def test_the_four_lines_work_against_a_server_without_a_token(
    serve: Serve, documents_room: PretendRoom
) -> None:
    if shutil.which("curl") is None:
        if os.environ.get("HOSTCUE_REQUIRE_ALL"):
            pytest.fail("curl is missing")
        pytest.skip("curl is missing")
    async with serve(documents_room.environment(), fresh=True) as server:
        here = server.url.removeprefix("http://")

        async def run(line: str) -> str:
            with anyio.fail_after(60):
                ended = await anyio.run_process(
                    ["bash", "-c", line.replace("127.0.0.1:10090", here)],
                    env={"PATH": os.environ["PATH"], "HOME": "/", "NO_PROXY": "*"},
                    check=False,
                )
            return ended.stdout.decode()

        assert "live_id" in await run(PAGE)
        started = json.loads(await run(START))
        assert set(started) >= {"recording_id", "output"}
        status = await server.get("/api/recording/status", recording_id=started["recording_id"])
        assert isinstance(status, dict)
        assert (status["state"], status["segment_time"]) == ("recording", 300)
        heard = await run(f"head -n 1 < <({EVENTS} 2>/dev/null)")
        assert heard.startswith(": connected")
        assert json.loads(await run(TIPS)) == []
        await server.post("/api/recording/stop", {"recording_id": started["recording_id"]})
        assert len(json.loads(await run(TIPS))) in {0, 3, 4, 5}
