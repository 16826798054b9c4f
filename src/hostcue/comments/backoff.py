"""How long to wait before another connection."""

from __future__ import annotations

import random

import anyio


class Backoff:
    """Waits that double, from the first to the longest, and spread a little."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self.attempts = 0

    async def wait(self, *, at_least_s: float = 0.0) -> None:
        """Wait longer than the last time, and as long as the other side asks for."""
        doubled_s = min(self._longest_s, self._first_s * 2 ** min(self.attempts, 16))
        wait_s = max(doubled_s, at_least_s)
        self.attempts += 1
        await anyio.sleep(wait_s * random.uniform(0.8, 1.3))  # noqa: S311 - spreads load

    def reset(self) -> None:
        """Begin anew: it worked."""
        self.attempts = 0
