from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostcue.recording.arrival import ArrivalClock, FileClock

FRAME_S = 1 / 15


@dataclass(frozen=True)
class Life:
    """How a broadcast reached us: media time, the true moment of it, and its arrival."""

    seconds: float = 20.0
    burst_s: float = 2.0
    jitter_s: float = 0.0
    source_pause: tuple[float, float] | None = None
    network_stall: tuple[float, float] | None = None
    clock_error: float = 0.0
    noise: list[float] = field(default_factory=lambda: [0.3, 0.9, 0.1, 0.5, 0.0, 0.7])

    def packets(self) -> Iterator[tuple[float, float, float]]:
        """(media, true, arrival) in order of arrival."""
        arrived = 0.0
        for number in range(round((self.burst_s + self.seconds) / FRAME_S)):
            media = 5000.0 + number * FRAME_S
            true = number * FRAME_S * (1 + self.clock_error) - self.burst_s
            if self.source_pause and true >= self.source_pause[0]:
                true += self.source_pause[1]
            arrival = max(true, 0.0) + self.jitter_s * self.noise[number % len(self.noise)]
            if self.network_stall:
                begin, length = self.network_stall
                if begin <= arrival < begin + length:
                    arrival = begin + length
            arrived = max(arrived + 0.0005, arrival)
            yield media, true, arrived


def released(life: Life, clock: ArrivalClock) -> Iterator[tuple[float, float]]:
    """The true moment of each packet, and what the clock said when it was let through."""
    held: list[tuple[float, float]] = []
    for media, true, arrival in life.packets():
        for step in (None, media):  # as Capture does: before and after the packet is heard
            if step is not None:
                clock.observe(arrival, step)
                held.append((media, true))
            if held and clock.settled(arrival):
                yield from ((t, clock.at(m)) for m, t in held)
                held.clear()
    assert len(held) < 10 / FRAME_S


def worst(life: Life) -> float:
    return max(abs(said - true) for true, said in released(life, ArrivalClock()))


@pytest.mark.parametrize(
    "life",
    [
        Life(),
        Life(burst_s=0.0),
        Life(burst_s=8.0),
        Life(jitter_s=0.15),
        Life(source_pause=(6.0, 3.0)),
        Life(network_stall=(6.0, 3.0)),
        Life(network_stall=(0.1, 2.0)),
        Life(seconds=40.0, clock_error=0.0005),
        Life(source_pause=(4.0, 1.2), network_stall=(12.0, 5.0), jitter_s=0.1),
    ],
    ids=str,
)
def test_no_moment_is_off_by_more_than_200_ms(life: Life) -> None:
    assert worst(life) <= 0.2


@settings(max_examples=50)
@given(
    burst_s=st.floats(0, 5),
    jitter_s=st.floats(0, 0.15),
    pause=st.none() | st.tuples(st.floats(10, 12), st.floats(0.8, 6)),
    stall=st.none() | st.tuples(st.floats(1, 4), st.floats(0.1, 5)),
    noise=st.lists(st.floats(0, 1), min_size=1, max_size=40),
)
def test_no_moment_is_off_by_more_than_200_ms_whatever_happens(
    burst_s: float,
    jitter_s: float,
    pause: tuple[float, float] | None,
    stall: tuple[float, float] | None,
    noise: list[float],
) -> None:
    life = Life(
        seconds=16.0,
        burst_s=burst_s,
        jitter_s=jitter_s,
        source_pause=pause,
        network_stall=stall,
        noise=noise,
    )
    assert worst(life) <= 0.2


def test_packets_wait_no_longer_than_its_patience_while_the_burst_lasts() -> None:
    clock = ArrivalClock(patience_s=3.0)
    for number in range(100):  # a burst that never ends: ten times as fast as life
        clock.observe(number * 0.1, number * 1.0)
        assert clock.settled(number * 0.1) == (number * 0.1 >= 3.0)


def test_a_burst_of_hls_settles_in_the_silence_after_it() -> None:
    clock = ArrivalClock(span_s=60.0, pause_s=15.0)
    for number in range(100):
        clock.observe(10.0 + number * 0.001, number * 0.04)
    assert not clock.settled(10.1)
    assert clock.settled(10.6)
    for number in range(100, 200):  # the next piece, four seconds later
        clock.observe(14.0 + number * 0.001, number * 0.04)
    assert clock.settled(14.2)


def test_time_never_runs_backwards_within_one_anchor() -> None:
    clock = ArrivalClock()
    said = []
    for media, _, arrival in Life(jitter_s=0.1).packets():
        clock.observe(arrival, media)
        if clock.settled(arrival):
            said.append(clock.at(media))
    assert all(b > a for a, b in pairwise(said))


def test_a_file_is_taken_to_have_been_live_until_it_was_written() -> None:
    clock = FileClock(100.0)
    clock.observe(555.0, 7.0)
    clock.observe(555.0, 8.0)
    assert clock.settled(555.0)
    assert clock.at(8.5) == 101.5
