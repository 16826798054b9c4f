"""What the pretend hosts say, and when: sentences between pauses, as speech or as tones."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import wave
from collections.abc import Callable
from dataclasses import dataclass
from importlib import util
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import installed
from hostcue.model.sound import SAMPLE_HZ

Samples = NDArray[np.float32]

_SUPPORT = Path(__file__).parents[1] / "tests" / "support"
_SENTENCES = (
    "欢迎来到直播间，喜欢的宝贝点点关注。",
    "这件衣服是纯棉的面料，今天只要八十九块。",
    "大码的姐妹放心拍，一百六十斤都可以穿。",
    "三号链接还有最后二十件，抢到就是赚到。",
    "今天下单的全部包邮，七天之内可以退换。",
    "有人问什么时候发货，我们四十八小时之内发出。",
    "黑色白色蓝色都有，喜欢哪个颜色扣在公屏上。",
    "来，三二一，上链接。",
)
_PAUSES_S = (0.9, 1.3, 0.8, 1.1)
_QUIET = 0.02  # of the loudest: less than that is no speech
_BLOCK = SAMPLE_HZ // 200
_AMPLITUDE = 0.5


@dataclass(frozen=True, slots=True)
class Spoken:
    """One recording of sentences; `sentences` are their `[start, end)` in milliseconds."""

    samples: Samples
    sentences: tuple[tuple[float, float], ...]

    @property
    def length_ms(self) -> float:
        """With its last pause."""
        return 1000 * len(self.samples) / SAMPLE_HZ


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks, and the file of the detector that hears it."""

    name: str
    detector: Path
    say: Callable[[str], Samples]


def find_voice(folder: Path, *, tones: bool = False) -> Voice:
    """espeak-ng with silero's detector where both are to be had; else the tests' tones.

    The detector of those is built in `folder`.
    """
    detector = None if tones else _silero()
    if detector is not None and shutil.which("espeak-ng"):
        return Voice("espeak-ng cmn, silero", detector, _speak)
    sys.path.append(str(_SUPPORT))
    from tone_speech import CHARACTERS, MARKS, build_tone_model
    from tone_speech import say as sound

    def say(text: str) -> Samples:
        return sound("".join(one for one in text if one in CHARACTERS + MARKS), lead_s=0, tail_s=0)

    return Voice("tones, the tests' detector", build_tone_model(folder).vad, say)


def speak(voice: Voice, seconds: float) -> Spoken:
    """So many seconds of sentences, each with the pause behind it; silence fills the end."""
    said = [_trimmed(voice.say(text)) for text in _SENTENCES]
    pieces: list[Samples] = []
    sentences: list[tuple[float, float]] = []
    at = _count(_PAUSES_S[0])
    pieces.append(_silence(at))
    end, number = _count(seconds), 0
    while True:
        samples = said[number % len(said)]
        pause = _count(_PAUSES_S[number % len(_PAUSES_S)])
        if at + len(samples) + pause > end:
            break
        sentences.append((_ms(at), _ms(at + len(samples))))
        pieces += [samples, _silence(pause)]
        at += len(samples) + pause
        number += 1
    return Spoken(np.concatenate([*pieces, _silence(end - at)]), tuple(sentences))


def without_a_pause(voice: Voice, seconds: float) -> Spoken:
    """Somebody who never stops for breath, between two silences."""
    said = np.concatenate([_dense(_trimmed(voice.say(text))) for text in _SENTENCES])
    rounds = -(-_count(seconds) // len(said))
    speech = np.tile(said, rounds)[: _count(seconds)]
    quiet = _silence(SAMPLE_HZ)
    whole = np.concatenate([quiet, speech, quiet])
    return Spoken(whole, ((_ms(len(quiet)), _ms(len(quiet) + len(speech))),))


def as_pcm(samples: Samples) -> bytes:
    """Signed 16-bit little-endian."""
    return (samples.clip(-1, 1) * 32767).astype("<i2").tobytes()


def as_file(samples: Samples, path: Path) -> Path:
    """A wave file, written."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_HZ)
        file.writeframes(as_pcm(samples))
    return path


def _silero() -> Path | None:
    """Its file out of the wheel, without what that would install beside it."""
    spec = util.find_spec("silero_vad")
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        folder = installed("silero-vad", "--no-deps")
        places = [str(folder / "silero_vad")] if folder else []
    found = [Path(place) / "data" / "silero_vad.onnx" for place in places]
    return next(filter(Path.is_file, found), None)


def _speak(text: str) -> Samples:
    """One sentence by espeak-ng, at our rate."""
    command = ["espeak-ng", "-v", "cmn", "-s", "280", "--stdout", text]
    done = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - the system's own
    with wave.open(io.BytesIO(done.stdout)) as told:
        hz = told.getframerate()
        # espeak-ng cannot know the length of what it pipes: the header's is wrong
        whole = np.frombuffer(told.readframes(1 << 28), np.int16).astype(np.float32)
    at = np.arange(0, len(whole), hz / SAMPLE_HZ)
    samples = np.interp(at, np.arange(len(whole)), whole).astype(np.float32)
    return samples * np.float32(_AMPLITUDE / np.abs(samples).max())


def _loud(samples: Samples) -> NDArray[np.bool_]:
    """Of each block of 5 ms, whether it is speech."""
    blocks = samples[: len(samples) // _BLOCK * _BLOCK].reshape(-1, _BLOCK)
    peaks: Samples = np.abs(blocks).max(axis=1)
    loud: NDArray[np.bool_] = peaks > _QUIET * peaks.max()
    return loud


def _trimmed(samples: Samples) -> Samples:
    """From the first speech to the last."""
    loud = np.flatnonzero(_loud(samples))
    return samples[loud[0] * _BLOCK : (loud[-1] + 1) * _BLOCK]


def _dense(samples: Samples) -> Samples:
    """Without its quiet blocks."""
    loud = _loud(samples)
    return samples[: len(loud) * _BLOCK].reshape(-1, _BLOCK)[loud].reshape(-1)


def _silence(count: int) -> Samples:
    return np.zeros(count, np.float32)


def _count(seconds: float) -> int:
    return round(seconds * SAMPLE_HZ)


def _ms(count: int) -> float:
    return 1000 * count / SAMPLE_HZ
