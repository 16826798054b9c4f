"""When a room is expected to be live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)


@dataclass(frozen=True, slots=True)
class Showtime:
    """A span of local time that comes again each week; empty `days` means every day.

    Minutes count from midnight. One that ends at or before its start ends on the next day, and
    belongs to the day on which it starts.
    """

    start_minute: int
    end_minute: int
    days: frozenset[Day] = frozenset()

    def next_after(self, at: datetime) -> tuple[datetime, datetime]:
        """The span that `at` lies in, or else the next one; wall time, in the zone of `at`."""
        midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
        for offset in range(-1, 8):
            day = midnight + timedelta(days=offset)
            if self.days and DAYS[day.weekday()] not in self.days:
                continue
            start = day + timedelta(minutes=self.start_minute)
            late = self.end_minute <= self.start_minute
            end = day + timedelta(days=late, minutes=self.end_minute)
            if end > at:
                return start, end
        raise AssertionError("a week has every day")


def wait_ms(schedule: Sequence[Showtime], now_ms: int, zone: str | None) -> int:
    """How long until a showtime begins: 0 inside one, and where there is no schedule."""
    if not schedule:
        return 0
    now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(ZoneInfo(zone) if zone else None)
    start = min(showtime.next_after(now)[0] for showtime in schedule)
    if start <= now:  # by the clock on the wall: one that summer time leaves out has begun, too
        return 0
    return max(0, round(start.timestamp() * 1000) - now_ms)
