"""Run as a program: a server with speech workers, whose process numbers it tells, until it ends."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
from speech_house import FAST, model_files
from tone_speech import as_pcm, build_tone_model, say

from hostcue import log
from hostcue.speech.engine import SpeechEngine


async def serve(folder: Path) -> None:
    files = model_files(build_tone_model(folder))
    async with SpeechEngine.open(lambda: files) as engine:
        await engine.transcribe(as_pcm(say("你")), language="zh", urgency="live")
        await engine.open_ear(FAST, 0)
        print(*engine.status.pids, flush=True)  # noqa: T201 - so it tells
        await anyio.sleep_forever()


if __name__ == "__main__":
    log.setup()
    anyio.run(serve, Path(sys.argv[1]))
