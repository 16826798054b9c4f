from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.recording.timeline import Timeline

VIDEO, AUDIO = 0, 1


def placed(times: list[tuple[int, float]]) -> list[tuple[int, float, bool]]:
    timeline = Timeline()
    result = []
    for track, dts_s in times:
        shift_s, jumped = timeline.shift(track, dts_s)
        result.append((track, dts_s + shift_s, jumped))
    return result


def broadcast(seconds: float, start_s: float = 0.0) -> list[tuple[int, float]]:
    video = [(start_s + n / 25, VIDEO) for n in range(round(seconds * 25))]
    audio = [(start_s + 0.005 + n / 40, AUDIO) for n in range(round(seconds * 40))]
    return [(track, at) for at, track in sorted([*video, *audio])]


def test_a_steady_stream_is_left_alone() -> None:
    assert placed(broadcast(3.0, 1234.5)) == [(t, at, False) for t, at in broadcast(3.0, 1234.5)]


@pytest.mark.parametrize("jump_s", [3600.0, -2.0, -1e6, 1.5])
def test_a_jump_is_met_once_and_sound_stays_with_the_picture(
    jump_s: float,
) -> None:
    times = broadcast(2.0, 1e6) + [(t, at + jump_s) for t, at in broadcast(2.0, 1e6 + 2.0)]
    result = placed(times)
    assert [track for track, _, jumped in result if jumped] == [VIDEO]
    expected = broadcast(4.0, 1e6)
    assert [at for _, at, _ in result] == pytest.approx([at for _, at in expected], abs=1e-6)


def test_a_slow_picture_is_no_jump() -> None:
    steps = [(VIDEO, 0.9 * n) for n in range(3)] + [(VIDEO, 1.8 + 2.0 * n) for n in range(1, 6)]
    assert not any(jumped for _, _, jumped in placed(steps))


def test_a_track_that_keeps_jumping_alone_does_not_drag_the_other_along() -> None:
    times = broadcast(1.0) + [
        (t, at + (500.0 * at if t == AUDIO else 0.0)) for t, at in broadcast(2.0, 1.0)
    ]
    video = [at for track, at, _ in placed(times) if track == VIDEO]
    assert video == pytest.approx([at for t, at in broadcast(3.0) if t == VIDEO])


@given(st.lists(st.tuples(st.sampled_from([VIDEO, AUDIO]), st.floats(-1e7, 1e7)), max_size=60))
def test_no_two_neighbours_of_a_track_are_far_apart(times: list[tuple[int, float]]) -> None:
    for track in (VIDEO, AUDIO):
        mine = [at for t, at, _ in placed(times) if t == track]
        assert all(abs(b - a) <= 4 * 5.0 + 1e-3 for a, b in pairwise(mine))
