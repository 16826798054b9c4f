"""The gaps between the segments of a recording."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio

from hostcue.model.comment import Gap

_LATE_S = 60.0  # so much later than life may media come


class GapLedger:
    """A gap lasts from where the media ended to where it begins again.

    A gap is emitted without an end when it begins, and with one when it is over; again when its
    end is known better, since the segment behind it learns its own start better for a while.
    """

    def __init__(self, emit: Callable[[Gap], Awaitable[None]], gap: Gap | None = None) -> None:
        """`gap` lasts already: the media before it was recorded earlier."""
        self._emit = emit
        self._open = gap
        self._last: Gap | None = None
        self._seq = -1
        self._begin_ms: int | None = None
        self._begin_s = 0.0
        self._end_ms = self._recorded_to_ms = None if gap is None else gap.start_ms

    @property
    def recorded_to_ms(self) -> int | None:
        """Where the media ends; None while there is none."""
        return self._recorded_to_ms

    async def begin(self, cause: str) -> None:
        """The stream is gone; if nothing of it was kept, since it came."""
        start_ms = self._end_ms if self._end_ms is not None else self._begin_ms
        if start_ms is None:
            return
        last = self._last
        if last is not None and last.start_ms == start_ms:
            cause = last.cause  # what seemed to end it held nothing
        self._open = Gap(start_ms, cause)
        await self._emit(self._open)

    async def started(self, seq: int, start_ms: int) -> None:
        """A segment starts then, or its start is known better."""
        gap = self._open
        if gap is None and seq == self._seq:
            gap = self._last
        elif gap is None and self._end_ms is not None and self._left_out(start_ms - self._end_ms):
            gap = Gap(self._end_ms, "lost")
        if seq != self._seq:
            self._begin_s = anyio.current_time()
        self._seq, self._open = seq, None
        self._begin_ms = start_ms if self._begin_ms is None else self._begin_ms
        if gap is not None:
            await self._over(gap, start_ms)

    def _left_out(self, length_ms: int) -> bool:
        """Whether the source left something out within a connection.

        That can't be more than went by since the last segment began: then the machine's clock was
        set ahead, and nothing is missing.
        """
        passed_s = anyio.current_time() - self._begin_s
        return 0 < length_ms <= (passed_s + _LATE_S) * 1000

    async def closed(self, end_ms: int) -> None:
        """A segment ends then."""
        self._end_ms, self._last, self._seq = end_ms, None, -1
        self._recorded_to_ms = end_ms

    async def give_up(self, end_ms: int) -> None:
        """Nothing comes any more; a gap that lasts ends then."""
        if self._open is not None:
            gap, self._open = self._open, None
            await self._over(gap, end_ms)

    async def begin_anew(self) -> None:
        """Another broadcast: between the one before and its first segment nothing is missing."""
        await self.give_up(0)
        self._begin_ms = self._end_ms = self._last = None

    async def _over(self, gap: Gap, end_ms: int) -> None:
        over = replace(gap, end_ms=max(gap.start_ms, end_ms))
        if over != gap:
            await self._emit(over)
        self._last = over
