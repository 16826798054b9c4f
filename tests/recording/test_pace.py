from __future__ import annotations

import pytest

from hostcue.recording.arrival import ArrivalClock
from hostcue.recording.pace import Pace

FRAME_S = 1 / 15


def noticed_s(arrivals: list[float]) -> float | None:
    """When a stream of steady pictures that comes at these moments is given up."""
    clock, pace = ArrivalClock(), Pace(max_lag_s=4.0)
    for number, now_s in enumerate(arrivals):
        media_s = 100.0 + number * FRAME_S
        clock.settled(now_s)
        clock.observe(now_s, media_s)
        clock.settled(now_s)
        pace.heard(now_s, now_s - clock.at(media_s))
        if pace.lags:
            return now_s
    return None


def arrivals(*parts: tuple[float, float]) -> list[float]:
    """Pictures for so many seconds at such a share of real time, each part after the other."""
    now_s, found = 0.0, []
    for seconds, share in parts:
        for _ in range(round(seconds * share / FRAME_S)):
            now_s += FRAME_S / share
            found.append(now_s)
    return found


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_a_trickle_is_noticed_within_ten_seconds(share: float) -> None:
    seen_s = noticed_s(arrivals((2.0, 1.0), (20.0, share)))
    assert seen_s is not None
    assert seen_s - 2.0 <= 10.5


@pytest.mark.parametrize(("share", "within_s"), [(0.8, 25.0), (0.95, 110.0)])
def test_one_that_is_only_a_little_too_slow_is_noticed_too(share: float, within_s: float) -> None:
    seen_s = noticed_s(arrivals((2.0, 1.0), (200.0, share)))
    assert seen_s is not None
    assert seen_s <= within_s


def test_the_moments_of_a_trickle_are_those_at_which_they_were_live() -> None:
    """What drips in late was live on time: the gap behind it begins there."""
    clock = ArrivalClock()
    for number, now_s in enumerate(arrivals((3.0, 1.0), (3.0, 0.1))):
        clock.settled(now_s)
        clock.observe(now_s, number * FRAME_S)
        clock.settled(now_s + 0.4)
        assert clock.at(number * FRAME_S) == pytest.approx((number + 1) * FRAME_S, abs=0.1)


def test_a_stall_whose_backlog_comes_slowly_is_waited_for() -> None:
    steady = arrivals((5.0, 1.0))
    backlog = [steady[-1] + 6.0 + at / 1.5 for at in arrivals((20.0, 1.0))]
    assert noticed_s(steady + backlog) is None


def test_a_pause_of_the_source_is_no_lag() -> None:
    steady = arrivals((5.0, 1.0))
    assert noticed_s(steady + [at + 8.0 for at in arrivals((30.0, 1.0))]) is None


def test_an_encoder_whose_clock_is_a_little_slow_does_not_lag() -> None:
    assert noticed_s(arrivals((3600.0, 0.998))) is None


def test_one_picture_a_second_is_a_stream_too() -> None:
    clock, pace = ArrivalClock(), Pace(max_lag_s=4.0)
    for number in range(60):
        now_s = number + (6.0 if number > 30 else 0.0)
        clock.observe(now_s, float(number))
        clock.settled(now_s + 0.5)
        pace.heard(now_s, now_s - clock.at(float(number)))
        assert not pace.lags
    assert clock.at(59.0) == pytest.approx(65.0, abs=0.1)
