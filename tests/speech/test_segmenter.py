"""Where speech is cut."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import chain, pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hostcue.model.sound import SAMPLE_HZ
from hostcue.model.speech import SegmenterRules
from hostcue.speech.presets import PRESETS
from hostcue.speech.segmenter import WINDOW, Cut, Segmenter

WINDOW_S = WINDOW / SAMPLE_HZ
RULES = SegmenterRules(
    threshold=0.5,
    release=0.35,
    min_speech_s=4 * WINDOW_S,
    pre_roll_s=3 * WINDOW_S,
    post_roll_s=2 * WINDOW_S,
    min_silence_s=6 * WINDOW_S,
    soft_max_s=30 * WINDOW_S,
    soft_silence_s=3 * WINDOW_S,
    hard_max_s=50 * WINDOW_S,
)


def windows(pattern: str) -> list[tuple[bool, float]]:
    """`10. 5# 2.`: ten windows of silence, five of speech, two of silence; `+` is quiet speech."""
    energies = {".": 0.0, "#": 0.04, "+": 0.0004}
    return [
        (item[-1] != ".", energies[item[-1]])
        for item in pattern.split()
        for _ in range(int(item[:-1]))
    ]


def cuts(
    pattern: str, rules: SegmenterRules = RULES, *, at: int = 0, flush: bool = True
) -> list[tuple[int, int, str]]:
    """Where it was cut, in windows."""
    segmenter = Segmenter(rules, at)
    found = [segmenter.take(*window) for window in windows(pattern)]
    if flush:
        found.append(segmenter.flush())
    return [(c.start // WINDOW, c.end // WINDOW, c.cause) for c in found if c is not None]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("20. 10# 20.", [(17, 32, "silence")]),
        ("1. 10# 20.", [(0, 13, "silence")]),
        ("20. 3# 20.", []),
        ("20. 3# 5. 1# 20.", [(17, 31, "silence")]),
        ("20. 7# 5. 7# 20.", [(17, 41, "silence")]),
        ("20. 10# 6. 10# 20.", [(17, 32, "silence"), (33, 48, "silence")]),
        ("20. 10# 4.", [(17, 32, "end")]),
        ("20. 10# 1.", [(17, 31, "end")]),
        ("20. 3#", []),
    ],
    ids=[
        "with what is before and after it",
        "nothing is before the first sample",
        "too short",
        "short pieces together are enough",
        "a short pause is part of it",
        "a long one is not",
        "the end of the sound",
        "the end right behind it",
        "too short at the end",
    ],
)
def test_speech_is_cut_at_pauses(pattern: str, expected: list[tuple[int, int, str]]) -> None:
    assert cuts(pattern) == expected


def test_late_in_a_long_stretch_a_short_pause_will_do() -> None:
    assert cuts("10. 10# 3. 20# 3. 10# 20.") == [(7, 45, "soft"), (45, 58, "silence")]


def test_one_word_behind_a_short_pause_is_not_lost() -> None:
    assert cuts("10. 30# 3. 1# 20.") == [(7, 42, "soft"), (42, 46, "silence")]


def test_a_hard_cut_falls_on_the_quietest_moment_and_the_rest_goes_on() -> None:
    assert cuts("10. 35# 1+ 20# 20.") == [(7, 46, "hard"), (46, 68, "silence")]


def test_of_equally_quiet_moments_the_last_is_cut() -> None:
    assert cuts("10. 100# 20.") == [(7, 57, "hard"), (57, 107, "hard"), (107, 112, "silence")]


def test_a_hard_cut_in_a_pause_keeps_the_end_of_the_word_before() -> None:
    rules = replace(RULES, soft_silence_s=1.0)
    assert cuts("10. 45# 2. 20# 20.", rules) == [(7, 57, "hard"), (57, 79, "silence")]


def test_what_is_quieter_than_the_floor_is_no_speech() -> None:
    assert cuts("20. 10+ 20.", replace(RULES, floor_rms=0.05)) == []
    assert cuts("20. 10+ 20.", replace(RULES, floor_rms=0.01)) == [(17, 32, "silence")]


def test_blips_far_apart_never_become_speech_nor_hold_up_the_rest() -> None:
    segmenter = Segmenter(replace(RULES, min_speech_s=20 * WINDOW_S))
    for number, window in enumerate(windows("1# 4. " * 100), 1):
        assert segmenter.take(*window) is None
        assert segmenter.until > (number - 52) * WINDOW
    assert segmenter.flush() is None


def test_sound_without_speech_is_let_go_at_once() -> None:
    segmenter = Segmenter(RULES, at=1000)
    for window in windows("200."):
        segmenter.take(*window)
    assert segmenter.until == 1000 + 197 * WINDOW
    assert segmenter.speaking_from is None


def test_who_speaks_is_known_from_the_beginning_of_what_will_be_cut() -> None:
    segmenter = Segmenter(RULES, at=1000)
    told = [(segmenter.take(*window), segmenter.speaking_from)[1] for window in windows("20. 9#")]
    assert told == [None] * 23 + [1000 + 17 * WINDOW] * 6
    assert segmenter.until == 1000 + 17 * WINDOW


def test_positions_count_from_the_number_of_the_first_sample() -> None:
    segmenter = Segmenter(RULES, at=77)
    found = [segmenter.take(*window) for window in windows("20. 10# 20.")]
    assert [cut for cut in found if cut] == [Cut(77 + 17 * WINDOW, 77 + 32 * WINDOW, "silence")]


def test_after_the_end_of_the_sound_nothing_reaches_back() -> None:
    segmenter = Segmenter(RULES)
    for window in windows("20. 10#"):
        segmenter.take(*window)
    assert segmenter.flush() == Cut(17 * WINDOW, 30 * WINDOW, "end")
    assert segmenter.until == 30 * WINDOW
    assert segmenter.flush() is None
    found = [segmenter.take(*window) for window in windows("1. 10# 20.")]
    assert [cut.start for cut in found if cut] == [30 * WINDOW]


LENGTHS = st.integers(0, 60).map(lambda windows: windows * WINDOW_S)
ANY_RULES = st.builds(
    SegmenterRules,
    threshold=st.just(0.5),
    release=st.just(0.35),
    min_speech_s=LENGTHS,
    pre_roll_s=LENGTHS,
    post_roll_s=LENGTHS,
    min_silence_s=LENGTHS,
    soft_max_s=LENGTHS,
    soft_silence_s=LENGTHS,
    hard_max_s=LENGTHS,
)
SOUND = st.lists(st.tuples(st.booleans(), st.integers(1, 40)), max_size=20).map(
    lambda runs: list(chain.from_iterable([speech] * length for speech, length in runs))
)


@settings(max_examples=150, deadline=None)
@given(sound=SOUND, rules=ANY_RULES | st.just(RULES), seed=st.integers(0, 9), at=st.integers(0, 9))
@example([True] * 60, replace(RULES, pre_roll_s=2.0, min_speech_s=1.5), 0, 0)
@example([*[True] * 5, False] * 30, RULES, 0, 0)
def test_whatever_is_heard_no_speech_is_lost_and_none_comes_twice(
    sound: list[bool], rules: SegmenterRules, seed: int, at: int
) -> None:
    energy = random.Random(seed).random  # noqa: S311 - no secret
    segmenter = Segmenter(rules, at)
    found: list[Cut] = []
    released = [segmenter.until]
    for speech in sound:
        cut = segmenter.take(speech, energy())
        if cut is not None:
            assert cut.start >= released[-1], "it had been let go"
            found.append(cut)
        released.append(segmenter.until)
        speaking = segmenter.speaking_from
        assert speaking is None or speaking == released[-1]
    last = segmenter.flush()
    if last is not None:
        assert (last.cause, last.start >= released[-1]) == ("end", True)
        found.append(last)
    assert segmenter.until == at + len(sound) * WINDOW
    assert released == sorted(released)

    spans = [((cut.start - at) // WINDOW, (cut.end - at) // WINDOW) for cut in found]
    assert all((cut.start - at) % WINDOW == (cut.end - at) % WINDOW == 0 for cut in found)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    hard = max(1, int(rules.hard_max_s / WINDOW_S))
    assert all(0 < end - start <= hard for start, end in spans)
    assert all(any(sound[start:end]) for start, end in spans)
    assert all(start >= 0 for start, _ in spans)
    assert all(end <= len(sound) for _, end in spans)
    covered = set(chain.from_iterable(range(*span) for span in spans))
    missed = speech_that_must_be_heard(sound, rules, hard) - covered
    assert not missed


def speech_that_must_be_heard(sound: list[bool], rules: SegmenterRules, hard: int) -> set[int]:
    """By the words of the rule: stretches between pauses, those with enough speech in them."""
    min_silence = max(1, round(rules.min_silence_s / WINDOW_S))
    min_speech = min(max(1, round(rules.min_speech_s / WINDOW_S)), hard)
    pre = min(round(rules.pre_roll_s / WINDOW_S), hard - min_speech)
    stretches: list[list[int]] = []
    for place, speech in enumerate(sound):
        if speech and stretches and place - stretches[-1][-1] <= min_silence:
            stretches[-1].append(place)
        elif speech:
            stretches.append([place])
    heard: set[int] = set()
    for places in stretches:
        for first, place in enumerate(places):
            enough = places[first : first + min_speech]
            if len(enough) == min_speech and enough[-1] - place < hard - pre:
                heard.update(places[first:])
                break
    return heard


@settings(max_examples=40, deadline=None)
@given(sound=SOUND)
def test_too_little_speech_brings_no_cut(sound: list[bool]) -> None:
    rules = replace(RULES, min_speech_s=len(sound) * WINDOW_S, hard_max_s=1e6, min_silence_s=1e5)
    segmenter = Segmenter(rules)
    assert sum(sound) < len(sound) or segmenter.take(False, 0) is None
    assert not [cut for speech in sound[1:] if (cut := segmenter.take(speech, 1.0))]
    assert segmenter.flush() is None


@pytest.mark.parametrize("profile", PRESETS)
def test_half_an_hour_of_talk_is_cut_within_the_limits_of_each_preset(profile: str) -> None:
    rules = next(plan.segmenter for name, plan in PRESETS.items() if name == profile)
    chance = random.Random(profile)  # noqa: S311 - no secret
    segmenter = Segmenter(rules)
    found: list[Cut] = []
    total = 0
    while total < 1800 / WINDOW_S:
        speech, silence = chance.randint(1, 150), chance.randint(1, 40)
        heard = [(True, chance.random())] * speech + [(False, 0.0)] * silence
        found += [cut for window in heard if (cut := segmenter.take(*window)) is not None]
        total += speech + silence
    assert {cut.cause for cut in found} >= {"silence", "soft"}
    assert max(cut.end - cut.start for cut in found) <= rules.hard_max_s * SAMPLE_HZ
