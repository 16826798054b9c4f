from __future__ import annotations

import math
from collections.abc import AsyncIterator
from dataclasses import replace

import anyio
import pytest
from speech_room import START_MS, follow_each_other, listening, moments
from tone_speech import CHARACTERS, say

from hostcue.errors import SpeechMissing
from hostcue.model.sound import Sound
from hostcue.model.speech import Heard, Level, Partial
from hostcue.model.utterance import Utterance
from hostcue.speech.engine import SpeechEngine
from hostcue.speech.presets import plan_of
from hostcue.speech.session import SpeechSession
from hostcue.speech.shelf import ModelFiles

TEXTS = ("欢迎来到直播间。", "今天给家人上福利。", "这款包只要九十九元。", "喜欢的宝贝今天下单。")
SAID = " ".join(TEXTS)
EXACT_MS = 120
LONG = "".join(TEXTS).replace("。", "") * 2


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """One loop for all, so that they can have the engine in common."""
    return "asyncio"


@pytest.fixture(scope="module")
async def engine(model: ModelFiles) -> AsyncIterator[SpeechEngine]:
    async with SpeechEngine.open(lambda: model) as engine:
        yield engine


def at_the_times_of(said: list[Utterance], text: str) -> bool:
    spans = moments(text)
    return len(said) == len(spans) and all(
        abs(one.start_ms - start_ms) <= EXACT_MS and abs(one.end_ms - end_ms) <= EXACT_MS
        for one, (start_ms, end_ms) in zip(said, spans, strict=True)
    )


@pytest.mark.parametrize("block", [97, 1600, 40_000], ids=["tiny", "usual", "large"])
async def test_what_is_said_is_told_to_the_word_and_when(engine: SpeechEngine, block: int) -> None:
    async with listening(engine) as room:
        room.hear(say(SAID), block=block)
    assert room.texts == list(TEXTS)
    assert at_the_times_of(room.said, SAID)
    assert len({one.id for one in room.said}) == len(TEXTS)
    length_ms = round(room.at_ms)
    assert room.heard == [(START_MS, length_ms)]
    assert room.gaps == []
    tally = room.session.tally
    assert tally.received_s == tally.heard_s
    assert (tally.held_s, tally.lag_s, tally.coverage) == (0, 0, 1)
    assert (tally.utterances, tally.empty, tally.events) == (4, 0, {"Speech": 4})
    assert room.states == [("listening", ""), ("stopped", "")]


async def test_music_and_noise_change_no_word(engine: SpeechEngine) -> None:
    async with listening(engine) as room:
        room.hear(say(SAID, music=0.02, noise=0.01))
    assert room.texts == list(TEXTS)
    assert at_the_times_of(room.said, SAID)
    assert {one.event for one in room.said} == {"BGM"}


async def test_how_loud_it_is_is_told_as_often_as_the_plan_says(engine: SpeechEngine) -> None:
    async with listening(engine, plan_of("fast", chunk_duration=0.5)) as room:
        blocks = room.blocks(say("欢迎来到。", tail_s=2.5), block=8000)
        room.session.take(blocks[0])
        await room.until_state("listening")
        for count, piece in enumerate(blocks[1:-1], 1):
            room.session.take(piece)
            await room.until(count, Level)
        assert room.levels[-1] == room.session.level
    assert [level.at_ms - START_MS for level in room.levels[:3]] == [1000, 1500, 2000]
    assert [level.speaking for level in room.levels[:2]] == [True, True]
    assert room.levels[0].rms > 0.05
    assert (room.levels[-1].rms, room.levels[-1].speaking) == (0, False)


async def test_no_word_lies_across_a_hole_of_the_stream(engine: SpeechEngine) -> None:
    sound = say("欢迎来到直播间")
    half = len(sound) // 2
    async with listening(engine) as room:
        room.hear(sound[:half])
        before_ms = room.at_ms
        room.at_ms += 5000
        room.hear(sound[half:])
    first, second = room.said
    assert first.end_ms <= before_ms
    assert second.start_ms >= before_ms + 5000
    assert "".join(room.texts) == "欢迎来到直播间"
    assert room.heard == [(START_MS, before_ms), (before_ms + 5000, room.at_ms)]
    assert room.gaps == []


async def test_what_a_server_sends_again_is_heard_once(engine: SpeechEngine) -> None:
    sound = say(SAID)
    async with listening(engine) as room:
        at = 5 * 16_000 + 33
        room.hear(sound[:at])
        room.at_ms -= 3000
        room.hear(sound[at - 3 * 16_000 :])
    assert room.texts == list(TEXTS)
    assert at_the_times_of(room.said, SAID)
    assert room.session.tally.received_s == len(sound) / 16_000


@pytest.mark.parametrize("overlap_s", [0.0, 0.3], ids=["without", "with_overlap"])
async def test_long_speech_is_cut_and_nothing_is_lost(
    engine: SpeechEngine, overlap_s: float
) -> None:
    plan = plan_of("fast", vad_force_flush_sec=4, vad_force_flush_overlap_sec=overlap_s)
    async with listening(engine, plan) as room:
        room.hear(say(LONG))
    assert "".join(room.texts) == LONG
    assert follow_each_other(room.said)
    assert room.session.tally.utterances >= 4


async def test_new_rules_hold_from_the_sound_on_that_comes_next(engine: SpeechEngine) -> None:
    sound = say("欢迎来到直播间 今天上福利")
    async with listening(engine, plan_of("stable")) as room:
        at = 16_000
        room.hear(sound[:at])
        room.session.adopt(plan_of("fast", hot_words=["福力"]))
        room.hear(sound[at:])
    assert "".join(room.texts).replace("福力", "福利") == "欢迎来到直播间今天上福利"
    assert room.said[-1].corrections
    assert room.session.tally.received_s == room.session.tally.heard_s


async def test_partial_texts_lead_up_to_the_final_one(engine: SpeechEngine) -> None:
    plan = replace(plan_of("fast", partials=True), chunk_s=0.01)
    async with listening(engine, plan) as room:
        seen = 0
        for piece in room.blocks(say(TEXTS[0], tail_s=0.1), block=8000):
            room.session.take(piece)
            if piece.at_ms - START_MS > 600:
                seen += 1
                await room.until(seen, Partial)
        room.hear(say("", lead_s=0.4))
        await room.until(1)
        kinds = [type(event) for event in room.told if isinstance(event, (Partial, Utterance))]
        assert kinds == [Partial] * seen + [Utterance]
    partials = [event for event in room.told if isinstance(event, Partial)]
    assert all(TEXTS[0].startswith(event.text) for event in partials)
    lengths = [len(event.text) for event in partials]
    assert lengths == sorted(set(lengths))


async def test_settled_means_that_all_before_that_moment_is_told(engine: SpeechEngine) -> None:
    async with listening(engine) as room:
        room.hear(say(SAID, tail_s=1))
        first_end_ms, second_ms = moments(SAID)[0][1], moments(SAID)[1][0]
        await room.session.settled(round((first_end_ms + second_ms) / 2))
        assert room.texts[:1] == [TEXTS[0]]
        await room.session.settled(round(room.at_ms - 500))
        assert room.texts == list(TEXTS)


async def test_sound_that_does_not_come_is_not_waited_for_for_ever(engine: SpeechEngine) -> None:
    async with listening(engine) as room:
        await room.session.settled(round(START_MS))  # long ago, and nothing came
        room.hear(say(TEXTS[0], tail_s=1))
        await room.session.settled(round(room.at_ms + 60_000))
        assert room.texts == [TEXTS[0]]


async def test_without_sound_for_long_what_was_said_is_over(engine: SpeechEngine) -> None:
    async with listening(engine, idle_s=0.05) as room:
        room.hear(say("欢迎来到。", tail_s=0))
        await room.until(1)
        room.hear(say("到直播间。"))
        await room.until(2)
    assert room.texts == ["欢迎来到。", "到直播间。"]


async def test_who_fails_to_take_words_is_given_them_again(engine: SpeechEngine) -> None:
    async with listening(engine) as room:
        room.failures = 5
        room.hear(say(SAID))
    assert room.texts == list(TEXTS)
    assert len({one.id for one in room.said}) == len(TEXTS)


async def test_while_nobody_takes_words_sound_is_held_then_dropped_and_counted(
    engine: SpeechEngine,
) -> None:
    async with listening(engine, backlog_s=20, most_untold=2) as room:
        room.failures = 10**9
        room.hear(say(SAID))
        await room.until_refused(6)
        for _ in range(3):
            room.hear(say(SAID))
        await room.until_refused(12)
        tally = room.session.tally
        assert tally.utterances <= 5  # as many as may wait, and what was in hand
        assert tally.held_s <= 20
        room.failures = 0
    dropped_s = room.session.tally.dropped_s["overload"]
    assert dropped_s > 10
    assert sum((gap.end_ms or 0) - gap.start_ms for gap in room.gaps) == pytest.approx(
        1000 * dropped_s, abs=len(room.gaps)
    )
    assert room.texts[0] == TEXTS[0]
    assert follow_each_other(room.said)


async def test_who_can_wait_loses_nothing(engine: SpeechEngine) -> None:
    async with listening(engine, plan_of("offline"), source="offline", backlog_s=1) as room:
        for piece in room.blocks(say(SAID * 6), block=50 * 16_000):
            await room.session.offer(piece)
            assert room.session.tally.held_s <= 31
    assert "".join(room.texts) == "".join(TEXTS) * 6
    assert {one.source for one in room.said} == {"offline"}
    assert room.session.tally.dropped_s == {}
    assert room.levels == []


async def test_what_is_known_when_it_is_cancelled_is_told(engine: SpeechEngine) -> None:
    told: list[object] = []

    async def emit(event: object) -> None:
        told.append(event)

    session = SpeechSession("s", plan_of("stable"), engine=engine, emit=emit)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            await tasks.start(session.run)
            session.take(Sound(START_MS, b"\0\0" * 16_000))
            tasks.cancel_scope.cancel()
    assert session.state == "stopped"
    tally = session.tally
    assert tally.received_s == tally.heard_s + sum(tally.dropped_s.values()) == 1
    with anyio.fail_after(5):
        await session.settled(2**60)
        await session.end()
    session.take(Sound(START_MS + 1000, b"\0\0" * 16_000))
    assert session.tally.received_s == 1


async def test_a_session_that_never_ran_ends_at_once(engine: SpeechEngine) -> None:
    async def emit(_: object) -> None:
        return

    session = SpeechSession("s", plan_of("fast"), engine=engine, emit=emit)
    session.take(Sound(START_MS, b"\0\0" * 16_000))
    with anyio.fail_after(5):
        await session.end()
        await session.run()
    assert session.state == "stopped"
    assert session.tally.dropped_s == {"stopped": 1}


async def test_a_model_that_appears_later_hears_what_was_held(model: ModelFiles) -> None:
    there = False

    def find() -> ModelFiles:
        if not there:
            raise SpeechMissing("no model", remedy="pull it")
        return model

    async with SpeechEngine.open(find) as engine, listening(engine) as room:
        room.hear(say(SAID))
        await room.until_state("waiting", "speech_missing")
        assert room.session.remedy == "pull it"
        there = True
        await room.until(len(TEXTS))
    assert room.texts == list(TEXTS)
    assert room.session.tally.dropped_s == {}
    assert room.states[-2:] == [("listening", ""), ("stopped", "")]


async def test_without_a_model_the_oldest_sound_is_dropped_and_the_end_is_quick() -> None:
    def find() -> ModelFiles:
        raise SpeechMissing("no model")

    async with SpeechEngine.open(find) as engine:
        async with listening(engine, plan_of("fast"), backlog_s=13) as room:
            room.hear(say(SAID * 2))
            await room.until_state("waiting", "speech_missing")
            assert room.session.tally.held_s == 13
        tally = room.session.tally
    assert tally.heard_s == 0
    assert set(tally.dropped_s) == {"overload", "stopped"}
    assert tally.dropped_s["stopped"] == 13
    overload, stopped = room.gaps
    assert (overload.start_ms, overload.end_ms, overload.cause) == (
        START_MS,
        stopped.start_ms,
        "overload",
    )
    assert (stopped.end_ms, stopped.cause) == (round(room.at_ms), "stopped")
    assert not any(isinstance(event, Heard) for event in room.told)


async def test_a_file_is_not_heard_without_a_model() -> None:
    def find() -> ModelFiles:
        raise SpeechMissing("no model")

    async with SpeechEngine.open(find) as engine:
        with pytest.RaisesGroup(pytest.RaisesExc(SpeechMissing)):
            async with listening(engine, plan_of("offline"), source="offline") as room:
                room.hear(say(TEXTS[0]))
                await anyio.sleep_forever()
    assert room.session.state == "failed"
    assert room.session.reason == "speech_missing"


async def test_a_sentence_after_which_nobody_speaks_waits_for_nothing_more(
    engine: SpeechEngine,
) -> None:
    plan = plan_of("fast", vad_force_flush_sec=4)  # so that its end is a soft cut
    plan = replace(plan, assembler=replace(plan.assembler, max_wait_s=math.inf))
    text = f"{CHARACTERS[:8]}。"
    async with listening(engine, plan) as room:
        room.hear(say(text, tail_s=2))
        await room.until(1)
        assert room.texts == [text]
