"""What a new connection sends once more of what an earlier one recorded."""

from __future__ import annotations

import zlib

OVERLAP_MS = 150
"""How far two connections' clocks may differ over the same moment."""
SEAM_MS = 40
"""How far they differ as a rule; hardly a picture is that short."""
_GREETING_S = 10.0  # no CDN greets with more than this


class Overlap:
    """Tells by the clock, and where that can't tell by the content, what was recorded before.

    `not_before_ms` is where that ended, `last_key` marks the last key frame in it, if known.
    What follows a key frame that was recorded can't be played without it, so it is passed over
    too.
    """

    def __init__(self, not_before_ms: int | None, last_key: str, *, picture: bool) -> None:
        self._not_before_ms = not_before_ms
        self._last_key = last_key
        self._slack_ms = OVERLAP_MS if last_key else SEAM_MS
        self._picture = picture
        self._begin_s: float | None = None
        self._met = False

    def covers(self, mark: str, media_s: float, wall_ms: int) -> bool:
        """Whether this key frame was recorded, or belongs before one that was."""
        if self._begin_s is None:
            self._begin_s = media_s
        before_ms = self._not_before_ms
        if before_ms is None or media_s - self._begin_s > _GREETING_S:
            return False
        if wall_ms < before_ms - self._slack_ms:
            return True
        if wall_ms >= before_ms + self._slack_ms:
            return False
        if mark == self._last_key:
            self._met = True
            return True
        # sound alone is all key frames: until the last is met, these are earlier ones
        return not (self._picture or self._met) and wall_ms < before_ms


def mark_of(content: bytes) -> str:
    """A short mark of a packet's content, the same in every process."""
    return f"{len(content):x}.{zlib.crc32(content):08x}"
