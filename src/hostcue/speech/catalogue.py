"""The models that hostcue knows how to get: their files, their hashes, where they are, their terms.

Only files whose SHA-256 is known are listed, so that it does not matter who sends them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Family = Literal["sensevoice", "fun-asr-nano", "silero-vad"]
"""How a model is loaded; `silero-vad` hears whether somebody speaks, the others what."""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """One file of a model, as its makers published it."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Licence:
    """The terms of a model's weights; `asks` says in one line what they want of whoever uses it."""

    name: str
    link: str
    asks: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One model; each of `mirrors` is an address that a file's name is put behind."""

    id: str
    revision: str
    family: Family
    about: str
    files: tuple[KnownFile, ...]
    mirrors: tuple[str, ...]
    licence: Licence

    @property
    def size_bytes(self) -> int:
        """Of all its files."""
        return sum(file.size_bytes for file in self.files)


Catalogue = Mapping[str, Entry]

DEFAULT_MODEL = "sensevoice-int8"
VAD_ID = "silero-vad"
VAD_FILE = "silero_vad.onnx"

_FUNASR = Licence(
    "FunASR Model License 1.1",
    "https://github.com/modelscope/FunASR/blob/main/MODEL_LICENSE",
    "free to use, change and share; name the source and the authors, and keep the model's name",
)
_APACHE = Licence(
    "Apache-2.0",
    "https://www.apache.org/licenses/LICENSE-2.0",
    "free to use, change and share; whoever passes it on adds the licence and the notices",
)
_MIT = Licence(
    "MIT",
    "https://github.com/snakers4/silero-vad/blob/master/LICENSE",
    "free to use, change and share; whoever passes it on adds the copyright notice",
)
# the two SenseVoice models use one vocabulary
_SENSEVOICE_TOKENS = KnownFile(
    "tokens.txt", 315_894, "f449eb28dc567533d7fa59be34e2abca8784f771850c78a47fb731a31429a1dc"
)


def _hugging_face(repository: str, revision: str) -> tuple[str, ...]:
    """The mirror that is reached in China, then the original."""
    place = f"{repository}/resolve/{revision}/"
    return (f"https://hf-mirror.com/{place}", f"https://huggingface.co/{place}")


# Sizes, hashes and commits: reference/speech.md §6, and several public repositories that pin the
# same ones (2026-12). None could be fetched here; a wrong one fails its hash, and says so.
_ENTRIES = (
    Entry(
        "sensevoice-int8",
        "2024-07-17",
        "sensevoice",
        "SenseVoice-Small: Mandarin, Cantonese, English, Japanese, Korean; emotion and event tags",
        (
            KnownFile(
                "model.int8.onnx",
                239_233_841,
                "c71f0ce00bec95b07744e116345e33d8cbbe08cef896382cf907bf4b51a2cd51",
            ),
            _SENSEVOICE_TOKENS,
        ),
        (
            "https://modelscope.cn/models/pengzhendong/sherpa-onnx-sense-voice-zh-en-ja-ko-yue"
            "/resolve/73eca47697f980daa3d16112404174b6b950b514/",
            *_hugging_face(
                "csukuangfj/sherpa-onnx-sense-voice-zh-en-ja-ko-yue-2024-07-17",
                "2365baeacb507f821a0c8120fcee3d484dba7a07",
            ),
        ),
        _FUNASR,
    ),
    Entry(
        "sensevoice-yue-int8",
        "2025-09-09",
        "sensevoice",
        "SenseVoice-Small, trained further on Cantonese by ASLP-lab (WSYue-ASR)",
        (
            KnownFile(
                "model.int8.onnx",
                237_115_547,
                "12ca1a2ae7ecf3e0019ef2822307ee0b5cadc9196569e379b4c4026f8205276d",
            ),
            _SENSEVOICE_TOKENS,
        ),
        _hugging_face(
            "csukuangfj/sherpa-onnx-sense-voice-zh-en-ja-ko-yue-int8-2025-09-09",
            "355f4d4884d8afd08aef04b9007a8556d7b463b2",
        ),
        _FUNASR,
    ),
    Entry(
        "fun-asr-nano-int8",
        "2025-12-17",
        "fun-asr-nano",
        "Fun-ASR-Nano, CTC: dialects and noisy rooms; no tags",
        (
            KnownFile(
                "model.int8.onnx",
                263_531_902,
                "9dc6e72aa8bc6f5966cf2857a0ce3a425b1d72e91500e147d66329f407c017a1",
            ),
            KnownFile(
                "tokens.txt",
                939_815,
                "2db4bb25d046e8849e336c9465e248e1694914d996c58c71bdeca18cfb722992",
            ),
        ),
        _hugging_face("csukuangfj/sherpa-onnx-sense-voice-funasr-nano-int8-2025-12-17", "main"),
        _APACHE,
    ),
    Entry(
        VAD_ID,
        "6.2.1",
        "silero-vad",
        "hears whether somebody speaks; every other model needs it",
        (
            KnownFile(
                VAD_FILE,
                2_327_524,
                "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
            ),
        ),
        (
            "https://raw.githubusercontent.com/snakers4/silero-vad/v6.2.1/src/silero_vad/data/",
            "https://github.com/snakers4/silero-vad/raw/v6.2.1/src/silero_vad/data/",
        ),
        _MIT,
    ),
)

CATALOGUE: Catalogue = {entry.id: entry for entry in _ENTRIES}
