"""schemathesis against the running server: whatever is sent, the answers are those described."""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

import anyio
import pytest
from server_process import Serve
from tone_speech import build_tone_model

from hostcue.sim.room import PretendRoom

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,response_headers_conformance,ignored_auth,unsupported_method"
)


STREAMS = "(events|stream|logout)$"
"""They do not end."""


@pytest.mark.slow
async def test_no_request_makes_the_server_fail_or_answer_otherwise_than_described(
    serve: Serve, room: PretendRoom, tmp_path: Path
) -> None:
    token = "fuzz-token"
    model = build_tone_model(tmp_path / "model").folder  # else listening is a 503, rightly
    settings = room.environment() | {"HOSTCUE_SPEECH_MODEL": str(model)}
    async with serve(settings, token=token) as server:
        await server.record(room.link)
        described = await server.http.get("/openapi.json")
        paths = sorted(path for path in described.json()["paths"] if not re.search(STREAMS, path))
        # all bounds of all fields take a minute: each time those of other paths, by the run's seed
        some = "|".join(map(re.escape, random.sample(paths, len(paths) // 3)))
        for options in (
            ("--phases=examples,fuzzing", "--max-examples=4"),
            ("--phases=coverage", f"--include-path-regex=^({some})$"),
        ):
            run = await anyio.run_process(
                [
                    str(Path(sys.executable).with_name("schemathesis")),
                    "--no-color",
                    "run",
                    f"{server.url}/openapi.json",
                    f"--header=Authorization: Bearer {token}",
                    f"--checks={CHECKS}",
                    f"--exclude-path-regex={STREAMS}",
                    "--generation-database=none",
                    "--warnings=off",
                    "--max-time=25",
                    *options,
                ],
                cwd=tmp_path,
                env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONUTF8": "1"},
                check=False,
            )
            assert run.returncode == 0, run.stdout.decode()[-6000:]
