from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from hostcue.recording.arrival import ArrivalClock, FileClock

FPS = 15
EXACT_S = 0.2
REFINED_S = 6.0  # a segment's start is corrected for longer than that


@dataclass(frozen=True)
class Event:
    """What happens to a broadcast, `at_s` after we came and for so long.

    Its source pauses, the network holds everything up, or lets only a `share` of real time
    through; what was held up comes at once or, after a hold-up, so many times as fast as it plays.
    """

    kind: Literal["source", "network", "trickle"]
    at_s: float
    length_s: float
    share: float = 0.5
    drain: float = math.inf


@dataclass(frozen=True)
class Life:
    """How a broadcast reached us: media time, the true moment of it, and its arrival."""

    events: tuple[Event, ...] = ()
    seconds: float = 16.0
    burst_s: float = 2.0
    jitter_s: float = 0.0
    clump_s: float = 0.0
    clock_error: float = 0.0
    noise: tuple[float, ...] = (0.3, 0.9, 0.1, 0.5, 0.0, 0.7)

    def packets(self) -> Iterator[tuple[float, float, float]]:
        """(media, true, arrival) in order of arrival."""
        arrived = 0.0
        for number in range(round((self.burst_s + self.seconds) * FPS)):
            true = self._live(number / FPS * (1 + self.clock_error) - self.burst_s)
            sent = max(true, 0.0)
            if self.clump_s:
                sent = math.ceil(sent / self.clump_s) * self.clump_s
            arrival = sent + self.jitter_s * self.noise[number % len(self.noise)]
            arrived = self._let_through(max(arrival, arrived + 0.0005), arrived)
            yield 5000.0 + number / FPS, true, arrived

    def _live(self, media: float) -> float:
        for event in self.events:
            if event.kind == "source" and media >= event.at_s:
                media += event.length_s
        return media

    def _let_through(self, arrival: float, last: float) -> float:
        for event in self.events:
            end = event.at_s + event.length_s
            if event.kind == "network" and event.at_s <= arrival < end:
                return end
            if event.kind == "network" and last >= end and arrival - last < 0.001:
                return last + 1 / FPS / event.drain
            if event.kind == "trickle" and event.at_s <= arrival < end:
                return min(end, max(arrival, last + 1 / FPS / event.share))
        return arrival


def off_by(life: Life) -> Iterator[float]:
    """How wrong each packet's moment is when it is let through, and when it can be refined."""
    clock = ArrivalClock()
    held: list[tuple[float, float]] = []
    known: deque[tuple[float, float]] = deque()
    for media, true, arrival in life.packets():
        for step in (None, media):  # as Capture does: before and after the packet is heard
            if step is not None:
                clock.observe(arrival, step)
                held.append((media, true))
            if held and clock.settled(arrival):
                yield from (abs(clock.at(m) - t) for m, t in held)
                known.extend(held)
                held.clear()
        while known and known[0][0] < media - REFINED_S:
            early, true = known.popleft()
            yield abs(clock.at(early) - true)
    assert len(held) < 10 * FPS


@pytest.mark.parametrize(
    "life",
    [
        Life(),
        Life(burst_s=0.0),
        Life(burst_s=8.0),
        Life(jitter_s=0.15),
        Life((Event("source", 6.0, 3.0),)),
        *(Life((Event("source", at_s, 1.5),)) for at_s in (0.4, 0.6, 1.0, 2.5)),
        Life((Event("source", 1.0, 0.4), Event("source", 3.0, 0.4))),
        Life((Event("network", 6.0, 3.0),)),
        Life((Event("network", 0.1, 2.0),)),
        Life((Event("network", 4.0, 3.0, drain=2.0),)),
        Life((Event("trickle", 4.0, 4.0, share=0.2),)),
        Life((Event("source", 2.0, 2.0), Event("network", 6.0, 2.0)), clump_s=0.2),
        Life(seconds=40.0, clock_error=0.0005),
        Life((Event("source", 4.0, 1.2), Event("network", 12.0, 5.0)), jitter_s=0.1, seconds=20.0),
    ],
    ids=str,
)
def test_no_moment_is_off_by_more_than_200_ms(life: Life) -> None:
    assert max(off_by(life)) <= EXACT_S


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """Any number of things that happen one after the other, each over before the next."""
    events: list[Event] = []
    at_s = draw(st.floats(0.4, 3))
    while at_s < 20:
        event = Event(
            draw(st.sampled_from(("source", "network", "trickle"))),
            at_s,
            draw(st.floats(0.4, 6)),
            draw(st.floats(0.2, 0.8)),
            draw(st.sampled_from((2.0, 4.0, math.inf))),
        )
        events.append(event)
        backlog_s = 0.0 if event.kind == "source" else event.length_s
        at_s += event.length_s + backlog_s + draw(st.floats(0.8, 4))
    jitter_s, clump_s = draw(st.sampled_from(((0.0, 0.0), (0.15, 0.0), (0.05, 0.2), (0.0, 0.1))))
    return Life(
        tuple(events),
        seconds=24.0,
        burst_s=draw(st.floats(0, 5)),
        jitter_s=jitter_s,
        clump_s=clump_s,
        noise=tuple(draw(st.lists(st.floats(0, 1), min_size=1, max_size=40))),
    )


@settings(max_examples=300, derandomize=True, deadline=None)
@given(lives())
def test_no_moment_is_off_by_more_than_can_be_known(life: Life) -> None:
    """Half a clump more where packets come in clumps: the last before a pause is not whole."""
    note(f"{life.events}")
    assert max(off_by(life)) <= EXACT_S + life.clump_s / 2


def test_how_long_a_source_had_paused_when_we_came_is_not_known() -> None:
    """The newest picture of the greeting is taken to be live; what comes later is right."""
    clock = ArrivalClock()
    for number in range(30):
        clock.observe(0.001 * number, number / FPS)
    assert clock.settled(1.0)
    assert clock.at(29 / FPS) == pytest.approx(0.0, abs=0.05)
    for number in range(30, 60):
        arrival_s = 2.0 + (number - 30) / FPS
        clock.settled(arrival_s)
        clock.observe(arrival_s, number / FPS)
    assert clock.at(29 / FPS) == pytest.approx(0.0, abs=0.05)
    assert clock.at(59 / FPS) == pytest.approx(2.0 + 29 / FPS, abs=0.05)


def test_a_delay_is_the_sources_until_a_backlog_tells_that_it_was_the_networks() -> None:
    clock = ArrivalClock()
    moments = [(n / FPS, n / FPS) for n in range(30)]
    moments += [(2.0 + n / FPS, 5.0 + n / FPS) for n in range(30)]
    for media, arrival in moments:
        clock.settled(arrival)
        clock.observe(arrival, media)
    assert clock.at(3.0) == pytest.approx(6.0, abs=0.05)
    for n in range(45):
        clock.observe(7.0 + n / 1000, 4.0 + n / FPS)
    assert clock.at(3.0) == pytest.approx(3.0, abs=0.15)


def test_packets_wait_no_longer_than_its_patience_while_the_burst_lasts() -> None:
    clock = ArrivalClock(patience_s=3.0)
    for number in range(100):  # a burst that never ends: ten times as fast as life
        clock.observe(number * 0.1, number * 1.0)
        assert clock.settled(number * 0.1) == (number * 0.1 >= 3.0)


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
