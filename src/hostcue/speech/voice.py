"""Where somebody speaks, in the streams of a worker that is an ear."""

from __future__ import annotations

from collections import defaultdict
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from hostcue.model.speech import SegmenterRules
from hostcue.speech.protocol import Looked
from hostcue.speech.segmenter import WINDOW, Cut, Segmenter

_FULL_SCALE = 32768
_HZ = 16_000

Samples = NDArray[np.float32]


def samples_of(pcm: bytes) -> Samples:
    """Signed 16-bit samples on a scale of -1..1."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(_FULL_SCALE)


class VoiceDetector:
    """Silero's judgement of one window after the other, through sherpa-onnx.

    Speech begins above `threshold` and lasts while it stays above `threshold` - 0.15, a margin
    that sherpa-onnx has built in. It tells the beginning one window late, so rules need a
    `pre_roll_s`. Asked for no shortest speech or silence, it gives nothing but that decision.
    """

    def __init__(self, model: str, threshold: float) -> None:
        import sherpa_onnx  # type: ignore[import-untyped] # it has no types

        rules = sherpa_onnx.VadModelConfig()
        rules.sample_rate = _HZ
        rules.num_threads = 1
        rules.silero_vad.model = model
        rules.silero_vad.threshold = threshold
        rules.silero_vad.min_silence_duration = 0
        rules.silero_vad.min_speech_duration = 0
        self._model = sherpa_onnx.VadModel.create(rules)
        self._context = self._model.window_size() - WINDOW  # from its fifth version on: 64
        self.reset()

    def reset(self) -> None:
        """What comes next has nothing to do with what was before."""
        self._model.reset()
        self._tail = [0.0] * self._context

    def is_speech(self, window: Samples) -> bool:
        """Whether the window that follows is speech."""
        values = window.tolist()  # sherpa-onnx takes numbers, of which numpy's are slower
        speech: bool = self._model.is_speech(self._tail + values)
        self._tail = values[len(values) - self._context :]
        return speech


class _Stream:
    """One stream."""

    def __init__(self, voice: VoiceDetector, rules: SegmenterRules, at: int) -> None:
        self.voice = voice
        self._rules = rules
        self._given = at
        self._rest = np.zeros(0, np.float32)
        self._segmenter = Segmenter(rules, at)

    def look(self, pcm: bytes) -> Looked:
        """Hear what follows, in whole windows; what is left over waits for more."""
        fresh = samples_of(pcm)
        self._given += len(fresh)
        samples = np.concatenate([self._rest, fresh])
        whole = len(samples) - len(samples) % WINDOW
        self._rest = samples[whole:]
        cuts = [cut for at in range(0, whole, WINDOW) if (cut := self._take(samples[at:][:WINDOW]))]
        return self._looked(cuts, _rms(fresh))

    def flush(self) -> Looked:
        """Cut what is being spoken where the sound ends; another beginning may follow."""
        cuts: list[Cut | None] = []
        if len(self._rest):
            cuts.append(self._take(np.pad(self._rest, (0, WINDOW - len(self._rest)))))
        cuts.append(self._segmenter.flush())
        kept = [Cut(c.start, min(c.end, self._given), c.cause) for c in cuts if c is not None]
        self.voice.reset()
        self._rest = self._rest[:0]
        self._segmenter = Segmenter(self._rules, self._given)
        return self._looked(kept, 0.0)

    def _take(self, window: Samples) -> Cut | None:
        energy = float(np.dot(window, window)) / WINDOW
        return self._segmenter.take(self.voice.is_speech(window), energy)

    def _looked(self, cuts: list[Cut], rms: float) -> Looked:
        found = self._segmenter
        return Looked(found.until, tuple(cuts), found.speaking_from, rms)


class Ears:
    """The streams of a worker, by number; the detectors of closed ones are used again."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._streams: dict[int, tuple[float, _Stream]] = {}
        self._spare = defaultdict[float, list[VoiceDetector]](list)

    def open(self, ear: int, rules: SegmenterRules, at: int) -> None:
        """Begin another one."""
        spare = self._spare[rules.threshold]
        voice = spare.pop() if spare else VoiceDetector(self._model, rules.threshold)
        self._streams[ear] = (rules.threshold, _Stream(voice, rules, at))

    def __getitem__(self, ear: int) -> _Stream:
        return self._streams[ear][1]

    def close(self, ear: int) -> None:
        """Forget one."""
        threshold, stream = self._streams.pop(ear)
        stream.voice.reset()
        self._spare[threshold].append(stream.voice)


def _rms(samples: Samples) -> float:
    return sqrt(float(np.dot(samples, samples)) / len(samples)) if len(samples) else 0.0
