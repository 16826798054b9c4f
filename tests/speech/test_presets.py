"""How a room is listened to, and what of it may be changed."""

from __future__ import annotations

import math
from typing import get_args

import pytest

from hostcue.errors import BadRequest
from hostcue.model.speech import Profile
from hostcue.speech.presets import PRESETS, RANGES, Wishes, plan_of


def test_fast_is_what_the_founding_document_says() -> None:
    plan = plan_of("fast")
    assert (plan.profile, plan.chunk_s, plan.assembler.max_wait_s) == ("fast", 0.4, 2.0)
    assert plan == PRESETS["fast"]
    assert plan_of() == plan
    assert not plan.partials


def test_each_profile_has_a_preset_that_makes_sense() -> None:
    assert set(PRESETS) == set(get_args(Profile))
    for name, plan in PRESETS.items():
        rules = plan.segmenter
        assert plan_of(name) == plan
        assert rules.release < rules.threshold
        assert rules.post_roll_s <= rules.min_silence_s
        assert rules.soft_silence_s <= rules.min_silence_s
        assert rules.pre_roll_s + rules.min_speech_s < rules.soft_max_s < rules.hard_max_s
        assert plan.assembler.min_chars <= plan.assembler.max_chars


def test_every_wish_finds_its_place() -> None:
    plan = plan_of(
        "stable",
        partials=True,
        language="auto",
        hot_words=["碧螺春"],
        chunk_duration=0.2,
        max_wait=0.5,
        max_chars=240,
        min_sentence_chars=80,
        silence_flush=8,
        vad_min_silence_sec=0.6,
        vad_min_speech_sec=0.25,
        vad_hangover_sec=0.4,
        vad_rms=0.02,
        vad_force_flush_sec=12,
        vad_force_flush_overlap_sec=0.25,
    )
    assert (plan.partials, plan.language, plan.hot_words) == (True, "auto", ("碧螺春",))
    assert plan.chunk_s == 0.2
    told = plan.assembler
    assert (told.max_wait_s, told.max_chars, told.min_chars, told.silence_flush) == (
        0.5,
        240,
        80,
        8,
    )
    rules = plan.segmenter
    assert (rules.min_silence_s, rules.min_speech_s, rules.post_roll_s) == (0.6, 0.25, 0.4)
    assert (rules.floor_rms, rules.hard_max_s, rules.overlap_s) == (0.02, 12, 0.25)
    assert rules.threshold == PRESETS["stable"].segmenter.threshold


def test_what_is_not_wished_for_stays() -> None:
    assert plan_of("balanced", max_wait=None, vad_rms=None) == PRESETS["balanced"]


def test_the_soft_limit_keeps_its_distance_from_the_hard_one() -> None:
    rules = plan_of("fast", vad_force_flush_sec=5).segmenter
    assert (rules.soft_max_s, rules.hard_max_s) == (3, 5)


def test_no_more_than_the_shortest_pause_is_kept_after_a_word() -> None:
    rules = plan_of("fast", vad_hangover_sec=1.5, vad_min_silence_sec=0.2).segmenter
    assert rules.post_roll_s == 0.2
    assert plan_of("stable", vad_min_silence_sec=0.2).segmenter.post_roll_s == 0.2


def test_a_short_sentence_needs_no_more_than_a_long_one_may_hold() -> None:
    assert plan_of("stable", max_chars=16).assembler.min_chars == 8
    with pytest.raises(BadRequest) as refused:
        plan_of("fast", max_chars=20, min_sentence_chars=21)
    assert refused.value.field == "min_sentence_chars"


def test_speech_has_to_be_certain_before_it_is_cut() -> None:
    with pytest.raises(BadRequest) as refused:
        plan_of("fast", vad_min_speech_sec=2.0, vad_force_flush_sec=2.0)
    assert refused.value.field == "vad_min_speech_sec"


def test_every_wish_has_its_range() -> None:
    assert set(RANGES) == set(Wishes.__annotations__)


@pytest.mark.parametrize("name", RANGES)
def test_a_wish_out_of_its_range_is_refused_by_name(name: str) -> None:
    least, most = RANGES[name]
    plan_of("fast", **{name: least})  # type: ignore[arg-type] # all are numbers
    if name not in {"min_sentence_chars", "vad_min_speech_sec"}:
        plan_of("fast", **{name: most})  # type: ignore[arg-type] # all are numbers
    for value in (least - 0.001, most + 0.001, math.nan, math.inf, "1", True):
        with pytest.raises(BadRequest) as refused:
            plan_of("fast", **{name: value})  # type: ignore[arg-type] # wrong on purpose
        assert refused.value.field == name


@pytest.mark.parametrize("name", ["max_chars", "min_sentence_chars", "silence_flush"])
def test_what_is_counted_is_whole(name: str) -> None:
    plan_of("fast", **{name: RANGES[name][0]})  # type: ignore[arg-type] # all are numbers
    with pytest.raises(BadRequest) as refused:
        plan_of("fast", **{name: RANGES[name][0] + 0.5})  # type: ignore[arg-type] # wrong on purpose
    assert refused.value.field == name


def test_what_is_unknown_is_refused_by_name() -> None:
    with pytest.raises(BadRequest) as refused:
        plan_of("slow")
    assert refused.value.field == "profile"
    with pytest.raises(BadRequest) as refused:
        plan_of("fast", vad_mode=3)  # type: ignore[call-arg] # wrong on purpose
    assert refused.value.field == "vad_mode"
