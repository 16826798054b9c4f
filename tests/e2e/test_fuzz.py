"""schemathesis against the running server: whatever is sent, the answers are those described."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
import pytest
from server_process import Serve

from hostcue.sim.room import PretendRoom

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,response_headers_conformance,ignored_auth,unsupported_method"
)


@pytest.mark.slow
async def test_no_request_makes_the_server_fail_or_answer_otherwise_than_described(
    serve: Serve, room: PretendRoom, tmp_path: Path
) -> None:
    token = "fuzz-token"
    async with serve(room.environment(), token=token) as server:
        await server.record(room.link)
        with anyio.fail_after(150):
            run = await anyio.run_process(
                [
                    str(Path(sys.executable).with_name("schemathesis")),
                    "--no-color",
                    "run",
                    f"{server.url}/openapi.json",
                    f"--header=Authorization: Bearer {token}",
                    f"--checks={CHECKS}",
                    "--phases=examples,coverage,fuzzing",
                    "--max-examples=8",
                    "--exclude-path-regex=(events|stream|logout)$",  # streams do not end
                    "--generation-database=none",
                    "--warnings=off",
                    "--max-time=60",
                ],
                cwd=tmp_path,
                env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONUTF8": "1"},
                check=False,
            )
    assert run.returncode == 0, run.stdout.decode()[-6000:]
