"""How lively a room's messages come in, and how late."""

from __future__ import annotations

from collections import deque
from statistics import median

from hostcue.model.clock import now_ms
from hostcue.model.comment import Comment, Gap, LiveEvent, Tally, WayTaken

_LAGS = 20
_MINUTE_S = 60


class Pulse:
    """Rate and lag of one room; seconds are on a monotonic clock."""

    def __init__(self) -> None:
        self._last_s: float | None = None
        self._per_second: deque[tuple[int, int]] = deque(maxlen=_MINUTE_S + 1)
        self._lags_ms: deque[int] = deque(maxlen=_LAGS)

    def beat(self, event: LiveEvent, now_s: float) -> None:
        """Count one event that just came in; what is our own is no sign of life."""
        if isinstance(event, (Gap, WayTaken, Tally)):
            return
        self._last_s = now_s
        second = int(now_s)
        if self._per_second and self._per_second[-1][0] == second:
            second, count = self._per_second.pop()
            self._per_second.append((second, count + 1))
        else:
            self._per_second.append((second, 1))
        if isinstance(event, Comment):
            self._lags_ms.append(max(0, now_ms() - event.ts_ms))

    def age_ms(self, now_s: float) -> int | None:
        """Since the last event; None before the first."""
        return None if self._last_s is None else round((now_s - self._last_s) * 1000)

    def per_minute(self, now_s: float) -> int:
        """Events of the last minute."""
        return sum(count for second, count in self._per_second if second > now_s - _MINUTE_S)

    @property
    def lag_ms(self) -> int | None:
        """Median time from sending to arrival of the last comments; None before the first."""
        return round(median(self._lags_ms)) if self._lags_ms else None
