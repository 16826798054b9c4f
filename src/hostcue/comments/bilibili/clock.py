"""The platform's clock beside ours."""

from __future__ import annotations

from collections import deque

from hostcue.model.clock import to_ms

_TEN_MINUTES_MS = 600_000
_ONE_DAY_MS = 86_400_000
_MEASURED = 200


class PlatformClock:
    """How far the platform's clock is ahead of ours, by what it says of the last messages.

    The quickest of them counts: what others took longer is delay.
    """

    def __init__(self) -> None:
        self._ahead_ms: deque[int] = deque(maxlen=_MEASURED)

    @property
    def skew_ms(self) -> int | None:
        """None before the first message that tells its time."""
        return max(self._ahead_ms, default=None)

    def hear(self, sent: int, received_ms: int) -> None:
        """A message has come that was sent at a time of the platform's clock; 0 says nothing."""
        if sent > 0:
            self._ahead_ms.append(to_ms(sent) - received_ms)

    def when(self, told: int, received_ms: int) -> int:
        """Unix milliseconds of what the platform says happened then; the receive time for 0.

        Ours is corrected only if the clocks are so far apart that comments would miss their
        windows, which are cut on our clock.
        """
        if told <= 0:
            return received_ms
        sent_ms = to_ms(told)
        skew_ms = self.skew_ms or 0
        if abs(skew_ms) > _TEN_MINUTES_MS:
            sent_ms -= skew_ms
        believable = -_TEN_MINUTES_MS <= received_ms - sent_ms <= _ONE_DAY_MS
        return sent_ms if believable else received_ms
