"""Whether a stream keeps up with life."""

from __future__ import annotations

import math

_PATIENCE_S = 2.0
_GAIN_S = 0.1


class Pace:
    """Watches the picture's progress, not its packets: what drips in is no stream.

    It lags when it has been `max_lag_s` behind life for two seconds without gaining on it.
    """

    def __init__(self, *, max_lag_s: float) -> None:
        self._max_lag_s = max_lag_s
        self._least_s = math.inf
        self._since_s = 0.0
        self.heard_s: float | None = None
        """When the last packet of the picture came in, by `time.monotonic`."""

    def heard(self, now_s: float, lag_s: float) -> None:
        """A packet of the picture came in, so long after it was live."""
        self.heard_s = now_s
        if lag_s <= self._max_lag_s:
            self._least_s = math.inf
        elif lag_s < self._least_s - _GAIN_S:
            self._least_s, self._since_s = lag_s, now_s

    @property
    def lags(self) -> bool:
        """Whether it fell behind and does not catch up."""
        return self._least_s < math.inf and (self.heard_s or 0.0) - self._since_s >= _PATIENCE_S
