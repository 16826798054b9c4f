"""The real voice detector, on a synthetic voice: where both are installed."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest
from tone_speech import Floats, as_pcm

from hostcue.speech.preflight import check_vad
from hostcue.speech.presets import PRESETS
from hostcue.speech.segmenter import Cut
from hostcue.speech.shelf import installed_vad
from hostcue.speech.voice import Ears

HZ = 16_000
TEXT = "欢迎来到我的直播间，今天给大家带来一款连衣裙，面料舒适，喜欢的宝贝点击下方链接下单"


def _missing(what: str) -> None:
    if os.environ.get("HOSTCUE_REQUIRE_ALL") == "1":
        pytest.fail(f"{what} is not installed, and HOSTCUE_REQUIRE_ALL=1")
    pytest.skip(f"{what} is not installed")


@pytest.fixture(scope="module")
def vad() -> Path:
    path = installed_vad()
    if path is None:
        _missing("the package silero-vad")
    assert path is not None
    check_vad(path)
    return path


@pytest.fixture(scope="module")
def spoken() -> Floats:
    """Two sentences of a synthetic voice, with a second of silence around each."""
    program = shutil.which("espeak-ng")
    if program is None:
        _missing("espeak-ng")
    assert program is not None
    said = subprocess.run(
        [program, "-v", "cmn", "--stdout", TEXT], check=True, capture_output=True
    ).stdout
    with wave.open(io.BytesIO(said)) as file:
        hz, raw = file.getframerate(), file.readframes(file.getnframes())
    voice = np.frombuffer(raw, "<i2").astype(np.float32) / 32768
    at = np.arange(int(len(voice) * HZ / hz)) * hz / HZ
    voice = np.interp(at, np.arange(len(voice)), voice).astype(np.float32)
    silence = np.zeros(HZ, np.float32)
    return np.concatenate([silence, voice, silence, voice, silence])


def cuts_in(vad: Path, sound: Floats) -> list[Cut]:
    ears = Ears(str(vad))
    ears.open(1, PRESETS["fast"].segmenter, 0)
    return [*ears[1].look(as_pcm(sound)).cuts, *ears[1].flush().cuts]


def music(length: int) -> Floats:
    """Chords that change, over a beat of 120 a minute."""
    at_s = np.arange(length) / HZ
    chords = np.array([[220, 277, 330], [196, 247, 294], [175, 220, 262], [165, 208, 247]])
    hz = chords[(at_s // 2).astype(int) % 4]
    harmonics = [np.sin(2 * np.pi * hz * k * at_s[:, None]) / k for k in (1, 2, 3)]
    tune = np.sum(harmonics, axis=(0, 2))
    beat = np.exp(-30 * (at_s % 0.5)) * np.random.default_rng(0).normal(0, 1, length)
    sound: Floats = (0.04 * tune + 0.2 * beat).astype(np.float32)
    return sound


def test_nearly_all_that_is_spoken_is_found_from_the_first_syllable_on(
    vad: Path, spoken: Floats
) -> None:
    cuts = cuts_in(vad, spoken)
    found = np.zeros(len(spoken), bool)
    for cut in cuts:
        found[cut.start : cut.end] = True
    loud = np.abs(spoken) > 0.01
    assert found[loud].mean() > 0.95
    first = int(np.argmax(loud))
    assert cuts[0].start <= first
    assert found[: first - HZ // 2].sum() == 0
    pause = len(spoken) // 2
    assert not found[pause - HZ // 8 : pause + HZ // 8].any()


def test_speech_is_found_over_music(vad: Path, spoken: Floats) -> None:
    found = np.zeros(len(spoken), bool)
    for cut in cuts_in(vad, spoken + 0.3 * music(len(spoken))):
        found[cut.start : cut.end] = True
    assert found[np.abs(spoken) > 0.01].mean() >= 0.8


def test_music_alone_is_no_speech(vad: Path) -> None:
    assert cuts_in(vad, music(20 * HZ)) == []


@pytest.mark.parametrize("loudness", [0.003, 0.03, 0.2])
def test_noise_alone_is_no_speech(vad: Path, loudness: float) -> None:
    noise = np.random.default_rng(1).normal(0, loudness, 10 * HZ).astype(np.float32)
    assert cuts_in(vad, noise) == []
