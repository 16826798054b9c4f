"""A speech engine over the tone model, and what happens to its processes."""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from pathlib import Path

import anyio
from tone_speech import ToneFiles

from hostcue.model.speech import SegmenterRules
from hostcue.speech.engine import SpeechEngine
from hostcue.speech.presets import PRESETS
from hostcue.speech.shelf import ModelFiles

FAST: SegmenterRules = PRESETS["fast"].segmenter


def model_files(tones: ToneFiles, family: str = "sensevoice") -> ModelFiles:
    return ModelFiles("tones", family, tones.model, tones.tokens, tones.vad)


class Processes:
    """Those that an engine has now; they can be watched after their end, too."""

    def __init__(self, *pids: int) -> None:
        self._watched = {pid: os.pidfd_open(pid) for pid in pids}

    def signal(self, number: signal.Signals) -> None:
        for pid in self._watched:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    @property
    def left(self) -> list[int]:
        """Those that still run."""
        ended = select.select(list(self._watched.values()), [], [], 0)[0]
        return [pid for pid, watch in self._watched.items() if watch not in ended]

    async def ended(self, within_s: float = 60) -> None:
        with anyio.fail_after(within_s):
            for watch in self._watched.values():
                await anyio.wait_readable(watch)

    def close(self) -> None:
        for watch in self._watched.values():
            os.close(watch)


def processes_of(engine: SpeechEngine) -> Processes:
    return Processes(*engine.status.pids)


def cut_short(path: Path) -> None:
    """As a download that broke off leaves it."""
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
