"""A file's sound becomes text: all of it, at whatever pace the recogniser keeps."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import anyio

from hostcue.errors import known_cause
from hostcue.model.sound import BYTES_PER_S, SAMPLE_BYTES, Sound
from hostcue.model.speech import Heard, SpeechEvent, SpeechPlan, SpeechTally
from hostcue.speech.engine import SpeechEngine
from hostcue.speech.session import Emit, SpeechSession

Span = tuple[float, float]
"""`[from, to)` in Unix milliseconds."""


@dataclass(frozen=True, slots=True)
class FileHearing:
    """One file that is being heard; what it finds goes to `emit`, in order."""

    take: Callable[[Sound], Awaitable[None]]
    """The next sound; waits while as much as may be held has not been heard yet."""
    _session: SpeechSession

    @property
    def tally(self) -> SpeechTally:
        """What became of the sound so far."""
        return self._session.tally


@asynccontextmanager
async def hear_file(
    plan: SpeechPlan,
    *,
    engine: SpeechEngine,
    emit: Emit,
    spans: Sequence[Span] | None = None,
    progress: Callable[[float], None] | None = None,
    session_id: str | None = None,
    patience_s: float = 60.0,
) -> AsyncIterator[FileHearing]:
    """Hear what `take` is given; when the context has ended, all of it was told.

    Of what lies outside of `spans` nothing is heard; None asks for all. A stretch at which the
    engine died twice is told as a `Gap`; nothing else is left out. `progress` is told up to which
    moment, in Unix milliseconds, all is known. An error in the context, or its cancellation, ends
    the hearing at once.

    Raises:
        SpeechMissing, ModelRefused: there is nothing to hear with.
        EngineDied: nothing could be heard, time and again.
        HostcueError: `emit` failed with it for `patience_s`.
    """

    async def told(event: SpeechEvent) -> None:
        await emit(event)
        if isinstance(event, Heard) and progress is not None:
            progress(event.end_ms)

    session = SpeechSession(
        session_id or uuid4().hex[:12],
        plan,
        engine=engine,
        emit=told,
        source="offline",
        patience_s=patience_s,
    )

    async def take(sound: Sound) -> None:
        for part in _within(sound, spans):
            await session.offer(part)

    try:
        async with anyio.create_task_group() as tasks:
            await tasks.start(session.run)
            yield FileHearing(take, session)
            await session.end(within_s=math.inf)
    except BaseExceptionGroup as group:
        known = known_cause(group)
        if known is None:
            raise
        raise known from None


def _within(sound: Sound, spans: Sequence[Span] | None) -> Iterator[Sound]:
    """The parts of a sound that were asked for."""
    if spans is None:
        yield sound
        return
    end_ms = sound.at_ms + sound.length_ms
    for from_ms, to_ms in spans:
        begin, end = (
            _byte(min(max(moment_ms, sound.at_ms), end_ms) - sound.at_ms)
            for moment_ms in (from_ms, to_ms)
        )
        if begin < end:
            at_ms = sound.at_ms + begin * 1000 / BYTES_PER_S
            yield Sound(at_ms, sound.pcm[begin:end], 0.0 if begin else sound.lost_ms)


def _byte(ms: float) -> int:
    """Where in some sound a moment is; between two samples, not within one."""
    return round(ms * BYTES_PER_S / 1000 / SAMPLE_BYTES) * SAMPLE_BYTES
