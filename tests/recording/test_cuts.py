from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.recording.cuts import CutRule


def starts(rule: CutRule, keys_ms: list[int]) -> list[int]:
    """Where the segments begin of a stream whose key frames come then."""
    found = [keys_ms[0]]
    rule.begin(keys_ms[0])
    for at_ms in keys_ms[1:]:
        if rule.due((at_ms - found[-1]) / 1000, at_ms):
            found.append(at_ms)
            rule.begin(at_ms)
    return found


def test_segments_are_as_long_as_was_asked_for() -> None:
    rule = CutRule(5, aligned=False, early_s=0.05)
    assert starts(rule, list(range(1300, 20_000, 1000))) == [1300, 6300, 11_300, 16_300]


def test_aligned_segments_begin_at_the_first_key_frame_of_a_span() -> None:
    rule = CutRule(5, aligned=True, early_s=0.05)
    assert starts(rule, list(range(1300, 20_000, 1000))) == [1300, 5300, 10_300, 15_300]


def test_a_key_frame_that_is_early_by_a_hair_is_not_waited_past() -> None:
    rule = CutRule(5, aligned=True, early_s=0.05)
    keys = [1000, *range(4970, 30_000, 2500)]
    assert starts(rule, keys)[:4] == [1000, 4970, 9970, 14_970]


def test_a_clock_that_is_set_back_does_not_make_an_endless_segment() -> None:
    rule = CutRule(5, aligned=True, early_s=0.05)
    rule.begin(3_600_000)
    assert not rule.due(9.9, 9900)
    assert rule.due(10.0, 10_000)


@pytest.mark.parametrize("segment_s", [1, 7, 300, 3600])
@given(gop_ms=st.integers(200, 1000), begin_ms=st.integers(0, 10**13))
def test_each_span_of_the_wall_clock_has_a_segment_of_its_own(
    segment_s: int, gop_ms: int, begin_ms: int
) -> None:
    rule = CutRule(segment_s, aligned=True, early_s=0.05)
    step = max(gop_ms, segment_s * 50)  # of an hour not every key frame
    keys = list(range(begin_ms, begin_ms + segment_s * 5000, step))
    spans = [(at_ms + 50) // (segment_s * 1000) for at_ms in starts(rule, keys)]
    assert spans == list(range(spans[0], spans[0] + len(spans)))
