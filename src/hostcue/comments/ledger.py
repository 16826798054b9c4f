"""What a source missed and left out, told as it becomes known."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import structlog

from hostcue.comments.backlog import Backlog
from hostcue.model.clock import now_ms
from hostcue.model.comment import Gap, Tally

log = structlog.get_logger(__name__)


class Ledger:
    """The gaps and tallies of one session; `heard_ms` is when the last message came.

    Args:
        backlog: where they are told.
        tally: what was left out so far.
        tally_s: that is told so often at most.
    """

    def __init__(
        self, backlog: Backlog, tally: Callable[[], Tally], *, tally_s: float = 5.0
    ) -> None:
        self._backlog = backlog
        self._tally = tally
        self._tally_s = tally_s
        self._told = Tally()
        self._told_s = float("-inf")
        self._gap: Gap | None = None
        self.heard_ms = now_ms()

    def open(self, cause: str, since_ms: int | None = None) -> None:
        """From now on, or since then, nothing comes; of several causes the first is told."""
        if self._gap is None:
            log.warning("comment_gap", cause=cause)
            self._gap = Gap(now_ms() if since_ms is None else since_ms, cause)
            self._backlog.put(self._gap)

    def close(self) -> None:
        """Nothing is missing any more."""
        self._settle(now_ms())

    def hear(self) -> None:
        """A message came by the connection there is."""
        self.close()
        self.heard_ms = now_ms()

    def fill(self, cause: str, first_ms: int | None, last_ms: int | None = None) -> None:
        """What came is there after all, from `first_ms` to `last_ms`; None: all of it, up to now.

        Before that, back to the last message, it is missing for good.
        """
        until_ms = min(first_ms or 0, now_ms())
        if self._gap is None and until_ms > self.heard_ms:
            self._gap = Gap(self.heard_ms, cause)
        self._settle(until_ms)
        self.catch_up(last_ms)

    def catch_up(self, last_ms: int | None) -> None:
        """What came up to `last_ms` is there; None: up to now."""
        self.heard_ms = now_ms() if last_ms is None else min(last_ms, now_ms())

    def tell_tally(self, *, at_once: bool = False) -> None:
        """Tell what was left out, if it is more than was told and that is a while ago."""
        if not at_once and anyio.current_time() < self._told_s + self._tally_s:
            return
        self._told_s = anyio.current_time()
        if (tally := self._tally()) != self._told:
            self._told = tally
            self._backlog.put(tally)

    def _settle(self, end_ms: int) -> None:
        if self._gap is not None:
            gap, self._gap = self._gap, None
            self._backlog.put(Gap(gap.start_ms, gap.cause, max(gap.start_ms, end_ms)))
