"""Fun-ASR-Nano's CTC half, through sherpa-onnx."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hostcue.model.speech import Transcript
from hostcue.speech.sensevoice import AUTO, load, recognise


class FunAsrNano:
    """A `Transcriber`. It takes no language and gives no tags.

    sherpa-onnx loads it as a SenseVoice model, and knows it by the word "Nano" in its metadata.
    """

    def __init__(self, model: str, tokens: str) -> None:
        self._recogniser = load(model, tokens, AUTO)

    def transcribe(self, samples: NDArray[np.float32], *, language: str) -> Transcript:
        """See `Transcriber`."""
        del language
        return recognise(self._recogniser, samples)
