"""Other programs that do the same as hostcue, to compare with; absent ones are skipped."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from benchmarks.scene import started


@dataclass(frozen=True, slots=True)
class Ffmpeg:
    """The system's ffmpeg as a recorder."""

    program: str
    name: str

    @classmethod
    def find(cls) -> Self | None:
        """None when there is none."""
        program = shutil.which("ffmpeg")
        if program is None:
            return None
        told = subprocess.run([program, "-version"], capture_output=True, text=True, check=True)  # noqa: S603 - the system's own
        version = re.match(r"ffmpeg version ([\d.]+)", told.stdout)
        return cls(program, f"ffmpeg {version[1] if version else '?'} -c copy -f segment")

    @asynccontextmanager
    async def recording(self, url: str, into: Path) -> AsyncIterator[int]:
        """The popular recipe, hour-long segments into a pattern of names; gives the process id."""
        quiet = ["-nostdin", "-hide_banner", "-loglevel", "error"]
        cut = ["-f", "segment", "-segment_time", "3600", "-reset_timestamps", "1"]
        command = [self.program, *quiet, "-i", url, "-c", "copy", *cut, str(into)]
        async with started(command, environment={}) as process:
            yield process.pid
