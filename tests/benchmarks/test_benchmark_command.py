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
from dirty_equals import IsInstance, IsNumber, IsOneOf, IsStr

ROOT = Path(__file__).parents[2]
PICTURE = "--width 96 --height 160 --fps 10 --kbps 200"
DEAD_PROXY = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy"), "http://127.0.0.1:9")


COMMAND = [sys.executable, "-W", "error", "-m", "benchmarks"]


async def run(arguments: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    with anyio.fail_after(150):
        return await anyio.run_process(
            [*COMMAND, *arguments], cwd=ROOT, env={**os.environ, **DEAD_PROXY}, check=False
        )


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="figures come from /proc")
@pytest.mark.parametrize(
    ("name", "options", "metrics"),
    [
        (
            "path",
            f"{PICTURE} --segments 1 --settle-s 0.2 --watch-s 0.2",
            "closed_to_event_ms closed_to_tips_minus_model_s rest_mib rest_cpu_percent "
            "recording_cpu_percent recording_pss_mib",
        ),
        (
            "recording",
            f"{PICTURE} --rooms 1,2 --segments 2 --settle-s 0.2 --watch-s 0.2 --kill-after-s 2 "
            "--down-s 0.5 --calm-s 0.3",
            "cpu_percent_per_room pss_mib_per_room frames_lost_at_cuts kill9_seconds_lost "
            "stall_seen_s recording_again_s window_error_ms closed_to_event_ms",
        ),
        (
            "faults",
            "--segment-time 2 --calm-s 0.4 --stall-s 0.4 --pause-s 0.4 --outage-s 0.4 "
            "--trickle-s 0.4 --loop-s 16",
            "seconds_lost seconds_doubled frames_damaged window_error_ms",
        ),
        (
            "soak",
            "--minutes 0.05 --rooms 2 --calm-s 0.5 --segment-time 2 --sample-s 0.3 --loop-s 16",
            "coverage_percent coverage_told_error_percent memory_growth_percent "
            "file_handles_growth processes_growth window_error_ms rooms_recording",
        ),
        (
            "comments",
            "--frames 5 --store-s 0.4 --rows 12000 --comments 300 --clients 2 --events-per-s 20 "
            "--settle-s 0.1 --watch-s 0.3 --only decode store digest relay",
            "decode_chats_per_s_core rows_lost store_cpu_percent store_memory_growth_mib "
            "window_query_ms digest_ms sse_cpu_percent sse_events_per_s",
        ),
        (
            "speech",
            "--tones --rooms 1 --seconds 8 --settle-s 0.1 --file-s 12 --unbroken-s 12",
            "clipped_first_syllables longest_stretch_s ear_cpu_s_per_s offline_12s_cpu_s "
            "offline_memory_mib decode_cpu_s_per_s overhead_cpu_s_per_s dropped_s "
            "finals_missed recogniser_pss_mib ear_pss_mib server_growth_mib",
        ),
    ],
)
async def test_a_benchmark_prints_one_object_in_the_common_format_and_its_progress_beside_it(
    name: str, options: str, metrics: str
) -> None:
    done = await run([name, "--json", *options.split()])

    assert done.returncode == 0, done.stderr.decode()
    assert b"draw and encode" in done.stderr
    found = json.loads(done.stdout)
    assert found == {
        "name": name,
        "date": IsStr(regex=r"\d{4}-\d{2}-\d{2}"),
        "machine": {"cpu": IsStr(min_length=1), "cores": os.cpu_count()},
        "options": IsInstance(dict),
        "results": IsInstance(list),
    }
    for result in found["results"]:
        peer = result.pop("peer", None)
        assert peer in (
            None,
            {"name": IsStr(regex="(ffmpeg|betterproto|sherpa-onnx) .*"), "value": IsNumber(ge=0)},
        )
        goal, value = result["goal"], result["value"]
        met = goal is not None and (value <= goal if result["better"] == "lower" else value >= goal)
        assert result == {
            "metric": IsStr(regex="[a-z0-9_]+"),
            "at": IsInstance(dict),
            "value": IsNumber(),
            "unit": IsOneOf("ms", "s", "%", "MiB", "frames", ""),
            "better": IsOneOf("lower", "higher"),
            "goal": IsOneOf(None, IsNumber()),
            "ok": None if goal is None else met,
        }
    assert {result["metric"] for result in found["results"]} >= set(metrics.split())


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
async def test_a_benchmark_that_is_stopped_leaves_no_process_behind() -> None:
    command = [*COMMAND, "path", *PICTURE.split()]
    async with await anyio.open_process(command, cwd=ROOT) as process:
        said = b""
        with anyio.fail_after(60):
            while b"at rest" not in said and process.stderr is not None:
                said += await process.stderr.receive()
        started = children(process.pid)
        process.terminate()
        with anyio.fail_after(30):
            await process.wait()

    assert len(started) == 2  # the room and the server
    assert process.returncode == 1
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []


async def test_without_a_name_the_benchmarks_are_listed() -> None:
    done = await run([])

    assert done.returncode == 0
    for name in (b"path", b"recording", b"faults", b"soak", b"comments", b"speech"):
        assert name in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [["path", "--runs", "0"], ["recording", "--runs", "-1"], ["soak", "--minutes", "0"]],
)
async def test_a_number_that_makes_no_sense_is_refused_by_name(arguments: list[str]) -> None:
    done = await run(arguments)

    assert done.returncode == 2
    assert f"{arguments[1]}: must be above 0".encode() in done.stderr


async def test_numbers_of_rooms_are_given_with_commas() -> None:
    done = await run(["recording", "--rooms", "1,x"])

    assert done.returncode == 2
    assert b"--rooms" in done.stderr
