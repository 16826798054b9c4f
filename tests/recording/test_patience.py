"""When a worker gives up its connection, and when it must not."""

from __future__ import annotations

from hostcue.recording.patience import Patience
from hostcue.recording.protocol import Ended


def patience() -> Patience:
    return Patience(open_timeout_s=10, stall_s=8, now_s=100)


def cause(ended: Ended | None) -> str | None:
    return None if ended is None else ended.cause


def test_a_picture_that_stops_coming_is_given_up_after_the_time_for_it() -> None:
    waits = patience()
    assert waits.deadline(150, 149, recording=True) == 157
    assert waits.verdict(156.9, 149, recording=True) is None
    assert cause(waits.verdict(157, 149, recording=True)) == "stalled"


def test_one_that_never_comes_is_given_up_after_the_time_for_a_connection() -> None:
    assert patience().verdict(109.9, None, recording=False) is None
    assert cause(patience().verdict(110, None, recording=False)) == "stalled"


def test_one_without_a_point_to_begin_at_is_given_up() -> None:
    assert patience().verdict(124.9, 124, recording=False) is None
    assert cause(patience().verdict(125, 124, recording=False)) == "no_key_frame"


def test_between_two_segments_of_a_long_connection_nothing_is_given_up() -> None:
    waits = patience()
    assert waits.verdict(5000, 4999.9, recording=True) is None
    assert waits.verdict(5001, 5000.9, recording=False) is None
    assert waits.deadline(5001, 5000.9, recording=False) == 5008.9


def test_who_stood_still_waits_once_more_before_it_blames_the_stream() -> None:
    waits = patience()
    waits.woke(160, due_s=151)
    assert waits.verdict(160, 150, recording=True) is None
    waits.woke(161.1, due_s=161)
    assert waits.deadline(161.1, 150, recording=True) == 168
    assert cause(waits.verdict(168, 150, recording=True)) == "stalled"


def test_a_nap_that_ends_in_time_changes_nothing() -> None:
    waits = patience()
    waits.woke(151.2, due_s=151)
    assert cause(waits.verdict(158, 150, recording=True)) == "stalled"
