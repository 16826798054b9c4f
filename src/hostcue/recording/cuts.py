"""When a segment is long enough."""

from __future__ import annotations

_TOO_LONG = 2.0


class CutRule:
    """A segment ends at the first key frame after `segment_s` of media.

    With `aligned` it ends at the first key frame after a multiple of `segment_s` of Unix time, so
    the segments of all rooms, and those before and after a restart, cover the same spans. Those
    are also spans of the local clock where it is whole hours or quarters off UTC and `segment_s`
    divides them; a change to summer time moves nothing.
    """

    def __init__(self, segment_s: int, *, aligned: bool, early_s: float) -> None:
        """A key frame that comes `early_s` before the time is up ends it already."""
        self._segment_s = segment_s
        self._aligned = aligned
        self._early_s = early_s
        self._due_ms = 0

    def begin(self, start_ms: int) -> None:
        """A segment was begun at this moment of the wall clock."""
        span_ms = self._segment_s * 1000
        self._due_ms = ((start_ms + round(self._early_s * 1000)) // span_ms + 1) * span_ms

    def due(self, length_s: float, now_ms: int) -> bool:
        """Whether the open segment, so long by now, ends at this moment of the wall clock."""
        if not self._aligned:
            return length_s >= self._segment_s - self._early_s
        # a machine whose clock was set back would wait for the same time to come again
        too_long = length_s >= _TOO_LONG * self._segment_s
        return too_long or now_ms >= self._due_ms - round(self._early_s * 1000)
