"""A whole file through `hostcue transcribe`: CPU time and memory of it and of what it starts."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import anyio
import anyio.to_thread
from anyio.abc import Process

from benchmarks.benchmark import progress
from benchmarks.processes import family, pss_mib
from benchmarks.report import Result
from benchmarks.scene import drain, started
from benchmarks.speech_sound import Voice, as_file, speak

_LOOK_S = 0.25
_GOAL_IS_FOR_S = 300


async def reading(voice: Voice, model: Path, folder: Path, seconds: int) -> list[Result]:
    """A file of sentences, from its beginning to its end."""
    progress(f"{seconds} s of a file")
    spoken = await anyio.to_thread.run_sync(speak, voice, seconds)
    path = as_file(spoken.samples, folder / "file.wav")
    said = folder / "said.txt"
    command = [sys.executable, "-m", "hostcue", "transcribe", str(path), "--model", str(model)]
    environment = {"HOSTCUE_DATA_DIR": str(folder / "offline")}
    before_s, began_s = _ended_s(), time.monotonic()
    whole = [*command, "--output", str(said)]
    async with started(whole, environment=environment, cwd=folder) as process:
        most_mib = await _highest(process)
    took_s = time.monotonic() - began_s
    if process.returncode:
        raise RuntimeError(f"hostcue transcribe ended with {process.returncode}")
    at: dict[str, str | int] = {"seconds": seconds}
    cpu_s = _ended_s() - before_s
    goal = 25 if seconds == _GOAL_IS_FOR_S else None
    speech_ms = sum(end - start for start, end in spoken.sentences)
    lines = said.read_text(encoding="utf-8").count("\n")
    return [
        Result(f"offline_{seconds}s_cpu_s", cpu_s, "s", at, goal),
        Result("offline_memory_mib", most_mib, "MiB", at, 650),
        Result("offline_took_s", took_s, "s", at),
        Result("offline_lines", lines, "", at, better="higher"),
        Result("offline_speech_percent", speech_ms / seconds / 10, "%", at, better="higher"),
    ]


async def _highest(process: Process) -> float:
    """The most memory that it and what it started had at a time, until it ended."""
    most_mib = 0.0
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(drain, process.stdout)
        tasks.start_soon(drain, process.stderr)
        while process.returncode is None:
            most_mib = max(most_mib, pss_mib(family(process.pid)))
            with anyio.move_on_after(_LOOK_S):
                await process.wait()
    return most_mib


def _ended_s() -> float:
    """CPU time of what was started here and has ended, and of what that had started."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
