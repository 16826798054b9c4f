"""The one place that reads the wall clock, and what others' clocks say."""

from __future__ import annotations

from time import time_ns


def now_ms() -> int:
    """Unix milliseconds, UTC."""
    return time_ns() // 1_000_000


def to_ms(time: int) -> int:
    """A Unix time in seconds, milli-, micro- or nanoseconds, told apart by magnitude."""
    if time >= 10**17:
        return time // 10**6
    if time >= 10**14:
        return time // 1000
    return time if time >= 10**11 else time * 1000
