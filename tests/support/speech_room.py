"""A session of speech, the sound that it is given, and what it tells."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypedDict, Unpack

import anyio
from tone_speech import PAUSE_S, SYLLABLE_S, Floats, as_pcm

from hostcue.errors import StorageFailed
from hostcue.model.comment import Gap
from hostcue.model.sound import Sound
from hostcue.model.speech import Heard, Level, SpeechEvent, SpeechPlan, SpeechStateChanged
from hostcue.model.utterance import Utterance, UtteranceSource
from hostcue.speech.engine import SpeechEngine
from hostcue.speech.presets import plan_of
from hostcue.speech.session import SpeechSession

START_MS = 1_750_000_000_000.0


class Ways(TypedDict, total=False):
    """How a session is made otherwise than here by default."""

    backlog_s: float
    source: UtteranceSource
    idle_s: float
    cover_s: float
    most_untold: int


@dataclass
class SpeechRoom:
    """`failures` is how many events are refused yet; `refused` counts those that were."""

    session_id: str = "s"
    told: list[SpeechEvent] = field(default_factory=list)
    at_ms: float = START_MS
    failures: int = 0
    refused: int = 0
    unbalanced: list[str] = field(default_factory=list)
    on_event: Callable[[SpeechEvent], None] = lambda _: None
    session: SpeechSession = field(init=False)
    _news: anyio.Event = field(default_factory=anyio.Event)

    async def take(self, event: SpeechEvent) -> None:
        self._news.set()
        self._news = anyio.Event()
        if self.failures:
            self.failures -= 1
            self.refused += 1
            raise StorageFailed("no room for it")
        self.check()
        self.told.append(event)
        self.on_event(event)

    @property
    def said(self) -> list[Utterance]:
        return [event for event in self.told if isinstance(event, Utterance)]

    @property
    def texts(self) -> list[str]:
        return [utterance.text for utterance in self.said]

    @property
    def gaps(self) -> list[Gap]:
        return [event for event in self.told if isinstance(event, Gap)]

    @property
    def levels(self) -> list[Level]:
        return [event for event in self.told if isinstance(event, Level)]

    @property
    def states(self) -> list[tuple[str, str]]:
        return [(e.state, e.reason) for e in self.told if isinstance(e, SpeechStateChanged)]

    @property
    def heard(self) -> list[tuple[int, int]]:
        """The spans heard, those that touch made one."""
        spans: list[tuple[int, int]] = []
        for event in sorted(
            (e for e in self.told if isinstance(e, Heard)), key=lambda e: e.start_ms
        ):
            if spans and spans[-1][1] == event.start_ms:
                spans[-1] = (spans[-1][0], event.end_ms)
            else:
                spans.append((event.start_ms, event.end_ms))
        return spans

    def hear(self, sound: Floats, *, block: int = 1600) -> None:
        """All at once, in blocks of so many samples."""
        for piece in self.blocks(sound, block=block):
            self.session.take(piece)
            self.check()

    def blocks(self, sound: Floats, *, block: int = 1600) -> list[Sound]:
        """Sound that goes on where the last one ended."""
        pcm = as_pcm(sound)
        made: list[Sound] = []
        for start in range(0, len(pcm), 2 * block):
            piece = Sound(self.at_ms, pcm[start : start + 2 * block])
            made.append(piece)
            self.at_ms += piece.length_ms
        return made

    async def next_event(self) -> None:
        """Until it tells something, or tries to."""
        await self._news.wait()

    async def until(self, count: int, kind: type[SpeechEvent] = Utterance) -> None:
        """Until so many events of a kind were told."""
        while sum(isinstance(event, kind) for event in self.told) < count:
            await self._news.wait()

    async def until_state(self, state: str, reason: str = "") -> None:
        """Until the session said that it stands so."""
        while (state, reason) not in self.states:
            await self._news.wait()

    async def until_refused(self, count: int) -> None:
        """Until so many events were refused."""
        while self.refused < count:
            await self._news.wait()

    def check(self) -> None:
        """Each sample is in one place."""
        tally = self.session.tally
        dropped_s = sum(tally.dropped_s.values())
        if round(16_000 * (tally.heard_s + dropped_s + tally.held_s - tally.received_s)):
            self.unbalanced.append(str(tally))


@asynccontextmanager
async def listening(
    engine: SpeechEngine,
    plan: SpeechPlan | None = None,
    *,
    end_s: float = 60.0,
    session_id: str = "s",
    **ways: Unpack[Ways],
) -> AsyncIterator[SpeechRoom]:
    """A session that runs, with a backlog of five minutes by default; it ends with the context."""
    room = SpeechRoom(session_id)
    ways.setdefault("backlog_s", 300)
    room.session = SpeechSession(
        session_id,
        plan or plan_of("fast"),
        engine=engine,
        emit=room.take,
        retry_s=(0.02, 0.1),
        **ways,
    )
    with anyio.fail_after(90):
        async with anyio.create_task_group() as tasks:
            await tasks.start(room.session.run)
            yield room
            await room.session.end(end_s)
    room.check()
    assert not room.unbalanced


def moments(text: str, lead_s: float = 0.3) -> list[tuple[float, float]]:
    """When each phrase of a text begins and ends as `say` says it, in Unix milliseconds."""
    spans: list[tuple[float, float]] = []
    at_s = lead_s
    for phrase in text.split(" "):
        length_s = len(phrase) * SYLLABLE_S
        spans.append((START_MS + 1000 * at_s, START_MS + 1000 * (at_s + length_s - SYLLABLE_S / 2)))
        at_s += length_s + PAUSE_S
    return spans


def follow_each_other(utterances: list[Utterance]) -> bool:
    """Whether each begins after the one before has ended."""
    return all(a.end_ms <= b.start_ms for a, b in pairwise(utterances))
