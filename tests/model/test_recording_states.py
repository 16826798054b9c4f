"""Which state may follow which."""

from __future__ import annotations

from itertools import pairwise
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from hostcue.model.recording import (
    FINAL_STATES,
    NEXT_STATES,
    RecordingState,
    may_follow,
)

STATES: tuple[RecordingState, ...] = get_args(RecordingState)


def walk(changes: list[RecordingState], begin: RecordingState) -> list[RecordingState]:
    """The states a recording goes through when these changes are asked for."""
    states = [begin]
    for change in changes:
        if may_follow(states[-1], change):
            states.append(change)
    return states


def test_every_state_says_what_may_follow() -> None:
    assert set(NEXT_STATES) == set(STATES)


def test_a_stop_and_a_failure_are_possible_from_wherever_something_runs() -> None:
    for state in set(STATES) - FINAL_STATES:
        assert may_follow(state, "stopped")
        assert may_follow(state, "failed")


def test_no_state_but_the_end_is_a_dead_one() -> None:
    for state in set(STATES) - FINAL_STATES:
        assert NEXT_STATES[state] - FINAL_STATES


@given(
    changes=st.lists(st.sampled_from(STATES)),
    begin=st.sampled_from(["monitoring", "starting", "reconnecting"]),
)
def test_whatever_is_asked_for_nothing_is_recorded_unheralded_or_after_the_end(
    changes: list[RecordingState], begin: RecordingState
) -> None:
    states = walk(changes, begin)
    for before, after in pairwise(states):
        if after == "recording":
            assert before in {"starting", "reconnecting", "recording"}
        if before == "paused_disk":
            assert after not in {"recording", "starting"}
        if before == "stopped":
            assert after == "stopped"
        if before == "failed":
            assert after in FINAL_STATES
