"""What every `Transcriber` promises, shown on models that are loaded as the real ones are."""

from __future__ import annotations

import random
from typing import Literal, get_args

import numpy as np
import pytest
from tone_nano import SPLIT, SPLIT_AS, build_tone_nano
from tone_speech import CHARACTERS, SYLLABLE_S, build_tone_model, say

from hostcue.ports import Transcriber
from hostcue.speech.fun_asr_nano import FunAsrNano
from hostcue.speech.sensevoice import SenseVoice

Kind = Literal["sensevoice", "fun-asr-nano"]


@pytest.fixture(scope="module", params=get_args(Kind))
def transcriber(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Transcriber:
    kind: Kind = request.param
    folder = tmp_path_factory.mktemp("model")
    if kind == "sensevoice":
        files = build_tone_model(folder)
        return SenseVoice(str(files.model), str(files.tokens), language="zh")
    files = build_tone_nano(folder)
    return FunAsrNano(str(files.model), str(files.tokens))


def random_text(seed: int) -> str:
    chance = random.Random(seed)  # noqa: S311 - the same texts each time
    return "".join(chance.choice(CHARACTERS) for _ in range(chance.randint(12, 30)))


@pytest.mark.parametrize("seed", range(5))
def test_what_is_said_is_what_is_heard(transcriber: Transcriber, seed: int) -> None:
    text = random_text(seed)
    assert transcriber.transcribe(say(text), language="zh").text == text


def test_noise_beside_speech_changes_no_word(transcriber: Transcriber) -> None:
    sound = say("今天只要八十九块", noise=0.03)
    assert transcriber.transcribe(sound, language="zh").text == "今天只要八十九块"


@pytest.mark.parametrize("length", [0, 100, 399, 400, 1359, 1360, 1500, 16_000])
@pytest.mark.parametrize("loudness", [0, 0.3])
def test_where_nothing_is_said_there_is_no_text(
    transcriber: Transcriber, length: int, loudness: float
) -> None:
    noise = np.random.default_rng(length).normal(0, 1, length) * loudness
    assert transcriber.transcribe(noise.astype(np.float32), language="zh").text == ""


def test_tokens_make_the_text_and_come_when_they_are_said(transcriber: Transcriber) -> None:
    text = "欢迎来到直播间"
    tokens = transcriber.transcribe(say(text, lead_s=0.6), language="zh").tokens
    assert "".join(token.text for token in tokens) == text
    said_at = [0.6 + SYLLABLE_S * number for number in range(len(text))]
    assert [token.start_s for token in tokens] == pytest.approx(said_at, abs=0.09)


@pytest.mark.parametrize("language", ["zh", "en", "auto", "", "xx"])
def test_any_language_may_be_asked_for(transcriber: Transcriber, language: str) -> None:
    assert transcriber.transcribe(say("你家人"), language=language).text == "你家人"


def test_the_same_sound_is_heard_alike_each_time(transcriber: Transcriber) -> None:
    sound = say("喜欢的宝贝下单")
    first = transcriber.transcribe(sound, language="zh")
    transcriber.transcribe(say("三号链接"), language="zh")
    assert transcriber.transcribe(sound, language="zh") == first


@pytest.mark.parametrize("transcriber", ["sensevoice"], indirect=True)
@pytest.mark.parametrize(
    ("language", "told"), [("zh", "zh"), ("en", "en"), ("yue", "yue"), ("xx", "zh")]
)
def test_sensevoice_tells_its_tags_without_brackets(
    transcriber: Transcriber, language: str, told: str
) -> None:
    heard = transcriber.transcribe(say("你家人"), language=language)
    assert (heard.language, heard.emotion, heard.event) == (told, "NEUTRAL", "Speech")
    with_music = transcriber.transcribe(say("你家人", music=0.1), language=language)
    assert (with_music.text, with_music.event) == ("你家人", "BGM")


@pytest.mark.parametrize("transcriber", ["fun-asr-nano"], indirect=True)
def test_a_character_of_two_tokens_is_whole_in_the_text(transcriber: Transcriber) -> None:
    heard = transcriber.transcribe(say(f"百{SPLIT_AS}好看"), language="zh")
    assert heard.text == f"百{SPLIT}好看"
    assert heard.tokens == ()
    assert (heard.language, heard.emotion, heard.event) == ("", "", "")
