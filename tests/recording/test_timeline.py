from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.recording.timeline import Timeline

VIDEO, AUDIO = 0, 1
Times = list[tuple[int, float]]

anything = st.lists(st.tuples(st.sampled_from([VIDEO, AUDIO]), st.floats(-1e7, 1e7)), max_size=60)
# gone on with: pictures of 40 ms, jumps of every size, and steps a little backwards
steps = st.one_of(st.just(0.04), st.just(0.04), st.floats(-0.2, 6.0), st.floats(-1e5, 1e5))
walks = st.lists(st.tuples(st.sampled_from([VIDEO, AUDIO]), steps), max_size=80)


def placed(times: Times) -> Times:
    timeline = Timeline()
    return [(track, timeline.place(track, dts_s).at_s) for track, dts_s in times]


def walked(walk: Times) -> Times:
    now = {VIDEO: 0.0, AUDIO: 0.0}
    times = []
    for track, step in walk:
        now[track] += step
        times.append((track, now[track]))
    return times


def of(track: int, times: Times) -> list[float]:
    return [at for t, at in times if t == track]


def broadcast(seconds: float, start_s: float = 0.0) -> Times:
    video = [(start_s + n / 25, VIDEO) for n in range(round(seconds * 25))]
    audio = [(start_s + 0.005 + n / 40, AUDIO) for n in range(round(seconds * 40))]
    return [(track, at) for at, track in sorted([*video, *audio])]


def test_a_steady_stream_is_left_alone() -> None:
    assert placed(broadcast(3.0, 1234.5)) == broadcast(3.0, 1234.5)


@pytest.mark.parametrize("jump_s", [3600.0, -2.0, -1e6, 1.5])
def test_over_a_jump_sound_stays_with_the_picture(jump_s: float) -> None:
    times = broadcast(2.0, 1e6) + [(t, at + jump_s) for t, at in broadcast(2.0, 1e6 + 2.0)]
    expected = of_both(broadcast(4.0, 1e6))
    assert of_both(placed(times)) == pytest.approx(expected, abs=1e-6)


def of_both(times: Times) -> list[float]:
    return of(VIDEO, times) + of(AUDIO, times)


@pytest.mark.parametrize("late_s", [0.3, -0.3, 0.9])
def test_sound_that_is_cut_elsewhere_by_a_jump_stays_with_the_picture(late_s: float) -> None:
    """A restart of the encoder tears picture and sound at different places."""
    after = [(t, at) for t, at in broadcast(3.0) if t == VIDEO or at >= late_s]
    if late_s < 0:
        after = sorted([*after, (AUDIO, late_s), (AUDIO, late_s / 2)], key=lambda x: x[1])
    result = placed(broadcast(2.0, 500.0) + after)
    shift = of(VIDEO, result)[-1] - 2.96
    assert of(AUDIO, result)[-1] - shift == pytest.approx(of(AUDIO, after)[-1], abs=1e-6)


def test_sound_that_begins_after_a_jump_is_placed_with_the_picture() -> None:
    video = [(t, at) for t, at in broadcast(2.0, 500.0) if t == VIDEO]
    result = placed(video + broadcast(2.0))
    assert of(AUDIO, result)[0] == pytest.approx(of(VIDEO, result)[50] + 0.005)


def test_jumps_one_after_the_other_do_not_part_sound_and_picture() -> None:
    times = broadcast(1.0, 50.0) + broadcast(1.0, 3700.0) + broadcast(1.0) + broadcast(1.0, 90.0)
    assert of_both(placed(times)) == pytest.approx(of_both(broadcast(4.0, 50.0)), abs=1e-6)


def test_a_slow_picture_is_no_jump() -> None:
    steps = [(VIDEO, 0.9 * n) for n in range(3)] + [(VIDEO, 1.8 + 2.0 * n) for n in range(1, 6)]
    assert placed(steps) == steps


@pytest.mark.parametrize("every_s", [1.1, 2.0, 4.0])
def test_a_picture_that_is_slow_from_the_start_is_no_jump(every_s: float) -> None:
    steps = [(VIDEO, 100.0 + every_s * n) for n in range(6)]
    assert placed(steps) == steps


@pytest.mark.parametrize("lost", [VIDEO, AUDIO])
@pytest.mark.parametrize("lost_s", [1.5, 4.0, 30.0])
def test_a_hole_in_one_track_does_not_part_it_from_the_other(lost: int, lost_s: float) -> None:
    """An encoder on a bad line drops pictures to save the sound."""
    times = [
        (track, at)
        for track, at in broadcast(3.0 + lost_s + 2.0, 500.0)
        if track != lost or not 503.0 <= at < 503.0 + lost_s
    ]
    assert placed(times) == times


def test_a_hole_in_both_tracks_is_closed_and_they_stay_together() -> None:
    result = placed(broadcast(2.0, 500.0) + broadcast(2.0, 506.0))
    assert of_both(result) == pytest.approx(of_both(broadcast(4.0, 500.0)), abs=1e-6)


def test_a_track_that_keeps_jumping_alone_does_not_drag_the_other_along() -> None:
    times = broadcast(1.0) + [
        (t, at + (500.0 * at if t == AUDIO else 0.0)) for t, at in broadcast(2.0, 1.0)
    ]
    assert of(VIDEO, placed(times)) == pytest.approx(of(VIDEO, broadcast(3.0)))


@given(st.one_of(anything, walks.map(walked)))
def test_a_track_never_goes_back_nor_far_ahead_of_the_other(times: Times) -> None:
    last: dict[int, float] = {}
    for track, at_s in placed(times):
        step_s = at_s - last.get(track, at_s)
        other_s = last.get(VIDEO if track == AUDIO else AUDIO, at_s)
        assert step_s >= 0
        assert step_s <= 4 * 5.0 + 1e-3 or abs(at_s - other_s) <= 0.5 + 1e-3
        last[track] = at_s


@given(st.one_of(anything, walks.map(walked)))
def test_what_was_placed_once_stays_where_it_is(times: Times) -> None:
    once = placed(times)
    assert placed(once) == once
