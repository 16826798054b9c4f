"""Speech that a model of a hundred kilobytes understands exactly: each character is two tones.

The model has SenseVoice's inputs, outputs and metadata, so what loads and runs it is the real
thing; what it was taught is one matrix. The log energies of a tone pair add up in their two mel
bins, so a character's logit is the sum of its bins less a threshold, most of which follows the
loudness: it works over 50 dB, in noise and through codecs, and noise alone says nothing. The files
come out the same at each build.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log1p
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, checker, helper, numpy_helper

MARKS = "，。？！"
CHARACTERS = (
    "零一二三四五六七八九十百千万元块号码大小中红黑白蓝绿色尺衣服裤鞋包这那件款我们你家人宝贝欢迎来到直播间今天给福利价格只要上链接点"
    "关注下单秒杀抢库存发货快递邮退换运费险好看舒适面料纯棉真丝针思显瘦搭喜的扣公屏了是不有在和就都可以吗呢吧啊0123456789."
)
"""What can be said, beside `MARKS`."""
SYLLABLE_S = 0.24
"""Of which the tones take half."""
PAUSE_S = 0.8  # of a blank

_BINS, _STACKED = 80, 7
_SIZE = _BINS * _STACKED
_WINDOW, _CONTEXT = 512, 64
_MUSIC_HZ = 7_400
_NEVER = -1e4
_TAGS = (
    *("<unk>", "<s>", "</s>"),  # the first is what CTC calls blank
    *("<|zh|>", "<|en|>", "<|yue|>", "<|ja|>", "<|ko|>", "<|nospeech|>"),
    *("<|NEUTRAL|>", "<|EMO_UNKNOWN|>", "<|Speech|>", "<|BGM|>", "<|withitn|>", "<|woitn|>"),
)
_LANGUAGES = {"auto": 0, "zh": 3, "en": 4, "yue": 7, "ja": 11, "ko": 12}
_WITH_ITN, _WITHOUT_ITN = 14, 15

Floats = NDArray[np.float32]
Constants = dict[str, NDArray[np.float32] | NDArray[np.int64] | np.float32]


@dataclass(frozen=True, slots=True)
class ToneFiles:
    """A folder as a pulled model has it."""

    folder: Path
    model: Path
    tokens: Path
    vad: Path


def _centre_hz(bin_: int) -> float:
    def mel(hz: float) -> float:
        return 1127 * log1p(hz / 700)

    low, high = mel(20), mel(8000)
    return 700 * (exp((low + (bin_ + 1) * (high - low) / (_BINS + 1)) / 1127) - 1)


def _bins(low_hz: float, high_hz: float) -> list[int]:
    return [n for n in range(_BINS) if low_hz <= _centre_hz(n) <= high_hz][::2]


_ROWS, _COLUMNS = _bins(480, 1700), _bins(1900, 5600)
_MUSIC_BIN = max(n for n in range(_BINS) if _centre_hz(n) < _MUSIC_HZ)
TONES = {
    character: (_ROWS[n // len(_COLUMNS)], _COLUMNS[n % len(_COLUMNS)])
    for n, character in enumerate(CHARACTERS + MARKS)
}
"""The two mel bins of each character."""
SYMBOLS = (*_TAGS, *TONES)
"""The model's tokens, in order."""


def say(
    text: str,
    *,
    lead_s: float = 0.3,
    tail_s: float = 0.3,
    amplitude: float = 0.2,
    noise: float = 0.0,
    music: float = 0.0,
    hz: int = 16_000,
) -> Floats:
    """The sound of a text, between silences; a blank is a pause.

    `noise` is the deviation of white noise, the same at each call; `music` the amplitude of a tone
    that the model takes for background music.
    """
    pieces = [np.zeros(int(lead_s * hz))]
    pieces += [_syllable(character, amplitude, hz) for character in text]
    sound = np.concatenate([*pieces, np.zeros(int(tail_s * hz))])
    at_s = np.arange(len(sound)) / hz
    sound += music * np.sin(2 * np.pi * _centre_hz(_MUSIC_BIN) * at_s)
    sound += noise * np.random.default_rng(0).standard_normal(len(sound))
    return sound.astype(np.float32)


def _syllable(character: str, amplitude: float, hz: int) -> NDArray[np.float64]:
    if character == " ":
        return np.zeros(int(PAUSE_S * hz))
    length = int(SYLLABLE_S / 2 * hz)
    at_s = np.arange(length) / hz
    tones = sum(np.sin(2 * np.pi * _centre_hz(n) * at_s) for n in TONES[character])
    ramp = np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / (0.005 * hz))
    return np.concatenate([amplitude * ramp * tones, np.zeros(length)])


def as_pcm(samples: Floats) -> bytes:
    """The same as signed 16-bit little-endian samples."""
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def build_tone_model(folder: Path) -> ToneFiles:
    """Write the model, its tokens and the voice detector into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    files = ToneFiles(
        folder, folder / "model.int8.onnx", folder / "tokens.txt", folder / "silero_vad.onnx"
    )
    files.model.write_bytes(recogniser().SerializeToString(deterministic=True))
    files.tokens.write_text("".join(f"{s} {n}\n" for n, s in enumerate(SYMBOLS)), "utf-8")
    files.vad.write_bytes(_voice_detector().SerializeToString(deterministic=True))
    return files


def metadata() -> dict[str, str]:
    """What sherpa-onnx wants to know of a SenseVoice model."""
    known = {
        "model_type": "sense_voice_ctc",
        "comment": "tones, not a speech model",
        "vocab_size": len(SYMBOLS),
        "lfr_window_size": _STACKED,
        "lfr_window_shift": 6,
        "normalize_samples": 0,
        "neg_mean": ",".join(["0"] * _SIZE),
        "inv_stddev": ",".join(["1"] * _SIZE),
        "with_itn": _WITH_ITN,
        "without_itn": _WITHOUT_ITN,
        **{f"lang_{name}": number for name, number in _LANGUAGES.items()},
    }
    return {name: str(value) for name, value in known.items()}


def characters(symbols: tuple[str, ...] = SYMBOLS, *, blank: int = 0) -> tuple[Floats, Floats]:
    """Weights and bias that make logits of the mel bins of one moment."""
    weights = np.zeros((_BINS, len(symbols)), np.float32)
    bias = np.full(len(symbols), _NEVER, np.float32)
    bias[blank] = 0
    for number, symbol in enumerate(symbols):
        if symbol in TONES:
            weights[:, number] -= 1.5 / _BINS
            weights[TONES[symbol], number] += 1
            bias[number] = -20
    return weights, bias


def recogniser(meta: dict[str, str] | None = None) -> ModelProto:
    """The model, with other metadata if asked for."""
    weights, bias = characters()
    music, bgm = np.zeros((_BINS, len(SYMBOLS)), np.float32), SYMBOLS.index("<|BGM|>")
    music[:, bgm] -= 1 / _BINS
    music[_MUSIC_BIN, bgm] += 1
    nodes = [
        helper.make_node("Slice", ["x", "from", "to", "axis"], ["now"]),
        helper.make_node("MatMul", ["now", "weights"], ["sums"]),
        helper.make_node("Add", ["sums", "bias"], ["said"]),
        helper.make_node("Gather", ["languages", "language"], ["spoken"]),
        helper.make_node("Gather", ["emotions", "text_norm"], ["felt"]),
        helper.make_node("Gather", ["forms", "text_norm"], ["written"]),
        helper.make_node("ReduceMean", ["now"], ["loudness"], axes=[1], keepdims=1),
        helper.make_node("MatMul", ["loudness", "music"], ["tune"]),
        helper.make_node("Add", ["tune", "events"], ["heard"]),
        helper.make_node("Cast", ["x_length"], ["length"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["length", "zero"], ["nothing"]),
        helper.make_node("Unsqueeze", ["nothing", "last_axes"], ["nothings"]),
        helper.make_node("Add", ["heard", "nothings"], ["event"]),
        helper.make_node(
            "Concat", ["spoken", "felt", "event", "written", "said"], ["logits"], axis=1
        ),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", "T", _SIZE])]
    inputs += [
        helper.make_tensor_value_info(name, TensorProto.INT32, ["N"])
        for name in ("x_length", "language", "text_norm")
    ]
    constants: Constants = {
        **centre_of_stack(),
        "weights": weights,
        "bias": bias,
        "music": music,
        "languages": _table(_spoken),
        "emotions": _table(lambda n: "<|NEUTRAL|>" if n == _WITH_ITN else "<|EMO_UNKNOWN|>"),
        "forms": _table(lambda n: "<|withitn|>" if n == _WITH_ITN else "<|woitn|>"),
        "events": _logits({"<|Speech|>": 0, "<|BGM|>": -5}),
        "zero": np.float32(0),
        "last_axes": np.array([1, 2], np.int64),
    }
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", "L", len(SYMBOLS)])]
    return model_of(nodes, inputs, outputs, constants, metadata() if meta is None else meta)


def centre_of_stack() -> dict[str, NDArray[np.int64]]:
    """Where the middle one of the seven stacked moments is."""
    middle = _STACKED // 2 * _BINS
    return {
        "from": np.array([middle], np.int64),
        "to": np.array([middle + _BINS], np.int64),
        "axis": np.array([2], np.int64),
    }


def _spoken(number: int) -> str:
    names = {n: name for name, n in _LANGUAGES.items() if name != "auto"}
    return f"<|{names.get(number, 'zh')}|>"


def _table(symbol_of: Callable[[int], str]) -> Floats:
    """For each number that the model may be given, the one symbol that it stands for."""
    return np.stack([_logits({symbol_of(number): 0}) for number in range(16)])[:, None]


def _logits(likely: dict[str, float]) -> Floats:
    row = np.full(len(SYMBOLS), _NEVER, np.float32)
    for symbol, logit in likely.items():
        row[SYMBOLS.index(symbol)] = logit
    return row


def _voice_detector() -> ModelProto:
    """Silero's form (v5, v6); its voice is the part of the energy that the two tones hold.

    Like the real one, it takes neither music nor noise for speech.
    """
    at_s = np.arange(_WINDOW + _CONTEXT) / 16_000
    angles = 2 * np.pi * np.outer(at_s, [_centre_hz(n) for n in _ROWS + _COLUMNS])
    nodes = [
        helper.make_node("MatMul", ["input", "cosines"], ["real"]),
        helper.make_node("MatMul", ["input", "sines"], ["imaginary"]),
        helper.make_node("Mul", ["real", "real"], ["real2"]),
        helper.make_node("Mul", ["imaginary", "imaginary"], ["imaginary2"]),
        helper.make_node("Add", ["real2", "imaginary2"], ["powers"]),
        helper.make_node("Split", ["powers", "sizes"], ["low", "high"], axis=1),
        helper.make_node("ReduceMax", ["low"], ["lowest"], axes=[1], keepdims=1),
        helper.make_node("ReduceMax", ["high"], ["highest"], axes=[1], keepdims=1),
        helper.make_node("Add", ["lowest", "highest"], ["tones"]),
        helper.make_node("Mul", ["input", "input"], ["squares"]),
        helper.make_node("ReduceSum", ["squares", "second"], ["sum"], keepdims=1),
        helper.make_node("Add", ["sum", "quiet"], ["energy"]),
        helper.make_node("Div", ["tones", "energy"], ["share"]),
        helper.make_node("Cast", ["sr"], ["hz"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["hz", "zero"], ["nothing"]),
        helper.make_node("Add", ["share", "nothing"], ["voice"]),
        helper.make_node("Sub", ["voice", "half"], ["over"]),
        helper.make_node("Mul", ["over", "steepness"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["output"]),
        helper.make_node("Identity", ["state"], ["stateN"]),
    ]
    scale = (2 / len(at_s)) ** 0.5  # so that a tone which fills the window holds all its energy
    constants: Constants = {
        "cosines": (scale * np.cos(angles)).astype(np.float32),
        "sines": (scale * np.sin(angles)).astype(np.float32),
        "sizes": np.array([len(_ROWS), len(_COLUMNS)], np.int64),
        "second": np.array([1], np.int64),
        "quiet": np.float32(1e-5 * len(at_s)),
        "zero": np.float32(0),
        "half": np.float32(0.25),
        "steepness": np.float32(16),
    }
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", len(at_s)]),
        helper.make_tensor_value_info("state", TensorProto.FLOAT, [2, "N", 128]),
        helper.make_tensor_value_info("sr", TensorProto.INT64, []),
    ]
    outputs = [
        helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", 1]),
        helper.make_tensor_value_info("stateN", TensorProto.FLOAT, [2, "N", 128]),
    ]
    return model_of(nodes, inputs, outputs, constants, {})


def model_of(
    nodes: list[NodeProto],
    inputs: list[ValueInfoProto],
    outputs: list[ValueInfoProto],
    constants: Constants,
    meta: dict[str, str],
) -> ModelProto:
    """A checked model."""
    tensors = [numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()]
    graph = helper.make_graph(nodes, "tones", inputs, outputs, tensors)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(made, meta)
    checker.check_model(made)
    return made
