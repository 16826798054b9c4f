"""A model of SenseVoice's size and kind with random weights: it costs the same, and says nothing.

234 million parameters in 70 blocks, int8 weights in MatMuls that quantise as they go, the same
inputs, output and metadata as the published one. What it hears is noise; the bias of its last
layer is set so that it says one symbol each 240 ms, as fast as a host talks, and ends each stretch
with a full stop, as the real one mostly does.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmarks.benchmark import progress

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

_VERSION = "1"  # of what is built here: another one is built anew
_FEATURES, _WIDTH, _INNER, _HEADS, _SYMBOLS, _TAPS = 560, 512, 2048, 4, 25_055, 11
_ENCODERS, _LATER_ENCODERS = 50, 20
_ZERO = 128  # of the weights, which are uint8
_TAGS = ("<|zh|>", "<|NEUTRAL|>", "<|Speech|>", "<|withitn|>")
_SPECIAL = ("<unk>", "<s>", "</s>", *_TAGS, "。")
_FRAMES_PER_SYMBOL = 4  # of 60 ms
_FIRST_CHARACTER = 0x4E00


def full_size_model() -> Path:
    """The folder with `model.int8.onnx` and `tokens.txt`; built once, 226 MiB in the user's cache.

    Raises:
        ImportError: `onnx` is not installed.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "hostcue-benchmarks" / f"random-sense-voice-{_VERSION}"
    if not folder.is_dir():
        progress(f"build a random model of full size in {folder}")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as place:
            fresh = Path(place) / folder.name
            fresh.mkdir()
            _Builder().build(fresh)
            fresh.rename(folder)
    return folder


class _Builder:
    """The graph as it grows; the names of what an operation gives are numbers."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        self._count = 0

    def build(self, folder: Path) -> None:
        """Write model and symbols."""
        import onnx
        from onnx import TensorProto as Kind
        from onnx import helper

        given = [helper.make_tensor_value_info("x", Kind.FLOAT, ["N", "T", _FEATURES])] + [
            helper.make_tensor_value_info(name, Kind.INT32, ["N"])
            for name in ("x_length", "language", "text_norm")
        ]
        self._shared()
        at = self._encoded(self._prefixed())
        self._last(at)
        logits = helper.make_tensor_value_info("logits", Kind.FLOAT, ["N", "L", _SYMBOLS])
        graph = helper.make_graph(self._nodes, "random", given, [logits], self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        helper.set_model_props(model, dict(_metadata()))
        onnx.save(model, folder / "model.int8.onnx")
        lines = (f"{symbol} {number}\n" for number, symbol in enumerate(_symbols()))
        (folder / "tokens.txt").write_text("".join(lines), encoding="utf-8")

    def _op(self, kind: str, given: Sequence[str], *, named: str = "", **more: object) -> str:
        self._count += 1
        name = named or f"t{self._count}"
        return self._node(kind, given, [name], **more)[0]

    def _node(
        self, kind: str, given: Sequence[str], gives: Sequence[str], **more: object
    ) -> Sequence[str]:
        from onnx import helper

        self._nodes.append(helper.make_node(kind, given, gives, **more))  # type: ignore[arg-type] # attributes are of any kind
        return gives

    def _constant(self, name: str, values: NDArray[np.generic]) -> str:
        from onnx import numpy_helper

        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _floats(self, name: str, *shape: int, spread: float) -> str:
        values = self._random.standard_normal(shape, dtype=np.float32)
        return self._constant(name, values * np.float32(spread))

    def _shared(self) -> None:
        self._constant("heads", np.array([0, 0, _HEADS, _WIDTH // _HEADS], np.int64))
        self._constant("flat", np.array([0, 0, _WIDTH], np.int64))
        self._constant("thirds", np.array([_WIDTH] * 3, np.int64))
        self._constant("root", np.array((_WIDTH // _HEADS) ** -0.5, np.float32))
        self._constant("ones", np.ones(_WIDTH, np.float32))
        self._constant("zeros", np.zeros(_WIDTH, np.float32))
        self._constant("weight_zero", np.array(_ZERO, np.uint8))
        for name, axes in (
            ("axis0", [0]),
            ("axis1", [1]),
            ("axis2", [2]),
            ("axes12", [1, 2]),
            ("from0", [0]),
            ("to7", [_STOP + 1]),
        ):
            self._constant(name, np.array(axes, np.int64))
        self._constant("nothing", np.array(0, np.float32))

    def _product(self, at: str, name: str, size: int, out: int) -> str:
        """`at` times random weights, both as bytes; ORT makes one operation of the six."""
        self._constant(f"{name}.w", self._random.integers(0, 256, (size, out), np.uint8))
        self._constant(f"{name}.s", np.array(_scale(size), np.float32))
        return self._multiplied(at, name)

    def _multiplied(self, at: str, name: str, named: str = "") -> str:
        quick, scale_of, zero_of = (f"{name}.q", f"{name}.qs", f"{name}.qz")
        self._node("DynamicQuantizeLinear", [at], [quick, scale_of, zero_of])
        whole = self._op("MatMulInteger", [quick, f"{name}.w", zero_of, "weight_zero"])
        scales = self._op("Mul", [scale_of, f"{name}.s"])
        return self._op("Mul", [self._op("Cast", [whole], to=_FLOAT), scales], named=named)

    def _linear(self, at: str, name: str, size: int, out: int) -> str:
        bias = self._constant(f"{name}.b", np.zeros(out, np.float32))
        return self._op("Add", [self._product(at, name, size, out), bias])

    def _norm(self, at: str, size: int = _WIDTH) -> str:
        gain, bias = "ones", "zeros"
        if size != _WIDTH:
            gain = self._constant("wide_ones", np.ones(size, np.float32))
            bias = self._constant("wide_zeros", np.zeros(size, np.float32))
        return self._op("LayerNormalization", [at, gain, bias], axis=-1, epsilon=1e-12)

    def _prefixed(self) -> str:
        """The features behind the four rows that ask for language, emotion, event and numbers."""
        table = self._floats("embed", 16, _FEATURES, spread=0.125)
        asked = self._constant("asked", np.array([1, 2], np.int64))
        language, numbers = (
            self._op("Unsqueeze", [self._op("Gather", [table, name], axis=0), "axis1"])
            for name in ("language", "text_norm")
        )
        kinds = self._op("Unsqueeze", [self._op("Gather", [table, asked], axis=0), "axis0"])
        # so that a batch of several has as many rows, and so that the length is looked at
        kinds = self._op("Add", [kinds, self._op("Mul", [language, "nothing"])])
        length = self._op("Cast", ["x_length"], to=_FLOAT)
        length = self._op("Mul", [self._op("Unsqueeze", [length, "axes12"]), "nothing"])
        rows = [self._op("Add", [language, length]), kinds, numbers, "x"]
        scale = self._constant("scale", np.array(_WIDTH**0.5, np.float32))
        return self._op("Mul", [self._op("Concat", rows, axis=1), scale])

    def _encoded(self, at: str) -> str:
        at = self._block(at, "first", _FEATURES)
        for number in range(1, _ENCODERS):
            at = self._block(at, f"e{number}", _WIDTH)
        at = self._norm(at)
        for number in range(_LATER_ENCODERS):
            at = self._block(at, f"l{number}", _WIDTH)
        return self._norm(at)

    def _block(self, at: str, name: str, size: int) -> str:
        """Attention with a memory of the neighbouring frames, and two layers behind it."""
        three = self._linear(self._norm(at, size), f"{name}.qkv", size, 3 * _WIDTH)
        query, key, value = self._node(
            "Split", [three, "thirds"], [f"{name}.{part}" for part in "qkv"], axis=2
        )
        heard = self._linear(self._attention(query, key, value), f"{name}.out", _WIDTH, _WIDTH)
        heard = self._op("Add", [heard, self._memory(value, name)])
        at = heard if size != _WIDTH else self._op("Add", [at, heard])
        inner = self._op("Relu", [self._linear(self._norm(at), f"{name}.f1", _WIDTH, _INNER)])
        return self._op("Add", [at, self._linear(inner, f"{name}.f2", _INNER, _WIDTH)])

    def _attention(self, query: str, key: str, value: str) -> str:
        def split(at: str, order: Sequence[int]) -> str:
            return self._op("Transpose", [self._op("Reshape", [at, "heads"])], perm=order)

        rows = self._op("Mul", [split(query, (0, 2, 1, 3)), "root"])
        scores = self._op("MatMul", [rows, split(key, (0, 2, 3, 1))])
        shares = self._op("Softmax", [scores], axis=-1)
        mixed = self._op("MatMul", [shares, split(value, (0, 2, 1, 3))])
        return self._op("Reshape", [self._op("Transpose", [mixed], perm=(0, 2, 1, 3)), "flat"])

    def _memory(self, value: str, name: str) -> str:
        taps = self._floats(f"{name}.taps", _WIDTH, 1, _TAPS, spread=0.1)
        across = self._op("Transpose", [value], perm=(0, 2, 1))
        folded = self._op("Conv", [across, taps], group=_WIDTH, pads=(5, 5), kernel_shape=(_TAPS,))
        return self._op("Add", [self._op("Transpose", [folded], perm=(0, 2, 1)), value])

    def _last(self, at: str) -> None:
        """Symbols from what was heard, but for those that follow from where a frame stands.

        Seven columns beside the 512 say that; the weights there, and the scales of those symbols,
        are set so that they win or lose whatever was heard.
        """
        weights = self._random.integers(0, 256, (_WIDTH + _STOP + 1, _SYMBOLS), np.uint8)
        weights[_WIDTH:] = _ZERO
        weights[:_WIDTH, : len(_SPECIAL)] = _ZERO
        weights[_WIDTH + _FREE, : len(_SPECIAL)] = 1
        spoken = {**{row: _SPECIAL.index(tag) for row, tag in enumerate(_TAGS)}, _BLANK: 0}
        for row, symbol in {**spoken, _STOP: _SPECIAL.index("。")}.items():
            weights[_WIDTH + row, symbol] = 255
        scales = np.full(_SYMBOLS, _scale(_WIDTH), np.float32)
        scales[: len(_SPECIAL)] = 1
        self._constant("ctc.w", weights)
        self._constant("ctc.s", scales)
        self._multiplied(self._op("Concat", [at, self._places(at)], axis=2), "ctc", "logits")

    def _places(self, at: str) -> str:
        """For each frame which kind it is of: a tag, blank, a symbol, or the full stop."""
        frames = self._op("Gather", [self._op("Shape", [at]), self._number(1)], axis=0)
        where = self._op("Range", [self._number(0), frames, self._number(1)])
        turn = self._op("Mod", [where, self._number(_FRAMES_PER_SYMBOL)])
        speaks = self._op("Equal", [turn, self._number(0)])
        row = self._op("Where", [speaks, self._number(_FREE), self._number(_BLANK)])
        last = self._op("Sub", [frames, self._number(1)])
        row = self._op("Where", [self._op("Equal", [where, last]), self._number(_STOP), row])
        tagged = self._op("Less", [where, self._number(len(_TAGS))])
        row = self._op("Where", [tagged, where, row])
        kinds = self._constant("kinds", 4 * np.eye(_STOP + 1, dtype=np.float32))
        own = self._op("Unsqueeze", [self._op("Gather", [kinds, row], axis=0), "axis0"])
        # as often as there are stretches in the batch
        same = self._op("Mul", [self._op("Slice", [at, "from0", "to7", "axis2"]), "nothing"])
        return self._op("Add", [own, same])

    def _number(self, value: int) -> str:
        self._count += 1
        return self._constant(f"n{self._count}", np.array(value, np.int64))


_FLOAT = 1  # as ONNX numbers its types
_BLANK, _FREE, _STOP = len(_TAGS), len(_TAGS) + 1, len(_TAGS) + 2


def _scale(size: int) -> float:
    """Of weights: what comes out is spread half as widely as what goes in, as in the real one."""
    return float(0.5 / size**0.5 / 74)  # 74 is the spread of evenly spread bytes


def _symbols() -> list[str]:
    """Characters as far as Unicode's first block of them goes; whatever else has a name."""
    plain = [chr(_FIRST_CHARACTER + number) for number in range(20_900)]
    named = [f"t{number}" for number in range(_SYMBOLS - len(_SPECIAL) - len(plain))]
    return [*_SPECIAL, *plain, *named]


def _metadata() -> Mapping[str, str]:
    """As in the published model, but for what it says of itself."""
    languages = {"auto": 0, "zh": 3, "en": 4, "yue": 7, "ja": 11, "ko": 12, "nospeech": 13}
    numbers = {
        "lfr_window_size": 7,
        "lfr_window_shift": 6,
        "normalize_samples": 0,
        "vocab_size": _SYMBOLS,
        "with_itn": 14,
        "without_itn": 15,
        **{f"lang_{name}": number for name, number in languages.items()},
    }
    return {
        **{name: str(number) for name, number in numbers.items()},
        "neg_mean": ",".join(["-8"] * _FEATURES),
        "inv_stddev": ",".join(["0.2"] * _FEATURES),
        "model_type": "sense_voice_ctc",
        "version": "2",
        "comment": "random weights for benchmarks, no speech model",
    }
