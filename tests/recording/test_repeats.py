from __future__ import annotations

import math
from dataclasses import replace
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.recording.repeats import Arrival, Repeats

VIDEO, AUDIO = 0, 1

T = TypeVar("T")


def packets(
    seconds: float, *, start_s: float = 0.0, now_s: float = 0.0, pace: float = 1.0, salt: int = 0
) -> list[Arrival[int]]:
    """Pictures and sound, each of a content of its own, that come at a share of real time."""
    found = []
    for track, rate in ((VIDEO, 25), (AUDIO, 40)):
        for n in range(round(seconds * rate)):
            dts_s = round(start_s + n / rate, 3)
            mark = hash((track, dts_s, salt))
            found.append(Arrival(track, dts_s, mark, now_s + n / rate / pace, mark))
    return sorted(found, key=lambda a: (a.now_s, a.dts_s))


def sifted(arrivals: list[Arrival[T]]) -> list[Arrival[T]]:
    repeats: Repeats[T] = Repeats()
    return [passed for arrival in arrivals for passed in repeats.sift(arrival)]


def test_a_stretch_that_comes_at_once_a_second_time_is_left_out_with_its_sound() -> None:
    first = packets(3.0)
    again = packets(1.0, start_s=2.0, now_s=3.0, pace=50)
    after = packets(2.0, start_s=3.0, now_s=3.1)
    assert sifted(first + again + after) == first + after


def test_what_has_the_stamps_of_before_but_another_content_is_kept() -> None:
    first = packets(3.0)
    other = packets(2.0, start_s=1.0, now_s=3.0, pace=50, salt=1)
    assert sifted(first + other) == first + other


def test_what_has_the_content_of_before_but_other_stamps_is_kept() -> None:
    """A still picture is one packet again and again."""
    still = [Arrival(VIDEO, n / 25, 7, n / 25, n) for n in range(200)]
    assert sifted(still) == still


def test_a_source_that_loops_with_its_stamps_loses_nothing() -> None:
    loops = [a for turn in range(6) for a in packets(2.0, now_s=2.0 * turn)]
    passed = sifted(loops)
    for track in (VIDEO, AUDIO):
        wanted = [a for a in loops if a.track == track]
        assert [a for a in passed if a.track == track] == wanted


@pytest.mark.parametrize("period_s", [0.5, 2.5, 3.0, 9.9, 11.0])
def test_a_source_that_loops_loses_nothing_when_it_comes_in_gulps(period_s: float) -> None:
    loops = [
        replace(a, now_s=math.ceil(a.now_s * 4) / 4)
        for turn in range(round(40 / period_s))
        for a in packets(period_s, now_s=period_s * turn)
    ]
    passed = sifted(loops)
    for track in (VIDEO, AUDIO):
        mine = [a for a in passed if a.track == track]
        assert mine == [a for a in loops if a.track == track]


def test_silence_of_which_several_packets_share_a_stamp_is_kept() -> None:
    """Some encoders send sound in bundles; packets of silence are all the same."""
    silence = [Arrival(AUDIO, n // 3 * 0.064, 7, n // 3 * 0.064, n) for n in range(90)]
    assert sifted(silence) == silence


@pytest.mark.parametrize("alike", [1, 5, 20])
def test_a_source_that_begins_again_with_the_same_pictures_loses_none(alike: int) -> None:
    """An encoder in a crash loop: stamps from 0, a black picture or more, then what is live."""
    runs = [
        Arrival(VIDEO, n / 25, n if n < alike else hash((run, n)), 3.0 * run + n / 25, (run, n))
        for run in range(3)
        for n in range(75)
    ]
    assert [a.item for a in sifted(runs)] == [a.item for a in runs]


def test_what_is_still_held_back_at_the_end_is_not_lost() -> None:
    first = packets(2.0)
    again = [a for a in packets(0.2, now_s=2.0) if a.track == VIDEO]
    repeats: Repeats[int] = Repeats()
    passed = [p for arrival in first + again for p in repeats.sift(arrival)]
    assert [*passed, *repeats.rest()] == first + again


def test_what_was_repeated_in_part_goes_on_with_the_first_new_packet() -> None:
    first = packets(2.0)
    again = packets(0.5, start_s=1.0, now_s=2.0, pace=50)
    other = packets(1.0, start_s=1.5, now_s=2.1, salt=1)
    assert sifted(first + again + other) == first + other


def test_what_is_long_past_is_forgotten() -> None:
    first = packets(1.0)
    far = packets(1.0, start_s=1.0, now_s=30.0)
    again = packets(1.0, now_s=31.0, pace=50)
    assert sifted(first + far + again) == first + far + again


stretches = st.lists(
    st.tuples(st.floats(0, 3), st.floats(0.2, 2), st.sampled_from([1.0, 50.0]), st.integers(0, 2)),
    min_size=1,
    max_size=8,
)


@given(stretches)
def test_nothing_is_left_out_that_was_not_passed_on_before(
    parts: list[tuple[float, float, float, int]],
) -> None:
    arrivals: list[Arrival[int]] = []
    now_s = 0.0
    for start, seconds, pace, salt in parts:
        start_s = round(start * 5) / 5
        arrivals += packets(seconds, start_s=start_s, now_s=now_s, pace=pace, salt=salt)
        now_s += seconds / pace
    passed = sifted(arrivals)
    for track in (VIDEO, AUDIO):
        mine = [a for a in passed if a.track == track]
        assert {(a.dts_s, a.mark) for a in mine} == {
            (a.dts_s, a.mark) for a in arrivals if a.track == track
        }
        assert [a.now_s for a in mine] == sorted(a.now_s for a in mine)
