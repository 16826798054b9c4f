"""The disk's lines, and that nothing flaps between them."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hostcue.model.disk import (
    GIB,
    ROOM_BYTES_PER_HOUR,
    DiskState,
    Line,
    LineRules,
    Lines,
    RetryWaits,
    Space,
    Told,
)

LINES = Lines(stop=Line(50, 5), resume=Line(100, 10), warn=Line(200, 20), calm=Line(250, 25))
TOTAL = 1000

SPACES = st.builds(
    Space,
    free_bytes=st.integers(0, 400),
    total_bytes=st.just(TOTAL),
    free_files=st.none() | st.integers(0, 40),
)
SIZES = st.integers(1, 1 << 50)


def walk(spaces: list[Space], hold_s: float = 2) -> list[DiskState]:
    """The states, a second apart."""
    states, state = list[DiskState](), DiskState()
    for second, space in enumerate(spaces):
        state = state.after(space, LINES, now_s=second, hold_s=hold_s)
        states.append(state)
    return states


@given(stop=st.none() | SIZES, more=st.none() | SIZES, total=SIZES, pace=SIZES)
def test_lines_stand_in_order_whatever_the_operator_and_the_forecast_say(
    stop: int | None, more: int | None, total: int, pace: int
) -> None:
    resume = None if more is None else more + (stop or 0)
    lines = Lines.of(LineRules(stop, resume), total, pace)
    assert lines.stop.free_bytes < lines.resume.free_bytes
    assert lines.stop.free_bytes < lines.warn.free_bytes <= lines.calm.free_bytes
    if stop is not None:
        assert lines.stop.free_bytes == stop
    if resume is not None:
        assert lines.resume.free_bytes == resume
    if stop is None and resume is None:
        assert lines.stop.free_bytes == max(5 * GIB, pace // 2)
        assert lines.resume.free_bytes == max(10 * GIB, pace)


@given(keep=st.integers(10 * GIB, 1 << 50), pace=SIZES)
def test_a_disk_whose_old_recordings_may_go_is_never_paused_for_want_of_more_than_that(
    keep: int, pace: int
) -> None:
    stop, resume = LineRules(keep_free_bytes=keep).stop_and_resume(pace)
    assert 5 * GIB <= stop < resume <= keep


def test_one_room_on_a_laptop_with_8_gib_left_records_and_is_warned() -> None:
    space = Space(8 * GIB, 512 * GIB)
    lines = Lines.of(LineRules(), space.total_bytes, ROOM_BYTES_PER_HOUR)
    state = DiskState().after(space, lines, now_s=0, hold_s=60)
    assert (state.low, state.paused) == (True, False)


def test_a_large_disk_is_not_called_low_for_a_share_alone() -> None:
    space = Space(1000 * GIB, 16_000 * GIB)  # 6 %
    lines = Lines.of(LineRules(), space.total_bytes, 16 * ROOM_BYTES_PER_HOUR)
    assert not DiskState().after(space, lines, now_s=0, hold_s=60).low


@given(total=st.integers(6 * GIB, 1 << 50), pace=st.integers(0, 1 << 40))
def test_an_empty_disk_is_never_called_low(total: int, pace: int) -> None:
    lines = Lines.of(LineRules(stop_bytes=5 * GIB), total, pace)
    assert lines.calm.free_bytes <= total
    assert not DiskState(low=True).after(Space(total, total), lines, now_s=0, hold_s=0).low


@given(st.lists(SPACES, max_size=40))
def test_recording_pauses_below_the_stop_line_and_only_there(spaces: list[Space]) -> None:
    before = DiskState()
    for space, state in zip(spaces, walk(spaces), strict=True):
        if state.paused and not before.paused:
            assert LINES.stop.lack(space) is not None
        if LINES.stop.lack(space) is not None:
            assert state.paused
        before = state


@given(st.lists(SPACES, max_size=40), st.integers(0, 5))
def test_it_goes_on_only_after_space_was_back_all_the_hold_long(
    spaces: list[Space], hold_s: int
) -> None:
    states = walk(spaces, hold_s)
    for second, (before, state) in enumerate(pairwise(states), start=1):
        if before.paused and not state.paused:
            held = spaces[second - hold_s : second + 1]
            assert len(held) == hold_s + 1
            assert all(LINES.resume.lack(space) is None for space in held)


@given(st.lists(st.integers(50, 99), min_size=1, max_size=40), st.booleans())
def test_between_the_lines_nothing_changes(frees: list[int], paused: bool) -> None:
    state = DiskState(low=True, paused=paused)
    for second, free in enumerate(frees):
        state = state.after(Space(free, TOTAL), LINES, now_s=second, hold_s=0)
        assert (state.low, state.paused) == (True, paused)


@given(st.lists(SPACES, max_size=60))
def test_each_alarm_is_told_once_and_followed_by_its_all_clear(spaces: list[Space]) -> None:
    told, heard = Told(), list[str]()
    for state in walk(spaces):
        for kind in told.news(Told(state.low, state.paused)):
            heard.append(kind)
            told = told.heard(kind)
        assert told == Told(state.low, state.paused)
    for alarm, clear in (("disk_low", "disk_ok"), ("disk_paused", "disk_resumed")):
        pair = [kind for kind in heard if kind in {alarm, clear}]
        assert pair == ([alarm, clear] * len(pair))[: len(pair)]


def test_what_happens_at_once_is_told_in_order() -> None:
    assert Told().news(Told(low=True, paused=True)) == ("disk_low", "disk_paused")
    assert Told(low=True, paused=True).news(Told()) == ("disk_resumed", "disk_ok")


def test_a_disk_that_goes_on_refusing_is_asked_less_and_less() -> None:
    waits, seen = RetryWaits(60, 1800), list[float]()
    for _ in range(8):
        waits = waits.refused()
        seen.append(waits.wait_s)
    assert seen == [60, 120, 240, 480, 960, 1800, 1800, 1800]
