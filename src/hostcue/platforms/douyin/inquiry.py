"""One question about a room, for all who ask it at the same time."""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio

from hostcue.errors import HostcueError
from hostcue.platforms.douyin.broadcast import Broadcast


@dataclass(slots=True)
class Inquiry:
    """The last answer for one room; the lock is held while it is asked for."""

    lock: anyio.Lock = field(default_factory=anyio.Lock)
    answer: Broadcast | HostcueError | None = None
    answered_s: float = float("-inf")

    def recall(self, asked_s: float, max_age_s: float) -> Broadcast | HostcueError | None:
        """The answer, if it came while the caller waited, or is a good one and young enough."""
        if self.answered_s >= asked_s:
            return self.answer
        young = asked_s - self.answered_s <= max_age_s
        return self.answer if young and isinstance(self.answer, Broadcast) else None
