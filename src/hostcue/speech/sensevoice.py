"""SenseVoice and what is loaded as it is, through sherpa-onnx."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hostcue.model.sound import SAMPLE_HZ
from hostcue.model.speech import Token, Transcript

if TYPE_CHECKING:
    from sherpa_onnx import OfflineRecognizer  # type: ignore[import-untyped] # it has no types

AUTO = "auto"
LANGUAGES = (AUTO, "zh", "yue", "en", "ja", "ko")
_LEAST = 1_360  # samples: one step of the model takes seven moments of 25 ms, each 10 ms later
_MOST_LOADED = 2


def load(model: str, tokens: str, language: str) -> OfflineRecognizer:
    """The model; more threads than one cost CPU time and bring next to nothing."""
    import sherpa_onnx

    return sherpa_onnx.OfflineRecognizer.from_sense_voice(
        model=model, tokens=tokens, num_threads=1, language=language, use_itn=True
    )


def recognise(recogniser: OfflineRecognizer, samples: NDArray[np.float32]) -> Transcript:
    """What a model makes of the samples; too few for one step of it are nothing."""
    if len(samples) < _LEAST:
        return Transcript("")
    stream = recogniser.create_stream()
    stream.accept_waveform(SAMPLE_HZ, samples)
    recogniser.decode_stream(stream)
    result = stream.result
    try:
        pairs = zip(result.tokens, result.timestamps, strict=True)
        tokens = tuple(Token(text, round(start_s, 3)) for text, start_s in pairs)
    except UnicodeDecodeError:  # a model whose tokens are bytes may split a character
        tokens = ()
    return Transcript(
        result.text.strip(), tokens, _tag(result.lang), _tag(result.emotion), _tag(result.event)
    )


class SenseVoice:
    """A `Transcriber`.

    sherpa-onnx ties the language to the loaded model (giving it another configuration loses what
    the model wants of its features, so that it hears nonsense). The two languages that were asked
    for last stay loaded.
    """

    def __init__(self, model: str, tokens: str, *, language: str = AUTO) -> None:
        self._files = (model, tokens)
        self._loaded: dict[str, OfflineRecognizer] = {}
        self._for(language)

    def transcribe(self, samples: NDArray[np.float32], *, language: str) -> Transcript:
        """See `Transcriber`."""
        return recognise(self._for(language), samples)

    def _for(self, language: str) -> OfflineRecognizer:
        known = language if language in LANGUAGES else AUTO
        recogniser = self._loaded.pop(known, None)
        if recogniser is None:
            while len(self._loaded) >= _MOST_LOADED:
                del self._loaded[next(iter(self._loaded))]
            recogniser = load(*self._files, known)
        self._loaded[known] = recogniser  # as the one that was asked for last
        return recogniser


def _tag(tag: str) -> str:
    return tag.removeprefix("<|").removesuffix("|>")
