"""Which messages came before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hostcue.comments.seen import Seen


@given(ids=st.lists(st.integers(0, 30)), most=st.integers(1, 10))
def test_none_of_the_last_ids_is_taken_for_a_new_one(ids: list[int], most: int) -> None:
    seen = Seen[int](most)
    new: list[int] = []
    for one in ids:
        if seen.add(one):
            assert one not in new[-most:]
            new.append(one)
        else:
            assert one in new[-2 * most :]
