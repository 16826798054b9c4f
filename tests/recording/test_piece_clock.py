"""The clock of HLS: told by when pieces appear."""

from __future__ import annotations

import math

import pytest

from hostcue.recording.piece_clock import Appearance, PieceClock

PIECE_S = 4.0


def appear(
    clock: PieceClock, media_s: float, at_s: float, *, seen_s: float = 0.1, anew: bool = False
) -> None:
    """A piece that begins at `media_s` appears; somebody looked `seen_s` before."""
    clock.expect(Appearance(at_s - seen_s, at_s, PIECE_S, anew))
    clock.observe(at_s, media_s)


def test_a_piece_that_was_seen_to_appear_settles_it() -> None:
    clock = PieceClock(patience_s=9.0)
    appear(clock, 0.0, 107.0, seen_s=math.inf)  # listed for who knows how long
    assert not clock.settled(107.0)
    appear(clock, 4.0, 108.0)
    assert clock.settled(108.0)
    assert clock.at(4.0) == pytest.approx(104.0, abs=0.1)


def test_patience_settles_it_too() -> None:
    clock = PieceClock(patience_s=9.0)
    assert not clock.settled(100.0)
    appear(clock, 0.0, 107.0, seen_s=math.inf)
    assert not clock.settled(115.9)
    assert clock.settled(116.0)


def test_other_packets_of_a_piece_tell_nothing() -> None:
    clock = PieceClock(patience_s=9.0)
    appear(clock, 0.0, 104.0)
    clock.observe(104.0, 3.9)
    assert clock.at(0.0) == pytest.approx(100.0, abs=0.1)


def test_a_late_piece_is_waited_for_until_it_is_known_why() -> None:
    """After a pause of the network the backlog teaches the old value again."""
    clock = PieceClock(patience_s=9.0)
    appear(clock, 0.0, 104.0)
    appear(clock, 4.0, 116.2, seen_s=math.inf)
    assert not clock.settled(116.2)
    appear(clock, 8.0, 116.2, seen_s=math.inf)
    appear(clock, 12.0, 116.2, seen_s=math.inf)
    appear(clock, 16.0, 120.0)
    assert clock.settled(120.0)
    assert clock.at(4.0) == pytest.approx(104.0, abs=0.1)


def test_after_a_pause_of_the_source_everything_is_later() -> None:
    clock = PieceClock(patience_s=9.0)
    appear(clock, 0.0, 104.0)
    appear(clock, 4.0, 113.0)
    assert not clock.settled(113.0)
    appear(clock, 8.0, 117.0)
    assert clock.settled(117.0)
    assert clock.at(4.0) == pytest.approx(109.0, abs=0.1)


def test_after_a_loss_nothing_of_before_holds() -> None:
    clock = PieceClock(patience_s=9.0)
    appear(clock, 100.0, 104.0)
    appear(clock, 0.0, 204.0, anew=True)
    assert clock.settled(204.0)
    assert clock.at(0.0) == pytest.approx(200.0, abs=0.1)


def test_a_clock_that_drifts_is_followed() -> None:
    clock = PieceClock(patience_s=9.0, span_s=60.0)
    for number in range(100):
        appear(clock, number * PIECE_S, 104.0 + number * PIECE_S * 1.001)
    assert clock.at(396.0) == pytest.approx(100 + 396 * 1.001, abs=0.15)
