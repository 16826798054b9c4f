from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.model.window import Window


@given(edges=st.lists(st.integers(0, 10**6), min_size=2, unique=True).map(sorted), ts=st.integers())
def test_neighbouring_windows_hold_each_moment_once(edges: list[int], ts: int) -> None:
    hits = sum(ts in Window(a, b) for a, b in pairwise(edges))
    assert hits == (1 if edges[0] <= ts < edges[-1] else 0)


@given(at=st.integers())
def test_an_empty_window_holds_nothing(at: int) -> None:
    assert at not in Window(at, at)


@given(start=st.integers(), back=st.integers(min_value=1))
def test_a_window_cannot_end_before_it_starts(start: int, back: int) -> None:
    with pytest.raises(ValueError, match="ends before it starts"):
        Window(start, start - back)
