"""How long a worker waits for the picture."""

from __future__ import annotations

from hostcue.recording.protocol import Ended

_KEY_FRAME_S = 15.0  # the time to wait for a key frame, over that for a connection
_LATE_S = 0.5  # who is so late stood still: the process was stopped, the machine busy or suspended


class Patience:
    """When to give up a connection, by `time.monotonic`; it has no clock of its own.

    Who stood still himself must not blame the stream: what came meanwhile waits to be received.
    """

    def __init__(self, *, open_timeout_s: float, stall_s: float, now_s: float) -> None:
        self._open_timeout_s = open_timeout_s
        self._stall_s = stall_s
        self._awake_s = self._recorded_s = now_s

    def woke(self, now_s: float, *, due_s: float) -> None:
        """Whoever keeps time is back, at `due_s` at the latest; if not, all waits begin anew."""
        if now_s - due_s > _LATE_S:
            self._awake_s = now_s

    def deadline(self, now_s: float, heard_s: float | None, *, recording: bool) -> float:
        """When to give up if nothing happens until then."""
        return self._judge(now_s, heard_s, recording=recording)[0]

    def verdict(self, now_s: float, heard_s: float | None, *, recording: bool) -> Ended | None:
        """Why to give up now; None while there is hope."""
        until_s, ended = self._judge(now_s, heard_s, recording=recording)
        return ended if now_s >= until_s else None

    def _judge(
        self, now_s: float, heard_s: float | None, *, recording: bool
    ) -> tuple[float, Ended]:
        if heard_s is None:
            return self._awake_s + self._open_timeout_s, Ended("stalled", "no picture came")
        if recording:
            self._recorded_s = now_s
        # where one segment ends and the next begins none is open for a moment either
        blank_s = max(self._recorded_s, self._awake_s) + self._open_timeout_s + _KEY_FRAME_S
        stalled_s = max(heard_s, self._awake_s) + self._stall_s
        if blank_s < stalled_s:
            return blank_s, Ended("no_key_frame", "the picture has no point to begin at")
        return stalled_s, Ended("stalled", "the picture stopped coming")
