"""Where somebody speaks is found alike, whatever pieces the sound comes in."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise

import anyio
import numpy as np
import pytest
from speech_house import FAST, model_files, processes_of
from tone_speech import ToneFiles, as_pcm, say

from hostcue.errors import EngineDied
from hostcue.speech.engine import Ear, Looked, SpeechEngine
from hostcue.speech.segmenter import Cut
from hostcue.speech.voice import Ears

SENTENCES = ["欢迎来到直播间", "今天给大家上福利", "这款包只要九十九元", "喜欢的宝贝今天下单"]
PCM = as_pcm(say(" ".join(SENTENCES), lead_s=1, tail_s=1))


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """For as long as the engine, which all tests here share."""
    return "asyncio"


@pytest.fixture(scope="module")
async def engine(tones: ToneFiles) -> AsyncIterator[SpeechEngine]:
    files = model_files(tones)
    async with SpeechEngine.open(lambda: files) as engine:
        yield engine


async def cuts_of(ear: Ear, pcm: bytes, samples: int) -> list[Cut]:
    looks = [await ear.look(pcm[at : at + 2 * samples]) for at in range(0, len(pcm), 2 * samples)]
    looks.append(await ear.flush())
    untils = [looked.until for looked in looks]
    assert untils == sorted(untils)
    for before, after in pairwise(looks):
        assert all(cut.start >= before.until for cut in after.cuts)
    return [cut for looked in looks for cut in looked.cuts]


async def texts_of(engine: SpeechEngine, pcm: bytes, cuts: list[Cut], at: int = 0) -> list[str]:
    parts = [pcm[2 * (cut.start - at) : 2 * (cut.end - at)] for cut in cuts]
    heard = [await engine.transcribe(part, language="zh", urgency="live") for part in parts]
    return [one.text for one in heard]


async def test_sentences_are_cut_to_the_word_whatever_the_pieces(engine: SpeechEngine) -> None:
    found = []
    for samples in (160, 511, 512, 1600, 6400, 16_000, len(PCM)):
        ear = await engine.open_ear(FAST, 0)
        found.append(await cuts_of(ear, PCM, samples))
        await ear.close()
    assert found == [found[0]] * len(found)
    assert await texts_of(engine, PCM, found[0]) == SENTENCES
    assert len(engine.status.pids) == 2


async def test_an_ear_counts_from_where_it_began(engine: SpeechEngine) -> None:
    at = 1_000_003
    first, other = await engine.open_ear(FAST, 0), await engine.open_ear(FAST, at)
    cuts, moved = await cuts_of(first, PCM, 1600), await cuts_of(other, PCM, 1600)
    assert [replace(cut, start=cut.start + at, end=cut.end + at) for cut in cuts] == moved


async def test_two_rooms_do_not_hear_each_other(engine: SpeechEngine) -> None:
    ours, theirs = await engine.open_ear(FAST, 0), await engine.open_ear(FAST, 0)
    silence = bytes(len(PCM))
    cuts: list[Cut] = []
    for at in range(0, len(PCM), 3200):
        cuts += (await ours.look(PCM[at : at + 3200])).cuts
        heard = await theirs.look(silence[at : at + 3200])
        assert (heard.cuts, heard.speaking_from, heard.rms) == ((), None, 0)
    assert await texts_of(engine, PCM, cuts) == SENTENCES


async def test_after_an_ear_died_another_one_goes_on_from_there(engine: SpeechEngine) -> None:
    ear, half = await engine.open_ear(FAST, 0), len(PCM) // 4 * 2
    looked = await ear.look(PCM[:half])
    cuts = list(looked.cuts)
    workers = processes_of(engine)
    workers.signal(signal.SIGSTOP)

    async def look_in_vain() -> None:
        with pytest.raises(EngineDied, match="a speech ear ended: SIGKILL"):
            await ear.look(PCM[half:])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(look_in_vain)
        await anyio.wait_all_tasks_blocked()
        workers.signal(signal.SIGKILL)
    with pytest.raises(EngineDied):
        await ear.look(PCM[half:])
    await ear.close()
    again = await engine.open_ear(FAST, looked.until)
    cuts += await cuts_of(again, PCM[2 * looked.until :], 1600)
    workers.close()
    assert await texts_of(engine, PCM, cuts) == SENTENCES


async def test_what_is_still_being_said_is_told_and_ends_with_the_sound(
    engine: SpeechEngine,
) -> None:
    ear = await engine.open_ear(FAST, 0)
    pcm = as_pcm(say("欢迎来到", tail_s=0))[: -2 * 700]
    looked = await ear.look(pcm)
    assert looked.cuts == ()
    assert looked.speaking_from == looked.until <= 0.3 * 16_000
    assert looked.rms == pytest.approx(0.1, abs=0.05)
    flushed = await ear.flush()
    assert [cut.cause for cut in flushed.cuts] == ["end"]
    assert flushed.cuts[0].end <= flushed.until == len(pcm) // 2
    assert await texts_of(engine, pcm, list(flushed.cuts)) == ["欢迎来到"]
    assert (await ear.look(b"")).speaking_from is None


async def test_sound_may_follow_a_flush(engine: SpeechEngine) -> None:
    ear, pieces = await engine.open_ear(FAST, 0), []
    for _ in range(2):
        pieces += await cuts_of(ear, PCM[: 2 * 40_100], 1600)
    assert await texts_of(engine, PCM[: 2 * 40_100] * 2, pieces) == SENTENCES[:1] * 2


async def test_asking_an_ear_that_was_closed_harms_no_other(engine: SpeechEngine) -> None:
    closed, open_one = await engine.open_ear(FAST, 0), await engine.open_ear(FAST, 0)
    await closed.close()
    with pytest.raises(EngineDied, match="could not do it"):
        await closed.look(PCM)
    assert len((await open_one.look(PCM)).cuts) == len(SENTENCES)


@pytest.mark.parametrize("kind", ["music", "noise", "silence"])
def test_neither_music_nor_noise_is_speech(tones: ToneFiles, kind: str) -> None:
    ears = Ears(str(tones.vad))
    noise, music = {"music": (0, 0.2), "noise": (0.1, 0), "silence": (0, 0)}[kind]
    sound = say("", lead_s=5, noise=noise, music=music)
    ears.open(1, FAST, 0)
    assert ears[1].look(as_pcm(sound)).cuts == ears[1].flush().cuts == ()


def test_what_is_too_quiet_is_none(tones: ToneFiles) -> None:
    ears = Ears(str(tones.vad))
    for number, floor_rms in enumerate((0.0, 0.05)):
        ears.open(number, replace(FAST, floor_rms=floor_rms), 0)
    quiet = as_pcm(say("欢迎来到直播间", amplitude=0.02, tail_s=1))
    assert len(ears[0].look(quiet).cuts) == 1
    assert len(ears[1].look(quiet).cuts) == 0


def test_the_detector_of_a_closed_stream_remembers_nothing(tones: ToneFiles) -> None:
    ears = Ears(str(tones.vad))
    ears.open(1, FAST, 0)
    ears[1].look(PCM[: len(PCM) // 4 * 2])
    used = ears[1].voice
    ears.close(1)
    ears.open(2, FAST, 0)
    assert ears[2].voice is used
    fresh = Ears(str(tones.vad))
    fresh.open(2, FAST, 0)
    assert ears[2].look(PCM) == fresh[2].look(PCM)


def test_no_sound_is_silent(tones: ToneFiles) -> None:
    ears = Ears(str(tones.vad))
    ears.open(1, FAST, 0)
    assert ears[1].look(b"") == Looked(until=0, cuts=(), speaking_from=None, rms=0.0)
    assert ears[1].look(np.full(800, -32768, "<i2").tobytes()).rms == 1.0
