from __future__ import annotations

from hostcue.model.comment import Gap
from hostcue.recording.ledger import GapLedger


def ledger(gap: Gap | None = None) -> tuple[GapLedger, list[Gap]]:
    told: list[Gap] = []

    async def emit(gap: Gap) -> None:
        told.append(gap)

    return GapLedger(emit, gap), told


async def test_a_gap_lasts_from_the_end_of_a_segment_to_the_start_of_the_next() -> None:
    gaps, told = ledger()
    await gaps.started(0, 1000)
    await gaps.started(0, 1000)
    await gaps.closed(5000)
    await gaps.begin("eof")
    await gaps.started(1, 6200)
    assert told == [Gap(5000, "eof"), Gap(5000, "eof", 6200)]
    assert gaps.recorded_to_ms == 5000


async def test_segments_that_follow_each_other_have_no_gap() -> None:
    gaps, told = ledger()
    for seq in range(3):
        await gaps.started(seq, 1000 * seq)
        await gaps.closed(1000 * seq + 1000)
    assert told == []


async def test_the_end_of_a_gap_moves_with_the_start_of_the_segment_behind_it() -> None:
    gaps, told = ledger()
    await gaps.started(0, 0)
    await gaps.closed(5000)
    await gaps.begin("reset")
    for start_ms in (6200, 6200, 6100, 6050):
        await gaps.started(1, start_ms)
    await gaps.closed(9000)
    await gaps.started(2, 9000)
    assert [gap.end_ms for gap in told] == [None, 6200, 6100, 6050]


async def test_a_segment_that_held_nothing_ended_no_gap() -> None:
    gaps, told = ledger()
    await gaps.started(0, 0)
    await gaps.closed(5000)
    await gaps.begin("eof")
    await gaps.started(1, 6000)
    await gaps.begin("worker_died")
    await gaps.started(1, 9000)
    assert told[-2:] == [Gap(5000, "eof"), Gap(5000, "eof", 9000)]


async def test_when_the_first_segment_was_lost_the_gap_begins_with_it() -> None:
    gaps, told = ledger()
    await gaps.started(0, 1000)
    await gaps.begin("worker_died")
    await gaps.started(0, 4000)
    assert told == [Gap(1000, "worker_died"), Gap(1000, "worker_died", 4000)]


async def test_what_the_source_left_out_within_a_connection_is_a_gap() -> None:
    gaps, told = ledger()
    await gaps.started(0, 0)
    await gaps.closed(5000)
    await gaps.started(1, 7000)
    await gaps.started(1, 6900)
    assert told == [Gap(5000, "lost", 7000), Gap(5000, "lost", 6900)]


async def test_a_clock_that_is_set_ahead_within_a_connection_makes_no_gap() -> None:
    gaps, told = ledger()
    await gaps.started(0, 0)
    await gaps.closed(5000)
    await gaps.started(1, 3_605_000)
    await gaps.closed(3_609_000)
    await gaps.started(2, 3_609_500)
    assert told == [Gap(3_609_000, "lost", 3_609_500)]


async def test_a_gap_that_lasted_before_ends_with_the_first_segment() -> None:
    gaps, told = ledger(Gap(500, "restart"))
    assert gaps.recorded_to_ms == 500
    await gaps.started(3, 900)
    await gaps.started(3, 860)
    assert told == [Gap(500, "restart", 900), Gap(500, "restart", 860)]


async def test_no_gap_ends_before_it_begins() -> None:
    gaps, told = ledger()
    await gaps.started(0, 0)
    await gaps.closed(5000)
    await gaps.begin("eof")
    await gaps.give_up(0)
    assert told[-1] == Gap(5000, "eof", 5000)
    await gaps.give_up(9000)
    assert len(told) == 2


async def test_between_two_broadcasts_nothing_is_missing() -> None:
    gaps, told = ledger()
    await gaps.started(0, 0)
    await gaps.closed(5000)
    await gaps.begin("http_404")
    await gaps.begin_anew()
    assert gaps.recorded_to_ms == 5000
    for start_ms in (9000, 8900):
        await gaps.started(1, start_ms)
    await gaps.begin("reset")
    await gaps.started(1, 9500)
    assert told == [
        Gap(5000, "http_404"),
        Gap(5000, "http_404", 5000),
        Gap(9000, "reset"),
        Gap(9000, "reset", 9500),
    ]
