"""Pretend rooms whose hosts say the same, each at another moment: `python -m ... FILE.npy ROOMS`.

Prints one line of JSON: each room's address, what of the sound was live at which moment of the wall
clock, and how long it is; until SIGTERM.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import numpy as np
from anyio.streams.buffered import BufferedByteReceiveStream

from benchmarks.scene import first_line, started
from hostcue.model.clock import now_ms
from hostcue.model.sound import SAMPLE_HZ
from hostcue.sim.flv import LiveFlv
from hostcue.sim.media import Clip, make_clip

_KEY_MS = 1000  # a key frame each second: there another room may begin


@dataclass(frozen=True, slots=True)
class TalkingRoom:
    """A stream; at `at_ms` of the wall clock, `position_ms` of the sound was live."""

    url: str
    at_ms: float
    position_ms: float
    length_ms: int

    def next_ms(self, moment_ms: float, *, after_ms: float) -> float:
        """When a moment of the sound is live, for the first time after another."""
        first_ms = self.at_ms + moment_ms - self.position_ms
        return after_ms + (first_ms - after_ms) % self.length_ms


@asynccontextmanager
async def talking_rooms(sound: Path, count: int) -> AsyncIterator[list[TalkingRoom]]:
    """So many rooms in a process of their own."""
    command = [sys.executable, "-m", "benchmarks.speech_rooms", str(sound), str(count)]
    async with started(command, environment={}, cwd=Path(__file__).parents[1]) as process:
        if process.stdout is None:
            raise TypeError("the process was started without pipes")
        told = await first_line(BufferedByteReceiveStream(process.stdout), b"[")
        yield [TalkingRoom(**room) for room in json.loads(told)]


def _later(clip: Clip, by_ms: int) -> Clip:
    """The same clip, beginning somewhere else; where it begins there must be a key frame."""
    tags = [replace(tag, at_ms=(tag.at_ms - by_ms) % clip.duration_ms) for tag in clip.tags]
    tags.sort(key=lambda tag: tag.at_ms)  # stable: of one moment, the picture comes first
    return replace(clip, tags=tuple(tags))


async def _run(sound: Path, count: int) -> None:
    samples = np.load(sound)
    seconds = len(samples) // SAMPLE_HZ
    clip = make_clip(
        seconds=seconds, width=96, height=160, fps=5, sound=samples, sound_hz=SAMPLE_HZ
    )
    async with AsyncExitStack() as stack:
        signals = stack.enter_context(anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM))
        rooms = []
        for number in range(count):
            later_ms = number * clip.duration_ms // count // _KEY_MS * _KEY_MS
            flv = await stack.enter_async_context(LiveFlv.open(_later(clip, later_ms)))
            rooms.append((flv, later_ms))
        facts = [
            {
                "url": flv.url,
                "at_ms": now_ms(),
                "position_ms": flv.position_ms() + later_ms,
                "length_ms": clip.duration_ms,
            }
            for flv, later_ms in rooms
        ]
        sys.stdout.write(json.dumps(facts) + "\n")
        sys.stdout.flush()
        async for _ in signals:
            return


if __name__ == "__main__":
    anyio.run(_run, Path(sys.argv[1]), int(sys.argv[2]))
