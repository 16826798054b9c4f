"""Whether something comes up more than in the window before."""

from __future__ import annotations

from hostcue.model.digest import Trend

_MARKED = 1.5
_FEWEST = 3  # below that a change is chance


def trend_of(count: int, before: int, ratio: float) -> Trend:
    """What `count` means after `before`, this window being `ratio` times as long as that one."""
    expected = before * ratio
    if before == 0:
        return "new"
    if abs(count - expected) < _FEWEST:
        return "steady"
    if count >= _MARKED * expected:
        return "rising"
    return "falling" if count * _MARKED <= expected else "steady"
