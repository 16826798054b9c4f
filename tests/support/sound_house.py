"""Who listens: a place for sound, what came there, and where in the sound of a clip it belongs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import numpy as np
from numpy.typing import NDArray

from hostcue.model.sound import SAMPLE_HZ, Sound, SoundPlace
from hostcue.recording.sound_inlet import SoundInlet
from hostcue.sim.media import Clip

Floats = NDArray[np.float32]
TORN_MS = 40.0
"""Less than that is a clock that learns."""


def sweep(seconds: float, *, hz: int = SAMPLE_HZ) -> Floats:
    """A tone that rises all the time: no moment of it sounds like another."""
    at_s = np.arange(int(seconds * hz)) / hz
    phase = 2 * np.pi * (300 * at_s + (3000 - 300) / seconds * at_s**2 / 2)
    return (0.4 * np.sin(phase)).astype(np.float32)


@dataclass
class Heard:
    """The sound that came to a place; whoever brings it waits at its gate."""

    place: SoundPlace
    sounds: list[Sound] = field(default_factory=list)
    gate: anyio.Event = field(default_factory=anyio.Event)
    _news: anyio.Event = field(default_factory=anyio.Event)

    async def take(self, sound: Sound) -> None:
        await self.gate.wait()
        self.sounds.append(sound)
        self._news.set()
        self._news = anyio.Event()

    async def until(self, holds: Callable[[], bool], *, within_s: float = 20) -> None:
        with anyio.fail_after(within_s):
            while not holds():
                await self._news.wait()

    async def until_s(self, seconds: float) -> None:
        """Until so much has come."""
        await self.until(lambda: self.length_ms >= 1000 * seconds)

    @property
    def length_ms(self) -> float:
        return sum(sound.length_ms for sound in self.sounds)

    @property
    def lost_ms(self) -> float:
        return sum(sound.lost_ms for sound in self.sounds)

    @property
    def holes(self) -> list[tuple[float, float]]:
        """Where a block doesn't follow the one before, and by how much, in ms."""
        found = []
        for before, sound in zip(self.sounds, self.sounds[1:], strict=False):
            step_ms = sound.at_ms - before.at_ms - before.length_ms
            if abs(step_ms) > TORN_MS:
                found.append((sound.at_ms, step_ms))
        return found

    def samples(self) -> Floats:
        pcm = b"".join(sound.pcm for sound in self.sounds)
        return (np.frombuffer(pcm, "<i2") / 32768).astype(np.float32)


@asynccontextmanager
async def listening(inlet: SoundInlet, *, closed: bool = False) -> AsyncIterator[Heard]:
    """A place that takes all that comes; if `closed`, once its gate is opened."""
    heard = Heard(SoundPlace(0, ""))
    if not closed:
        heard.gate.set()
    async with inlet.expect(heard.take) as place:
        heard.place = place
        yield heard


def as_file(clip: Clip, path: Path, *, turns: int) -> Path:
    """A clip, played so often, as an FLV file."""
    parts = [clip.flv_header, *(tag.encode(0) for tag in clip.headers)]
    for turn in range(turns):
        parts += [tag.encode(clip.duration_ms * turn + tag.at_ms) for tag in clip.tags]
    path.write_bytes(b"".join(parts))
    return path


def offset_ms(part: Floats, whole: Floats) -> float:
    """Where in `whole`, which repeats, `part` sounds like it, in ms."""
    size = len(whole)
    piece = np.zeros(size, np.float32)
    piece[: min(size, len(part))] = part[:size]
    spectrum = np.fft.rfft(whole) * np.conj(np.fft.rfft(piece))
    likeness = np.fft.irfft(spectrum, size)
    return float(np.argmax(likeness)) * 1000 / SAMPLE_HZ
