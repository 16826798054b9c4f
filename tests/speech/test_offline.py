"""A file's sound is heard to its end, and nothing else of it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence

import anyio
import pytest
from tone_speech import Floats, ToneFiles, as_pcm, say

from hostcue.errors import SpeechMissing, StorageFailed
from hostcue.model.comment import Gap
from hostcue.model.sound import BYTES_PER_S, Sound
from hostcue.model.speech import SpeechEvent
from hostcue.model.utterance import Utterance
from hostcue.speech.engine import SpeechEngine
from hostcue.speech.offline import FileHearing, Span, hear_file
from hostcue.speech.presets import PRESETS
from hostcue.speech.shelf import ModelFiles

PLAN = PRESETS["offline"]
BEGIN_MS = 1_764_000_000_000
FIRST, SECOND, THIRD = "欢迎来到直播间", "今天只要八十九块", "三号链接包邮"
APART = " " * 5  # what is said so much later is another sentence
SOUND = say(APART.join((FIRST, SECOND, THIRD)), lead_s=1)
SECOND_MS = 1000 + 240 * len(FIRST) + 5 * 800
THIRD_MS = SECOND_MS + 240 * len(SECOND) + 5 * 800


@pytest.fixture
async def engine(tones: ToneFiles) -> AsyncIterator[SpeechEngine]:
    files = ModelFiles("tones", "sensevoice", tones.model, tones.tokens, tones.vad)
    async with SpeechEngine.open(lambda: files) as engine:
        yield engine


class Heard:
    def __init__(self) -> None:
        self.events: list[SpeechEvent] = []

    async def take(self, event: SpeechEvent) -> None:
        self.events.append(event)

    @property
    def said(self) -> list[Utterance]:
        return [event for event in self.events if isinstance(event, Utterance)]

    @property
    def texts(self) -> list[str]:
        return [one.text for one in self.said]


async def give(hearing: FileHearing, samples: Floats, piece_s: float = 0.4) -> None:
    pcm, size = as_pcm(samples), round(piece_s * BYTES_PER_S)
    for at in range(0, len(pcm), size):
        await hearing.take(Sound(BEGIN_MS + at * 1000 / BYTES_PER_S, pcm[at : at + size]))


async def heard(
    engine: SpeechEngine, samples: Floats, spans: Sequence[Span] | None = None
) -> tuple[Heard, FileHearing]:
    found = Heard()
    with anyio.fail_after(60):
        async with hear_file(PLAN, engine=engine, emit=found.take, spans=spans) as hearing:
            await give(hearing, samples)
    return found, hearing


async def test_all_of_a_file_is_heard_with_its_moments(engine: SpeechEngine) -> None:
    found, hearing = await heard(engine, SOUND)
    assert found.texts == [FIRST, SECOND, THIRD]
    assert {one.source for one in found.said} == {"offline"}
    begins_ms = [one.start_ms - BEGIN_MS for one in found.said]
    assert begins_ms == [pytest.approx(at, abs=120) for at in (1000, SECOND_MS, THIRD_MS)]
    tally = hearing.tally
    assert tally.heard_s == tally.received_s == pytest.approx(len(SOUND) / 16_000, abs=0.001)


async def test_only_the_spans_that_were_asked_for_are_heard(engine: SpeechEngine) -> None:
    edges_ms = [BEGIN_MS + at for at in (0, SECOND_MS - 800, THIRD_MS - 800, 10**6)]
    found, hearing = await heard(
        engine, SOUND, [(edges_ms[0], edges_ms[1]), (edges_ms[2], edges_ms[3])]
    )
    assert found.texts == [FIRST, THIRD]
    left_s = (edges_ms[2] - edges_ms[1]) / 1000
    assert hearing.tally.received_s == pytest.approx(len(SOUND) / 16_000 - left_s, abs=0.001)


async def test_nothing_to_hear_is_nothing_said(engine: SpeechEngine) -> None:
    found, _ = await heard(engine, SOUND, [])
    assert found.texts == []


async def test_somebody_who_never_pauses_is_heard_in_stretches_of_at_most_15_s(
    engine: SpeechEngine,
) -> None:
    text = "一二三四五六七八九十" * 30
    found, hearing = await heard(engine, say(text))
    assert "".join(found.texts) == text
    assert hearing.tally.utterances >= 5
    assert not [event for event in found.events if isinstance(event, Gap)]


async def test_no_more_is_held_than_a_session_may_hold(engine: SpeechEngine) -> None:
    found, most_s = Heard(), 0.0
    with anyio.fail_after(60):
        async with hear_file(PLAN, engine=engine, emit=found.take) as hearing:
            for _ in range(20):
                await give(hearing, say(FIRST), piece_s=10)
                most_s = max(most_s, hearing.tally.held_s)
    assert most_s <= 45


async def test_progress_ends_with_the_file(engine: SpeechEngine) -> None:
    found = Heard()
    told_ms: list[float] = []
    with anyio.fail_after(60):
        async with hear_file(
            PLAN, engine=engine, emit=found.take, progress=told_ms.append
        ) as hearing:
            await give(hearing, SOUND)
    assert told_ms == sorted(told_ms)
    assert told_ms[-1] == pytest.approx(BEGIN_MS + len(SOUND) / 16, abs=1)


async def test_it_ends_at_once_when_cancelled(engine: SpeechEngine) -> None:
    found = Heard()
    with anyio.CancelScope() as scope:
        async with hear_file(PLAN, engine=engine, emit=found.take) as hearing:
            await give(hearing, SOUND)
            scope.cancel()
    assert scope.cancelled_caught


async def test_without_a_model_it_raises_instead_of_waiting() -> None:
    def find() -> ModelFiles:
        raise SpeechMissing("there is no model", remedy="get one")

    async with SpeechEngine.open(find) as engine:
        with anyio.fail_after(60), pytest.raises(SpeechMissing, match="no model") as raised:
            async with hear_file(PLAN, engine=engine, emit=Heard().take) as hearing:
                await give(hearing, SOUND)
                await anyio.sleep_forever()
    assert raised.value.remedy == "get one"


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
async def test_processes_that_are_killed_in_the_middle_cost_no_word(engine: SpeechEngine) -> None:
    found = Heard()
    killed: list[int] = []

    async def take(event: SpeechEvent) -> None:
        await found.take(event)
        if isinstance(event, Utterance) and not killed:
            killed.extend(engine.status.pids)
            for pid in killed:
                os.kill(pid, signal.SIGKILL)

    with anyio.fail_after(90):
        async with hear_file(PLAN, engine=engine, emit=take) as hearing:
            await give(hearing, SOUND)
    assert killed
    assert found.texts == [FIRST, SECOND, THIRD]


async def test_it_does_not_wait_for_ever_for_who_takes_what_is_said(engine: SpeechEngine) -> None:
    async def refuse(_: SpeechEvent) -> None:
        raise StorageFailed("the disk is full")

    with anyio.fail_after(60), pytest.raises(StorageFailed):
        async with hear_file(PLAN, engine=engine, emit=refuse, patience_s=0.1) as hearing:
            await give(hearing, SOUND)
