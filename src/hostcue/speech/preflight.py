"""Whether a model's files can be what they should be, asked before a process loads them.

sherpa-onnx ends its process when a key of the metadata is missing, and loads a model without
tokens, to fail at the first word. Here both are told, with what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hostcue.errors import ModelRefused
from hostcue.speech.onnx_file import NotOnnx, OnnxFile, read_onnx

SENSEVOICE, NANO = "sensevoice", "fun-asr-nano"

_MEL_BINS = 80
_LANGUAGES = tuple(f"lang_{name}" for name in ("auto", "zh", "en", "ja", "ko", "yue"))
# Keys that sherpa-onnx 2.0.1 cannot do without (offline-sense-voice-model.cc).
_COMMON = ("vocab_size", "lfr_window_size", "lfr_window_shift", "normalize_samples")
_NUMBERS = {SENSEVOICE: (*_COMMON, "with_itn", "without_itn", *_LANGUAGES), NANO: _COMMON}
_VECTORS = {SENSEVOICE: ("neg_mean", "inv_stddev"), NANO: ()}
_INPUTS = {SENSEVOICE: 4, NANO: 1}
_SILERO = (
    (("input", "state", "sr"), ("output", "stateN")),  # versions 5 and 6
    (("input", "sr", "h", "c"), ("output", "hn", "cn")),  # version 4
)
_TOO_MANY_TOKENS = 1 << 20

_REMEDY = (
    "`hostcue models pull sensevoice-int8` gets one that fits; of your own take the model and the "
    "tokens.txt that were made for sherpa-onnx, both from one place"
)


def family_of(model: Path) -> str:
    """What kind of model a file is, and that it can be loaded.

    Raises:
        ModelRefused: it is none of those that are known, or damaged.
    """
    found = _read(model)
    family = NANO if "Nano" in found.metadata.get("comment", "") else SENSEVOICE
    if not found.metadata:
        raise _refused(model, "says nothing of itself: it was not made for sherpa-onnx")
    missing = [key for key in (*_NUMBERS[family], *_VECTORS[family]) if key not in found.metadata]
    if missing:
        kind = found.metadata.get("model_type", "")
        of_kind = f" (it calls itself {kind[:40]})" if kind else ""
        raise _refused(model, f"is no {family} model{of_kind}: {missing[0]} is missing in it")
    _check_values(model, family, found)
    return family


def check_recogniser(model: Path, tokens: Path, family: str) -> None:
    """Whether a model of this family can be loaded with these tokens.

    Raises:
        ModelRefused: it can't; the message names the file.
    """
    actual = family_of(model)
    if family != actual:
        raise _refused(model, f"is a {actual} model, not a {family} one")
    _check_tokens(tokens, int(_read(model).metadata["vocab_size"]))


def check_vad(vad: Path) -> None:
    """Whether it is a silero voice detector.

    Raises:
        ModelRefused: it is none.
    """
    found = _read(vad)
    if (tuple(found.inputs), tuple(found.outputs)) not in _SILERO:
        raise _refused(vad, "is no silero voice detector", "`hostcue models pull silero-vad`")


def _read(path: Path) -> OnnxFile:
    try:
        return read_onnx(path)
    except NotOnnx as exc:
        raise _refused(path, str(exc)) from None
    except OSError as exc:
        raise _refused(path, f"can't be read: {exc.strerror}") from None


def _check_values(model: Path, family: str, found: OnnxFile) -> None:
    for key in _NUMBERS[family]:
        _whole(model, found.metadata, key)
    features = _MEL_BINS * _whole(model, found.metadata, "lfr_window_size")
    for key in _VECTORS[family]:
        if _length(found.metadata[key]) != features:
            raise _refused(model, f"has a {key} that is no list of {features} numbers")
    if len(found.inputs) < _INPUTS[family]:
        raise _refused(model, f"takes too few inputs for a {family} model")


def _whole(model: Path, metadata: Mapping[str, str], key: str) -> int:
    try:
        value = int(metadata[key])
    except ValueError:
        value = -1
    if value < 0:
        raise _refused(model, f"has a {key} that is no number")
    return value


def _length(vector: str) -> int:
    try:
        return len([float(number) for number in vector.split(",")])
    except ValueError:
        return 0


def _check_tokens(path: Path, vocabulary: int) -> None:
    """A symbol and its number a line; the symbol of a blank may be left out."""
    try:
        lines = path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as exc:
        what = exc.strerror if isinstance(exc, OSError) else "it is no text"
        raise _refused(path, f"can't be read: {what}") from None
    numbers = {_number(line) for line in lines if line.strip()}
    if 0 not in numbers or -1 in numbers or len(lines) > _TOO_MANY_TOKENS:
        raise _refused(path, "is no list of tokens")
    if abs(len(numbers) - vocabulary) > vocabulary // 100 or max(numbers) > 2 * vocabulary:
        raise _refused(
            path, f"belongs to another model: {len(numbers)} tokens, the model has {vocabulary}"
        )


def _number(line: str) -> int:
    try:
        return int(line.split()[-1])
    except ValueError:
        return -1


def _refused(path: Path, why: str, remedy: str = _REMEDY) -> ModelRefused:
    return ModelRefused(f"{path.name} {why}", field="HOSTCUE_SPEECH_MODEL", remedy=remedy)
