"""CPU time and memory of running processes, read from outside through Linux's `/proc`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import anyio

_PROC = Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    """A process as it was when looked at; `cpu_s` holds that of its children that ended."""

    pid: int
    parent: int
    command: str
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Usage:
    """What some processes used over a time: percent of one core, and memory at its end.

    PSS shares each page between the processes that map it, so it may be added up.
    """

    cpu_percent: float
    pss_mib: float

    def share(self, of: int) -> Usage:
        """What each of so many used."""
        return Usage(self.cpu_percent / of, self.pss_mib / of)


def family(pid: int) -> list[Process]:
    """A process and all its descendants."""
    running = _running()
    found = [process for process in running if process.pid == pid]
    for process in found:  # grows while it is walked
        found += [child for child in running if child.parent == process.pid]
    return found


def workers(server: int) -> list[Process]:
    """What the server's helper forked: one process per room."""
    helper, *rest = family(server)[1:]
    return [process for process in rest if process.parent == helper.pid]


def open_files(processes: Iterable[Process]) -> int:
    """How many file handles they hold, all together; who has ended meanwhile holds none."""
    held = 0
    for process in processes:
        with suppress(OSError):
            held += len(list((_PROC / str(process.pid) / "fd").iterdir()))
    return held


def _running() -> list[Process]:
    entries = (_read(entry) for entry in _PROC.iterdir() if entry.name.isdigit())
    return [process for process in entries if process is not None]


def _read(entry: Path) -> Process | None:
    """None when it has ended meanwhile."""
    try:
        # The name may hold anything, closing brackets too; the numbers come after the last one.
        numbers = (entry / "stat").read_text(encoding="latin-1").rpartition(")")[2].split()
        command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return None
    ticks = sum(map(int, numbers[11:15]))  # utime, stime, cutime, cstime
    return Process(int(entry.name), int(numbers[1]), command.strip(), ticks / _TICKS_PER_S)


def pss_mib(processes: Iterable[Process]) -> float:
    """Proportional set size of them all."""
    return sum(_pss_kib(process.pid) for process in processes) / 1024


def _pss_kib(pid: int) -> int:
    with suppress(OSError):  # it has ended meanwhile
        for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


async def watch(*groups: Callable[[], Collection[Process]], for_s: float) -> list[Usage]:
    """What each group of processes uses over the next seconds; groups are looked up twice."""
    before = [_cpu_s(group()) for group in groups]
    began_s = time.monotonic()
    await anyio.sleep(for_s)
    after = [_cpu_s(group()) for group in groups]
    took_s = time.monotonic() - began_s
    return [
        Usage(100 * (then_s - first_s) / took_s, pss_mib(group()))
        for group, first_s, then_s in zip(groups, before, after, strict=True)
    ]


def _cpu_s(processes: Iterable[Process]) -> float:
    return sum(process.cpu_s for process in processes)
