"""What ffmpeg, which shares no code with us but libav, makes of a stream; if it is here."""

from __future__ import annotations

import os
import shutil

import anyio
import pytest


async def decoded_frames(url: str, count: int, *options: str) -> int:
    """How many of the next `count` frames of the picture ffmpeg decodes without an error.

    Skips the test where there is no ffmpeg, and fails it instead with HOSTCUE_REQUIRE_ALL=1.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        if os.environ.get("HOSTCUE_REQUIRE_ALL") == "1":
            pytest.fail("no ffmpeg here, and HOSTCUE_REQUIRE_ALL=1")
        pytest.skip("no ffmpeg here")
    line = [program, "-nostdin", "-v", "error", "-xerror", *options, "-i", url]
    line += ["-map", "0:v:0", "-frames:v", str(count), "-f", "framemd5", "-"]
    with anyio.fail_after(30):
        done = await anyio.run_process(line)
    return sum(not text.startswith("#") for text in done.stdout.decode().splitlines())
