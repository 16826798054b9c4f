"""A process that is killed after the model answered and before the lines are stored."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import anyio

from hostcue.jobs.engine import Jobs


class Steps:
    def __init__(self, journal: Path) -> None:
        self._journal = journal

    async def ask(self, recording_id: str, seq: int, run: int) -> dict[str, object]:
        with self._journal.open("a") as journal:
            journal.write(f"ask {recording_id} {seq} {run}\n")
        return {"text": "paid for"}

    async def save(self, recording_id: str, seq: int, run: int, answer: dict[str, object]) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


async def main() -> None:
    database, journal = map(Path, sys.stdin.read().splitlines())
    async with Jobs.open(database, Steps(journal)) as jobs:
        await jobs.analyse("rec", 7)
        await jobs.idle()


anyio.run(main)
