from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from speech_room import SpeechRoom, follow_each_other, listening
from tone_speech import say

from hostcue.errors import EngineDied
from hostcue.model.comment import Gap
from hostcue.model.speech import Partial
from hostcue.model.utterance import Utterance
from hostcue.speech.engine import Limits, SpeechEngine
from hostcue.speech.presets import plan_of
from hostcue.speech.shelf import ModelFiles

TEXTS = ("欢迎来到直播间。", "今天给家人上福利。", "这款包只要九十九元。", "喜欢的宝贝今天下单。")
SAID = " ".join(TEXTS)
SHORT = plan_of("fast", vad_force_flush_sec=5)


@pytest.fixture
async def engine(model: ModelFiles) -> AsyncIterator[SpeechEngine]:
    async with SpeechEngine.open(lambda: model) as engine:
        await warmed_up(engine)
        yield engine


async def warmed_up(engine: SpeechEngine) -> None:
    """Its processes run."""
    await engine.transcribe(b"\0\0" * 16_000, language="zh", urgency="live")
    ear = await engine.open_ear(plan_of("fast").segmenter, 0)
    await ear.close()


def send(engine: SpeechEngine, number: signal.Signals, *, to: str = "recogniser") -> None:
    recogniser, ear = engine.status.pids
    os.kill(recogniser if to == "recogniser" else ear, number)


def length_ms(gaps: list[Gap]) -> float:
    return sum((gap.end_ms or 0) - gap.start_ms for gap in gaps)


async def heard_out(room: SpeechRoom) -> None:
    """Until the ear knows all but the last second of what the room was given."""
    while not room.levels or room.levels[-1].at_ms < room.at_ms - 1100:
        await room.next_event()


async def test_a_recogniser_that_is_killed_takes_no_word_with_it(engine: SpeechEngine) -> None:
    async with listening(engine) as room:
        send(engine, signal.SIGSTOP)
        room.hear(say(SAID))
        await heard_out(room)
        send(engine, signal.SIGKILL)
    assert room.texts == list(TEXTS)
    tally = room.session.tally
    assert (tally.retried, tally.dropped_s, tally.coverage) == (1, {}, 1)
    assert room.states == [
        ("listening", ""),
        ("waiting", "engine_died"),
        ("listening", ""),
        ("stopped", ""),
    ]


async def test_an_ear_that_is_killed_in_the_middle_of_a_word_takes_none_with_it(
    engine: SpeechEngine,
) -> None:
    sound = say(SAID)
    async with listening(engine) as room:
        room.hear(sound[: 5 * 16_000])
        await heard_out(room)
        send(engine, signal.SIGSTOP, to="ear")
        room.hear(sound[5 * 16_000 :])
        send(engine, signal.SIGKILL, to="ear")
    assert room.texts == list(TEXTS)
    assert room.session.tally.dropped_s == {}
    assert ("waiting", "engine_died") in room.states


async def test_a_stall_drops_the_oldest_that_waits_counts_it_and_goes_on(
    engine: SpeechEngine,
) -> None:
    async with listening(engine, SHORT, backlog_s=8) as room:
        room.hear(say(TEXTS[0]))
        await room.until(1)
        send(engine, signal.SIGSTOP)
        for text in (*TEXTS, *TEXTS):
            room.hear(say(text, tail_s=0.7))
            await heard_out(room)
            assert room.session.tally.held_s <= 8
        assert room.session.tally.lag_s > 2
        send(engine, signal.SIGCONT)
        await room.session.settled(round(room.at_ms - 500))
        room.hear(say(TEXTS[1], tail_s=1))
    dropped_s = room.session.tally.dropped_s
    assert set(dropped_s) == {"overload"}
    assert dropped_s["overload"] > 8
    assert length_ms(room.gaps) == pytest.approx(1000 * dropped_s["overload"], abs=len(room.gaps))
    assert room.texts[:2] == [TEXTS[0], TEXTS[0]]  # the second one was in hand
    assert room.texts[-1] == TEXTS[1]
    assert follow_each_other(room.said)
    for gap in room.gaps:
        assert all(u.end_ms <= gap.start_ms or u.start_ms >= (gap.end_ms or 0) for u in room.said)
    assert room.session.tally.retried == 0


async def test_one_that_hangs_for_good_is_replaced(model: ModelFiles) -> None:
    async with SpeechEngine.open(lambda: model, limits=Limits(answer_s=4)) as engine:
        await warmed_up(engine)
        async with listening(engine, SHORT) as room:
            send(engine, signal.SIGSTOP)
            room.hear(say("福利 上链接。"))
    assert "".join(room.texts) == "福利上链接。"
    assert room.session.tally.retried == 1


async def test_what_two_of_them_ended_at_is_given_up(model: ModelFiles) -> None:
    starts_left = 1

    def find() -> ModelFiles:
        nonlocal starts_left
        starts_left -= 1
        if starts_left == 0:
            raise EngineDied("it can't be started now")
        return model

    async with SpeechEngine.open(find) as engine:
        starts_left = 4
        await warmed_up(engine)
        async with listening(engine) as room:
            send(engine, signal.SIGSTOP)
            room.hear(say(SAID))
            await heard_out(room)
            starts_left = 1
            send(engine, signal.SIGKILL)
    assert room.texts == list(TEXTS[1:])
    [gap] = room.gaps
    assert gap.cause == "engine"
    assert length_ms([gap]) == pytest.approx(1000 * room.session.tally.dropped_s["engine"], abs=1)
    assert room.session.tally.retried == 1


async def test_sound_that_no_ear_survives_is_given_up_and_what_follows_is_heard(
    model: ModelFiles, tmp_path: Path
) -> None:
    deafened = replace(model, vad=tmp_path / "silero_vad.onnx")
    deafened.vad.write_bytes(afraid_of_noise(model.vad).SerializeToString())
    limits = Limits(again_s=0.05)
    async with (
        SpeechEngine.open(lambda: deafened, limits=limits) as engine,
        listening(engine) as room,
    ):
        room.hear(say(TEXTS[0], tail_s=1))
        await heard_out(room)
        room.hear(np.full(3200, 0.99, np.float32))
        room.hear(say(TEXTS[1], lead_s=2))
    assert room.texts == [TEXTS[0], TEXTS[1]]
    assert {gap.cause for gap in room.gaps} == {"engine"}
    dropped_s = room.session.tally.dropped_s["engine"]
    assert 0.2 <= dropped_s <= 2
    assert length_ms(room.gaps) == pytest.approx(1000 * dropped_s, abs=1)


def afraid_of_noise(vad: Path) -> onnx.ModelProto:
    """A voice detector that fails at samples over 0.9."""
    made = onnx.load(vad)
    graph = made.graph
    for node in graph.node:
        node.output[:] = ["calm" if name == "output" else name for name in node.output]
    graph.node.extend(
        [
            helper.make_node("ReduceMax", ["input"], ["peak"], axes=[0, 1], keepdims=0),
            helper.make_node("Mul", ["peak", "limit"], ["spill"]),
            helper.make_node("Cast", ["spill"], ["place"], to=TensorProto.INT64),
            helper.make_node("Gather", ["one", "place"], ["factor"]),
            helper.make_node("Mul", ["calm", "factor"], ["output"]),
        ]
    )
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.array(1 / 0.9, np.float32), "limit"),
            numpy_helper.from_array(np.ones(1, np.float32), "one"),
        ]
    )
    return made


async def test_what_is_pending_at_the_end_is_dropped_after_the_time_for_it(
    engine: SpeechEngine,
) -> None:
    async with listening(engine, end_s=0.05) as room:
        room.hear(say(SAID))
        await room.until(1)
        send(engine, signal.SIGSTOP)
        room.hear(say(SAID))
        await heard_out(room)
    tally = room.session.tally
    assert set(tally.dropped_s) == {"stopped"}
    assert tally.held_s == 0
    assert {gap.cause for gap in room.gaps} == {"stopped"}
    assert length_ms(room.gaps) == pytest.approx(
        1000 * tally.dropped_s["stopped"], abs=len(room.gaps)
    )
    assert room.states[-1] == ("stopped", "")


async def test_two_rooms_take_turns(engine: SpeechEngine) -> None:
    order: list[str] = []
    async with listening(engine, session_id="a") as one, listening(engine, session_id="b") as two:
        send(engine, signal.SIGSTOP)
        for room in (one, two):
            room.on_event = lambda event: order.append(
                event.id[0] if isinstance(event, Utterance) else ""
            )
            room.hear(say(SAID))
            await heard_out(room)
        send(engine, signal.SIGCONT)
    turns = [name for name in order if name]
    assert one.texts == two.texts == list(TEXTS)
    assert all(abs(turns[:n].count("a") - turns[:n].count("b")) <= 1 for n in range(len(turns)))


async def test_while_a_final_text_waits_no_partial_one_is_told(engine: SpeechEngine) -> None:
    plan = replace(plan_of("fast", partials=True), chunk_s=0.01)
    async with listening(engine, plan) as room:
        send(engine, signal.SIGSTOP)
        room.hear(say(f"{TEXTS[0]} {TEXTS[1]}"))
        room.hear(say(TEXTS[2], tail_s=0))
        await heard_out(room)
        send(engine, signal.SIGCONT)
        await room.until(2)
        kinds = [type(event) for event in room.told if isinstance(event, (Partial, Utterance))]
        assert kinds[:2] == [Utterance, Utterance]
        await room.until(1, Partial)
    assert room.texts == list(TEXTS[:3])
