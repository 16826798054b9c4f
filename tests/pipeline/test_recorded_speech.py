"""What is said in a room that is recorded: from the stream to the store, over one connection."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from recording_house import House, Platform, open_house
from tone_speech import SYLLABLE_S, build_tone_model, say

from hostcue.model.recording import RecordingPlan
from hostcue.pipeline.live_audio import LiveAudio
from hostcue.sim.flv import LiveFlv
from hostcue.sim.media import Clip, make_clip

LINK = "https://own.example/42"
CLIP_S = 20
WORDS = ("白鞋", "黑鞋", "红包", "尺码", "库存", "快递")
TEXTS = [f"这款{word}{mark}" for mark in "。？" for word in WORDS]
TURN_S = CLIP_S / len(TEXTS)
NEAR_MS = 120


@pytest.fixture(scope="module")
def clip() -> Clip:
    """A sentence each turn, again and again."""
    hz = 32_000
    sound = np.zeros(CLIP_S * hz, np.float32)
    for n, text in enumerate(TEXTS):
        said = say(text, lead_s=0, tail_s=0, hz=hz)
        start = int((0.05 + n * TURN_S) * hz)
        sound[start : start + len(said)] = said
    return make_clip(seconds=CLIP_S, width=96, height=160, sound=sound)


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = build_tone_model(tmp_path_factory.mktemp("tones")).folder
    return {"HOSTCUE_SPEECH_MODEL": str(folder)}


def audio_of(house: House) -> LiveAudio:
    assert house.audio is not None
    return house.audio


async def record(house: House, flv: LiveFlv, segment_s: int = 2) -> str:
    house.platform.go_live(LINK, flv.url)
    recording, _ = await house.supervisor.start(RecordingPlan(LINK, segment_s=segment_s))
    return recording.id


def finals(house: House) -> list[dict[str, object]]:
    return [dict(event.data) for event in house.heard if event.type == "final"]


def in_turn(said: list[dict[str, object]]) -> bool:
    """Whether nothing is missing between the first and the last, and nothing is there twice."""
    texts = [str(one["text"]) for one in said]
    begin = TEXTS.index(texts[0])
    return texts == [TEXTS[(begin + n) % len(TEXTS)] for n in range(len(texts))]


def steps_ms(said: list[dict[str, object]]) -> list[int]:
    return [int(str(b["start_ts"])) - int(str(a["start_ts"])) for a, b in pairwise(said)]


async def test_a_recording_is_heard_to_the_word_over_a_full_disk_and_stops_at_once(
    tmp_path: Path, clip: Clip, speech: dict[str, str]
) -> None:
    async with (
        LiveFlv.open(clip) as flv,
        open_house(tmp_path, Platform(), speech=speech) as house,
    ):
        recording_id = await record(house, flv)
        await house.until(lambda: len(finals(house)) >= 3, 60)
        house.gate.close("low_space")
        await house.until_state(recording_id, "paused_disk")
        before = finals(house)
        house.gate.open()
        await house.until(lambda: len(finals(house)) > len(before), 60)
        (session,) = audio_of(house).every()
        assert (session.recording_id, session.mode) == (recording_id, "recording")
        status = await house.supervisor.stop(recording_id)
        assert status.recording.state == "stopped"
        await house.until(lambda: ("state", "stopped") in told(house), 60)
        said = [one for one in finals(house) if one["session_id"] == session.session_id]
        whole = before[1:]  # it began in the middle of a sentence
        assert in_turn(whole)
        assert max(abs(step - 1000 * TURN_S) for step in steps_ms(whole)) <= NEAR_MS
        assert len(said) > len(before)
        assert flv.viewers == 0
        first = (await house.segments.page(recording_id))[0].window
        assert all(one["source"] == "live" for one in said)
        assert int(str(said[0]["start_ts"])) >= first.start_ms - 1000 * SYLLABLE_S


def told(house: House) -> list[tuple[str, object]]:
    return [(event.type, event.data.get("state")) for event in house.heard]


async def test_of_a_recording_nobody_hears_any_more_the_files_give_the_rest(
    tmp_path: Path, clip: Clip, speech: dict[str, str]
) -> None:
    async with (
        LiveFlv.open(clip) as flv,
        open_house(tmp_path, Platform(), speech=speech) as house,
    ):
        audio, recording_id = audio_of(house), await record(house, flv, segment_s=3)
        await house.until_segments(recording_id, 1)
        await audio.stop()
        live = finals(house)
        await house.until_segments(recording_id, 2)
        await house.supervisor.stop(recording_id)
        assert finals(house) == live  # nobody wants to hear it
        segments = await house.segments.page(recording_id)
        end_ms = segments[-1].window.end_ms
        for segment in segments:
            await audio.transcribe_segment(recording_id, segment.seq)
        await house.until(lambda: last_start_ms(house) >= end_ms - 2000 * TURN_S, 60)
        said = sorted(finals(house), key=lambda one: int(str(one["start_ts"])))
        assert {one["source"] for one in said} == {"live", "offline"}
        # a cut between two files may be one in a sentence, so that no half of it is one
        whole = [TEXTS.index(str(one["text"])) for one in said if one["text"] in TEXTS]
        assert {(b - a) % len(TEXTS) for a, b in pairwise(whole)} <= {1, 2}
        assert len(whole) >= len(said) - 2 * len(segments)


def last_start_ms(house: House) -> int:
    return max(int(str(one["start_ts"])) for one in finals(house))
