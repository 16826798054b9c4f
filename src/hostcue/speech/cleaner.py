"""What a recogniser writes, made fit to be read; and what is likely worth nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hostcue.model.utterance import Flag

_WIDE = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff\u3005\u3007"  # Chinese, Japanese
_WIDE_MARKS = "，。！？；：、"
_MARKS = f"{_WIDE_MARKS},.!?;:"
_TO_WIDE = str.maketrans(",.!?;:", "，。！？；：")
_TO_NARROW = str.maketrans({chr(code): chr(code - 0xFEE0) for code in
    (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))})  # fmt: skip

_TAG = re.compile(r"<\|[^|<>]*\|>")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+|\s+")
_RUN = re.compile(f"[{_MARKS}]+")
_SPACE_BESIDE_WIDE = re.compile(f"(?<=[{_WIDE}{_WIDE_MARKS}]) +| +(?=[{_WIDE}{_WIDE_MARKS}])")
_REPEATED = re.compile(rf"([{_MARKS}…])\1+")
_WEAK_BEFORE_END = re.compile("[，、]+(?=[。！？；])")
_BEGINS_WITH_MARKS = re.compile(f"^[ {_MARKS}]+")

_NOT_WORDS = re.compile(r"[\W_]+")
_FILLER = re.compile(
    r"(?:[嗯啊呃额哦噢喔唔诶欸哎唉呀哈呵嘿哼嗨]|那个|这个|就是说?|然后|对|好的?|是的?|ok|yeah|um+|uh+)+",
    re.IGNORECASE,
)
_LOOP = re.compile(r"(.{1,8}?)\1{2,}")
_QUIET_RMS = 0.005  # 46 dB below full scale: hosts are some 20 to 30 dB louder


def clean(text: str) -> str:
    """The text in one line, without the recogniser's own signs; no word is left out.

    Marks beside Chinese or Japanese characters become full-width; those of numbers and Latin
    words stay (`3.5`). Repeated marks become one, marks before the first word go. Spaces stay
    between Latin words alone. What is clean stays as it is.
    """
    before = ""
    while text != before:  # taking something out may bring together what then has to be joined
        before, text = text, _cleaned_once(text)
    return text


def flags_of(
    text: str, *, rms: float | None = None, before: Sequence[str] = ()
) -> tuple[Flag, ...]:
    """Why a sentence is likely worth nothing to a reader.

    `filler`: nothing but interjections and the like. `repeat`: one thing said over and over, or
    the same as one of the sentences `before`. `low_energy`: too quiet to have been the host.
    """
    bare = _NOT_WORDS.sub("", text).lower()
    flags: list[Flag] = []
    if _FILLER.fullmatch(bare):
        flags.append("filler")
    if bare and (_LOOP.fullmatch(bare) or bare in (_NOT_WORDS.sub("", b).lower() for b in before)):
        flags.append("repeat")
    if rms is not None and rms < _QUIET_RMS:
        flags.append("low_energy")
    return tuple(flags)


def _cleaned_once(text: str) -> str:
    text = _CONTROL.sub(" ", _TAG.sub("", text)).translate(_TO_NARROW)
    text = _SPACE_BESIDE_WIDE.sub("", text)
    text = _RUN.sub(_widened, text)
    text = _WEAK_BEFORE_END.sub("", _REPEATED.sub(r"\1", text))
    return _BEGINS_WITH_MARKS.sub("", text).strip()


def _widened(run: re.Match[str]) -> str:
    text = run.string
    beside = text[run.start() - 1 : run.start()] + text[run.end() : run.end() + 1]
    return run[0].translate(_TO_WIDE) if re.search(f"[{_WIDE}]", beside) else run[0]
