"""The machine's clock, which somebody may set while a recording runs."""

from __future__ import annotations

import time
from collections.abc import Callable

from hostcue.model.clock import now_ms

_STEP_MS = 1000


class WallClock:
    """Unix time for the seconds of `time.monotonic`.

    A machine that booted with a wrong time and hears the right one, or that slept, would make
    what it records meanwhile an hour long, or of no length: a new time waits until `follow`.
    """

    def __init__(
        self,
        read_ms: Callable[[], int] = now_ms,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read_ms = read_ms
        self._monotonic = monotonic
        self._ahead_ms = self._read()

    def _read(self) -> int:
        return self._read_ms() - round(self._monotonic() * 1000)

    def was_set(self) -> bool:
        """Whether it was set by more than a correction; one is taken up here."""
        ahead_ms = self._read()
        if abs(ahead_ms - self._ahead_ms) > _STEP_MS:
            return True
        self._ahead_ms = ahead_ms
        return False

    @property
    def now_ms(self) -> int:
        """What it shows."""
        return self._read_ms()

    def follow(self) -> None:
        """From now on go by what it shows."""
        self._ahead_ms = self._read()

    def at_ms(self, monotonic_s: float) -> int:
        """Unix milliseconds at that moment."""
        return round(monotonic_s * 1000) + self._ahead_ms
