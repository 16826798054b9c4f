from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hostcue.model.sound import SAMPLE_HZ, Sound
from hostcue.speech.sound_buffer import OVERLOAD, SoundBuffer, Spans

START_MS = 1_750_000_000_000.0
_NUMBERS = np.tile(np.arange(30_000, dtype="<i2"), 40).tobytes()


def numbered(first: int, count: int) -> bytes:
    """Samples, each of which tells its number."""
    begin = first % 30_000 * 2
    return _NUMBERS[begin : begin + 2 * count]


def block(first: int, count: int, *, late_ms: float = 0.0, lost_ms: float = 0.0) -> Sound:
    """Samples of a sound that began with the session; `late_ms` after their time."""
    at_ms = START_MS + first * 1000 / SAMPLE_HZ + late_ms
    return Sound(at_ms, numbered(first, count), lost_ms)


def filled(*sounds: Sound) -> SoundBuffer:
    buffer = SoundBuffer()
    for sound in sounds:
        buffer.put(sound)
    return buffer


def spans(buffer: SoundBuffer, start: int, end: int) -> list[tuple[float, float]]:
    return [(a - START_MS, b - START_MS) for a, b in buffer.clock.spans(start, end)]


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=12))
def test_sound_that_follows_is_one_stretch_however_it_comes(sizes: list[int]) -> None:
    buffer = SoundBuffer()
    for size in sizes:
        buffer.put(block(buffer.received, size))
    total = sum(sizes)
    assert buffer.pcm(0, total) == numbered(0, total)
    [(start_ms, end_ms)] = spans(buffer, 0, total)
    assert start_ms == 0
    assert end_ms == pytest.approx(total / 16, abs=0.1)


@given(
    st.lists(
        st.tuples(st.integers(1, 2000), st.floats(-15, 15, allow_nan=False)),
        min_size=1,
        max_size=40,
    )
)
def test_jitter_neither_tears_sound_nor_moves_it_for_good(blocks: list[tuple[int, float]]) -> None:
    buffer = filled(block(0, 1600))
    for size, late_ms in blocks:
        buffer.put(block(buffer.received, size, late_ms=late_ms))
    end = buffer.received
    assert end == 1600 + sum(size for size, _ in blocks)
    assert len(spans(buffer, 0, end)) == 1
    assert buffer.clock.until_ms(end) - START_MS == pytest.approx(end / 16, abs=15.5)
    times = [buffer.clock.begin_ms(n) for n in range(0, end, 97)]
    assert times == sorted(times)


def test_a_clock_that_drifts_is_followed() -> None:
    buffer = SoundBuffer()
    for number in range(6000):  # ten minutes, two per mille too slow
        buffer.put(block(1600 * number, 1600, late_ms=0.2 * number))
    end_ms = buffer.clock.until_ms(buffer.received) - START_MS
    assert end_ms == pytest.approx(600_000 + 1200, abs=5)
    assert buffer.clock.next_break(0) is None


@settings(deadline=None)
@given(st.integers(1, 40_000), st.integers(0, 40_000), st.integers(200, 4000))
def test_a_greeting_is_left_out_to_the_sample(had: int, back: int, size: int) -> None:
    """After a reconnect a server sends again what it sent last."""
    buffer = filled(block(0, had))
    first = max(0, had - back)
    while first < had + 2000:
        buffer.put(block(first, size))
        first += size
    if min(had, back) >= 700:  # less is within the jitter
        assert buffer.received == first
        assert buffer.pcm(had - min(had, 99), had + 99) == numbered(
            had - min(had, 99), min(had, 99) + 99
        )
    assert len(buffer.clock.spans(0, buffer.received)) == 1


def test_a_hole_of_the_stream_takes_no_sample_but_time() -> None:
    buffer = filled(block(0, 16_000), block(16_000, 16_000, late_ms=5000))
    assert buffer.received == buffer.held == 32_000
    assert spans(buffer, 8000, 24_000) == [(500, 1000), (6000, 6500)]
    step = buffer.step(0, 99_999)
    assert step is not None
    assert step.end == 16_000
    behind = buffer.step(step.end, 99_999)
    assert behind is not None
    assert (behind.start, behind.end, behind.torn) == (16_000, 32_000, True)


def test_what_the_sender_dropped_counts_as_received_and_dropped() -> None:
    buffer = filled(block(0, 1600), block(4800, 1600, lost_ms=200))
    assert (buffer.received, buffer.held, buffer.dropped) == (6400, 3200, {OVERLOAD: 3200})
    assert list(buffer.untold_dropped[OVERLOAD]) == [(1600, 4800)]
    assert spans(buffer, 0, 6400) == [(0, 400)]
    assert buffer.pcm(0, 6400) == numbered(0, 1600) + numbered(4800, 1600)


def test_a_loss_in_a_longer_hole_is_only_its_last_part() -> None:
    buffer = filled(block(0, 1600), block(48_000, 1600, lost_ms=200))
    assert buffer.dropped == {OVERLOAD: 3200}
    assert spans(buffer, 0, buffer.received) == [(0, 100), (2800, 3100)]


def test_a_clock_that_was_set_back_goes_on() -> None:
    buffer = filled(block(0, 1600), block(1600, 1600, late_ms=-3_600_000))
    assert buffer.received == buffer.held == 3200
    assert spans(buffer, 1600, 3200) == [(-3_599_900, -3_599_800)]


class Accounts(RuleBasedStateMachine):
    """Whatever happens to sound, each sample of it is in one place."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = SoundBuffer()
        self.kept: dict[int, int] = {}
        self.sent = 0

    @rule(count=st.integers(0, 40_000), hole=st.sampled_from([0, 0, 160, 9000]), lost=st.booleans())
    def sound_comes(self, count: int, hole: int, lost: bool) -> None:
        first = self.sent + hole
        before = self.buffer.received
        self.buffer.put(block(first, count, lost_ms=hole / 16 if lost else 0))
        self.sent = first + count
        start = self.buffer.received - count
        assert start - before == (hole if lost else 0)
        self.kept |= {start + n: first + n for n in range(0, count, 500)}

    @rule(start=st.integers(0, 300_000), length=st.integers(0, 50_000))
    def some_is_heard(self, start: int, length: int) -> None:
        self._let_go(start, start + length, self.buffer.hear(start, start + length))

    @rule(start=st.integers(0, 300_000), length=st.integers(0, 50_000))
    def some_is_dropped(self, start: int, length: int) -> None:
        self._let_go(start, start + length, self.buffer.drop(start, start + length, "engine"))

    def _let_go(self, start: int, end: int, count: int) -> None:
        gone = [n for n in self.kept if start <= n < end]
        assert count >= len(gone)
        for number in gone:
            del self.kept[number]

    @rule()
    def all_is_told(self) -> None:
        self.buffer.clock.forget(self.buffer.first() or 0)

    @invariant()
    def nothing_is_lost(self) -> None:
        dropped = sum(self.buffer.dropped.values())
        assert self.buffer.received == self.buffer.heard + dropped + self.buffer.held
        told = sum(b - a for a, b in self.buffer.untold_heard)
        assert told == self.buffer.heard
        for number, was in self.kept.items():
            assert self.buffer.pcm(number, number + 1) == numbered(was, 1)

    @invariant()
    def all_that_is_held_can_be_stepped_through(self) -> None:
        at, total = 0, 0
        while (step := self.buffer.step(at, 10_000)) is not None:
            at, total = step.end, total + step.end - step.start
        assert total == self.buffer.held


TestAccounts = Accounts.TestCase
TestAccounts.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)


@pytest.mark.parametrize("late_ms", [-5000.0, -1500.0, -250.0, -60.0, 60.0, 250.0, 1500.0, 5000.0])
def test_a_stream_that_comes_later_and_then_in_time_again_loses_nothing(late_ms: float) -> None:
    """What is known of its times changes, and with it those of sound that follows."""
    buffer = SoundBuffer()
    for number in range(150):
        late = late_ms if 50 <= number < 100 else 0.0
        one = block(1600 * number, 1600, late_ms=late)
        buffer.put(replace(one, follows=number > 0))
    total = 150 * 1600
    assert buffer.received == buffer.held == total
    assert buffer.pcm(0, total) == numbered(0, total)
    assert buffer.clock.until_ms(total) - START_MS == pytest.approx(total / 16, abs=25)
    torn = [at for at in range(0, total, 1600) if buffer.clock.is_break(at)]
    assert torn == ([0, 80_000, 160_000] if abs(late_ms) > 1000 else [0])


def test_a_greeting_that_follows_its_own_beginning_is_left_out_to_the_sample() -> None:
    buffer = filled(block(0, 32_000))
    for number in range(20):  # a new line brings the last second and a half once more
        one = block(8_000 + 1600 * number, 1600)
        buffer.put(replace(one, follows=number > 0))
    assert buffer.received == 40_000
    assert buffer.pcm(0, 40_000) == numbered(0, 40_000)


@given(st.permutations(range(12)), st.sets(st.integers(0, 11)))
def test_spans_that_touch_become_one(order: list[int], left: set[int]) -> None:
    found = Spans()
    for number in order:
        if number not in left:
            found.add(10 * number, 10 * number + 10)
    numbers = [n for a, b in found for n in range(a // 10, b // 10)]
    assert numbers == sorted(set(range(12)) - left)
    assert all(b < c for (_, b), (c, _) in zip(list(found), list(found)[1:], strict=False))


@given(st.integers(0, 20), st.integers(1, 20))
def test_a_part_of_a_span_can_be_taken_out(start: int, length: int) -> None:
    found = Spans()
    found.add(0, 40)
    found.take(start, start + length)
    assert sum(b - a for a, b in found) == 40 - length
    found.add(start, start + length)
    assert list(found) == [(0, 40)]
