"""A recorder's surroundings; the tools are in `tests/support/recording_studio.py`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from recording_studio import Studio

from hostcue.recording.engine import Engine
from hostcue.recording.sound_inlet import SoundInlet
from hostcue.sim.flv import LiveFlv
from hostcue.sim.media import Clip, make_clip


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with Engine.open() as engine:
        yield engine


@pytest.fixture
def studio(engine: Engine, tmp_path: Path) -> Studio:
    return Studio(engine, tmp_path)


@pytest.fixture(scope="session")
def clip() -> Clip:
    """Four seconds of 160x288 at 15 pictures a second, a key frame each second."""
    return make_clip(seconds=4, width=160, height=288)


@pytest.fixture
async def flv(clip: Clip) -> AsyncIterator[LiveFlv]:
    async with LiveFlv.open(clip, burst_s=1.0) as flv:
        yield flv


@pytest.fixture
async def inlet() -> AsyncIterator[SoundInlet]:
    async with SoundInlet.open() as inlet:
        yield inlet
