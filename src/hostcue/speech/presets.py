"""How rooms are listened to: the presets, and what may be changed of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypedDict, Unpack, cast

from hostcue.errors import BadRequest
from hostcue.model.speech import AssemblerRules, Profile, SegmenterRules, SpeechPlan

PRESETS: Mapping[Profile, SpeechPlan] = {
    "fast": SpeechPlan(
        "fast",
        chunk_s=0.4,
        segmenter=SegmenterRules(
            threshold=0.5,
            release=0.35,
            min_speech_s=0.20,
            pre_roll_s=0.30,
            post_roll_s=0.15,
            min_silence_s=0.35,
            soft_max_s=6,
            soft_silence_s=0.10,
            hard_max_s=10,
        ),
        assembler=AssemblerRules(max_wait_s=2.0, max_chars=60, min_chars=5, silence_flush=1),
    ),
    "balanced": SpeechPlan(
        "balanced",
        chunk_s=0.4,
        segmenter=SegmenterRules(
            threshold=0.5,
            release=0.35,
            min_speech_s=0.20,
            pre_roll_s=0.30,
            post_roll_s=0.20,
            min_silence_s=0.50,
            soft_max_s=8,
            soft_silence_s=0.15,
            hard_max_s=15,
        ),
        assembler=AssemblerRules(max_wait_s=2.5, max_chars=60, min_chars=6, silence_flush=2),
    ),
    "stable": SpeechPlan(
        "stable",
        chunk_s=0.8,
        segmenter=SegmenterRules(
            threshold=0.6,
            release=0.45,
            min_speech_s=0.30,
            pre_roll_s=0.40,
            post_roll_s=0.25,
            min_silence_s=0.80,
            soft_max_s=10,
            soft_silence_s=0.20,
            hard_max_s=20,
        ),
        assembler=AssemblerRules(max_wait_s=3.5, max_chars=80, min_chars=8, silence_flush=2),
    ),
    "offline": SpeechPlan(
        "offline",
        chunk_s=0.4,
        segmenter=SegmenterRules(
            threshold=0.5,
            release=0.35,
            min_speech_s=0.20,
            pre_roll_s=0.30,
            post_roll_s=0.20,
            min_silence_s=0.50,
            soft_max_s=10,  # a live stretch waits for one that is at work: not for long
            soft_silence_s=0.20,
            hard_max_s=15,
        ),
        assembler=AssemblerRules(max_wait_s=math.inf, max_chars=200, min_chars=0, silence_flush=2),
    ),
}
"""Live: a sentence soon (`fast`), whole sentences (`stable`), or between; `offline` for files."""


class Wishes(TypedDict, total=False):
    """What a caller wants otherwise than the preset has it, in the contract's words; None: as is.

    `vad_hangover_sec` is how much after the last word is kept, `vad_rms` the loudness under which
    nothing is speech, `vad_force_flush_sec` the hard limit; the soft one moves with it.
    """

    chunk_duration: float | None
    max_wait: float | None
    max_chars: float | None
    min_sentence_chars: float | None
    silence_flush: float | None
    vad_min_silence_sec: float | None
    vad_min_speech_sec: float | None
    vad_hangover_sec: float | None
    vad_rms: float | None
    vad_force_flush_sec: float | None
    vad_force_flush_overlap_sec: float | None


RANGES: Mapping[str, tuple[float, float]] = {
    "chunk_duration": (0.2, 2.0),
    "max_wait": (0.5, 10),
    "max_chars": (16, 240),
    "min_sentence_chars": (0, 80),
    "silence_flush": (1, 8),
    "vad_min_silence_sec": (0.2, 2.5),
    "vad_min_speech_sec": (0.2, 2.5),
    "vad_hangover_sec": (0.1, 1.5),
    "vad_rms": (0.001, 0.2),
    "vad_force_flush_sec": (2, 12),
    "vad_force_flush_overlap_sec": (0, 1),
}
"""The least and the most of each wish, both allowed."""

_WHOLE = frozenset({"max_chars", "min_sentence_chars", "silence_flush"})


def plan_of(
    profile: str = "fast",
    *,
    partials: bool = False,
    language: str = "zh",
    hot_words: Sequence[str] = (),
    **wishes: Unpack[Wishes],
) -> SpeechPlan:
    """A preset with a caller's wishes.

    What depends on a wish follows it: no more than the shortest pause is kept after the last word.

    Raises:
        BadRequest: no such profile or wish, out of its range, or against another; names the field.
    """
    if profile not in PRESETS:
        choice = ", ".join(PRESETS)
        raise BadRequest(f"no profile {profile!r}; choose from {choice}", field="profile")
    asked = _checked(wishes)
    preset = PRESETS[cast("Profile", profile)]
    return replace(
        preset,
        chunk_s=asked.get("chunk_duration", preset.chunk_s),
        segmenter=_segmenter(preset.segmenter, asked),
        assembler=_assembler(preset.assembler, asked),
        partials=partials,
        language=language,
        hot_words=tuple(hot_words),
    )


def _checked(wishes: Mapping[str, object]) -> dict[str, float]:
    asked: dict[str, float] = {}
    for name, value in wishes.items():
        if name not in RANGES:
            raise BadRequest(f"there is no {name!r} to set", field=name)
        if value is None:
            continue
        least, most = RANGES[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadRequest(f"{name} must be a number", field=name)
        if not least <= value <= most:  # also refuses what is no number
            raise BadRequest(f"{name} must be {least:g} to {most:g}", field=name)
        if name in _WHOLE and value != int(value):
            raise BadRequest(f"{name} must be a whole number", field=name)
        asked[name] = value
    return asked


def _segmenter(preset: SegmenterRules, asked: Mapping[str, float]) -> SegmenterRules:
    hard_max_s = asked.get("vad_force_flush_sec", preset.hard_max_s)
    min_silence_s = asked.get("vad_min_silence_sec", preset.min_silence_s)
    min_speech_s = asked.get("vad_min_speech_sec", preset.min_speech_s)
    soft_max_s = preset.soft_max_s * hard_max_s / preset.hard_max_s
    if min_speech_s + preset.pre_roll_s > hard_max_s:
        raise BadRequest(
            "vad_min_speech_sec leaves no room before vad_force_flush_sec",
            field="vad_min_speech_sec",
        )
    return replace(
        preset,
        min_speech_s=min_speech_s,
        post_roll_s=min(asked.get("vad_hangover_sec", preset.post_roll_s), min_silence_s),
        min_silence_s=min_silence_s,
        soft_max_s=soft_max_s,
        soft_silence_s=min(preset.soft_silence_s, min_silence_s),
        hard_max_s=hard_max_s,
        overlap_s=asked.get("vad_force_flush_overlap_sec", preset.overlap_s),
        floor_rms=asked.get("vad_rms", preset.floor_rms),
    )


def _assembler(preset: AssemblerRules, asked: Mapping[str, float]) -> AssemblerRules:
    max_chars = int(asked.get("max_chars", preset.max_chars))
    min_chars = int(asked.get("min_sentence_chars", min(preset.min_chars, max_chars)))
    if min_chars > max_chars:
        raise BadRequest("min_sentence_chars must not exceed max_chars", field="min_sentence_chars")
    return AssemblerRules(
        max_wait_s=asked.get("max_wait", preset.max_wait_s),
        max_chars=max_chars,
        min_chars=min_chars,
        silence_flush=int(asked.get("silence_flush", preset.silence_flush)),
    )
