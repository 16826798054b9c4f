"""The tone model in the form of Fun-ASR-Nano's CTC half: no tags, and tokens of bytes.

Two of its tokens are halves of one character, as byte tokens are: `SPLIT`, which is said as
`SPLIT_AS`.
"""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

from onnx import ModelProto, TensorProto, helper
from tone_speech import (
    TONES,
    Constants,
    ToneFiles,
    build_tone_model,
    centre_of_stack,
    characters,
    metadata,
    model_of,
)

SPLIT, SPLIT_AS = "搭", "，？"

_KEYS = ("vocab_size", "lfr_window_size", "lfr_window_shift", "normalize_samples")
_SYMBOLS = (*TONES, "")  # the last one is what CTC calls blank


def build_tone_nano(folder: Path) -> ToneFiles:
    """Write the model, its tokens and the voice detector into `folder`."""
    files = build_tone_model(folder)
    files.model.write_bytes(_recogniser().SerializeToString(deterministic=True))
    said = {symbol: symbol.encode() for symbol in _SYMBOLS} | {"": b"<blk>"}
    whole = SPLIT.encode()
    said[SPLIT_AS[0]], said[SPLIT_AS[1]] = whole[:2], whole[2:]
    lines = (f"{b64encode(said[s]).decode()} {n}\n" for n, s in enumerate(_SYMBOLS))
    files.tokens.write_text("".join(lines), "utf-8")
    return files


def _recogniser() -> ModelProto:
    blank = len(_SYMBOLS) - 1
    weights, bias = characters(_SYMBOLS, blank=blank)
    constants: Constants = {**centre_of_stack(), "weights": weights, "bias": bias}
    nodes = [
        helper.make_node("Slice", ["x", "from", "to", "axis"], ["now"]),
        helper.make_node("MatMul", ["now", "weights"], ["sums"]),
        helper.make_node("Add", ["sums", "bias"], ["logits"]),
    ]
    meta = {key: metadata()[key] for key in _KEYS} | {
        "comment": "tones in the form of Fun-ASR-Nano, not a speech model",
        "vocab_size": str(len(_SYMBOLS)),
        "blank_id": str(blank),
    }
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", "T", 560])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", "T", blank + 1])]
    return model_of(nodes, inputs, outputs, constants, meta)
