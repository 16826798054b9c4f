"""`python -m benchmarks` as a user runs it, with as little to measure as possible."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest
from dirty_equals import IsInstance, IsNumber, IsOneOf, IsPartialDict, IsStr

ROOT = Path(__file__).parents[2]
SMALL = "--width 96 --height 160 --fps 10 --kbps 200 --segments 1 --settle-s 0.2 --watch-s 0.2"
DEAD_PROXY = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy"), "http://127.0.0.1:9")


COMMAND = [sys.executable, "-W", "error", "-m", "benchmarks"]


async def run(arguments: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    with anyio.fail_after(90):
        return await anyio.run_process(
            [*COMMAND, *arguments], cwd=ROOT, env={**os.environ, **DEAD_PROXY}, check=False
        )


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="figures come from /proc")
async def test_path_prints_one_object_in_the_common_format_and_its_progress_beside_it() -> None:
    done = await run(["path", "--json", *SMALL.split()])

    assert done.returncode == 0, done.stderr.decode()
    assert b"run 1 of 1" in done.stderr
    found = json.loads(done.stdout)
    assert found == {
        "name": "path",
        "date": IsStr(regex=r"\d{4}-\d{2}-\d{2}"),
        "machine": {"cpu": IsStr(min_length=1), "cores": os.cpu_count()},
        "options": IsPartialDict(runs=1, rooms=1, segments=1, width=96),
        "results": IsInstance(list),
    }
    for result in found["results"]:
        peer = result.pop("peer", None)
        assert peer in (None, {"name": IsStr(regex="ffmpeg .*"), "value": IsNumber(ge=0)})
        assert result == {
            "metric": IsStr(regex="[a-z_]+"),
            "at": IsInstance(dict),
            "value": IsNumber(ge=0),
            "unit": IsOneOf("ms", "s", "%", "MiB"),
            "better": "lower",
            "goal": IsOneOf(None, IsNumber(gt=0)),
            "ok": None if result["goal"] is None else result["value"] <= result["goal"],
        }
    assert {result["metric"] for result in found["results"]} >= {
        "closed_to_event_ms",
        "closed_to_tips_minus_model_s",
        "rest_mib",
        "rest_cpu_percent",
        "recording_cpu_percent",
        "recording_pss_mib",
    }


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
async def test_a_benchmark_that_is_stopped_leaves_no_process_behind() -> None:
    command = [*COMMAND, "path", *SMALL.split()]
    async with await anyio.open_process(command, cwd=ROOT) as process:
        said = b""
        with anyio.fail_after(60):
            while b"at rest" not in said and process.stderr is not None:
                said += await process.stderr.receive()
        started = children(process.pid)
        process.terminate()
        with anyio.fail_after(20):
            await process.wait()

    assert len(started) == 2  # the room and the server
    assert process.returncode == 1
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []


async def test_without_a_name_the_benchmarks_are_listed() -> None:
    done = await run([])

    assert done.returncode == 0
    assert b"path" in done.stdout


async def test_a_number_that_makes_no_sense_is_refused_by_name() -> None:
    done = await run(["path", "--runs", "0"])

    assert done.returncode == 2
    assert b"--runs: must be above 0" in done.stderr
