"""Showtimes: what a wall clock says, over midnight and summer time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.model.schedule import DAYS, Showtime, wait_ms

HOUR_MS = 3600 * 1000
BERLIN = "Europe/Berlin"


def at(text: str, zone: str = BERLIN, *, fold: int = 0) -> int:
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return round(moment.timestamp() * 1000)


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        ("2026-11-27T19:29", 1 / 60),  # a Friday
        ("2026-11-27T19:30", 0),
        ("2026-11-28T00:59", 0),
        ("2026-11-28T01:00", 6 * 24 + 18.5),
    ],
)
def test_a_showtime_over_midnight_belongs_to_the_day_it_starts_on(now: str, hours: float) -> None:
    friday = Showtime(19 * 60 + 30, 60, frozenset({"fri"}))
    assert wait_ms([friday], at(now, "Asia/Shanghai"), "Asia/Shanghai") == round(hours * HOUR_MS)


def test_over_the_nights_in_which_clocks_change_the_wall_clock_counts() -> None:
    morning, night = Showtime(8 * 60, 9 * 60), Showtime(2 * 60 + 30, 4 * 60)
    assert wait_ms([morning], at("2026-03-28T20:00"), BERLIN) == 11 * HOUR_MS
    assert wait_ms([morning], at("2026-10-24T20:00"), BERLIN) == 13 * HOUR_MS
    assert wait_ms([night], at("2026-03-29T03:00"), BERLIN) == 0  # 2:30 never was
    assert wait_ms([night], at("2026-03-29T03:59"), BERLIN) == 0
    assert wait_ms([night], at("2026-10-25T02:45", fold=1), BERLIN) == 0


@given(
    start=st.integers(0, 1439),
    end=st.integers(0, 1439),
    days=st.frozensets(st.sampled_from(DAYS)),
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001 - drawn, then zoned
    zone=st.sampled_from([BERLIN, "Asia/Shanghai", "America/New_York", "Pacific/Apia"]),
)
def test_a_wait_ends_within_a_week_inside_the_showtime(
    start: int, end: int, days: frozenset[str], now: datetime, zone: str
) -> None:
    showtime = Showtime(start, end, days)  # type: ignore[arg-type] # drawn from DAYS
    now_ms = round(now.replace(tzinfo=UTC).timestamp() * 1000)
    waited = wait_ms([showtime], now_ms, zone)
    assert 0 <= waited <= timedelta(days=8).total_seconds() * 1000
    assert wait_ms([showtime], now_ms + waited, zone) == 0
