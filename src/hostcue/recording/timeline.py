"""Stream time without the jumps that live sources make."""

from __future__ import annotations

from dataclasses import dataclass

_JUMP_S = 1.0
_BACK_S = 0.1  # decode times never go back; less than this is left to the file to straighten
_LONGEST_STEP_S = 5.0
_BESIDE_S = 0.5  # of each other the tracks come


@dataclass(frozen=True, slots=True)
class Place:
    """Where a packet belongs: never before its track's last, and what to add to its own times."""

    at_s: float
    shift_s: float


@dataclass(slots=True)
class _Track:
    shift_s: float
    begun_s: float
    last_s: float | None = None
    step_s: float | None = None

    def step(self, dts_s: float, shift_s: float) -> float:
        return 0.0 if self.last_s is None else dts_s + shift_s - self.last_s

    @property
    def longest_s(self) -> float:
        return _LONGEST_STEP_S if self.step_s is None else max(_JUMP_S, 4 * self.step_s)


class Timeline:
    """Continues each track where a timestamp jump tore it.

    A source that restarts its clock (an hour ahead, or back to zero) sends the same pictures
    without a break; only their numbers change. What mended the jump of one track mends the
    others' too, so the sound stays with the picture. A track that leaps to where the other is
    had a hole, as when an encoder drops pictures to save its sound: that is no jump.
    """

    def __init__(self) -> None:
        self._tracks: dict[int, _Track] = {}
        self._shift_s = 0.0

    def place(self, track: int, dts_s: float) -> Place:
        """Where the next packet of a track belongs."""
        state = self._tracks.setdefault(track, _Track(self._shift_s, dts_s + self._shift_s))
        step_s = state.step(dts_s, state.shift_s)
        if not -_BACK_S <= step_s <= state.longest_s and not self._catches_up(state, step_s):
            self._mend(state, dts_s)
        at_s = here_s = dts_s + state.shift_s
        if state.last_s is not None:
            at_s = max(state.last_s, here_s)
            state.step_s = min(at_s - state.last_s, _LONGEST_STEP_S)
        state.last_s = at_s
        return Place(at_s, state.shift_s)

    def _catches_up(self, state: _Track, step_s: float) -> bool:
        """Whether a step leads ahead to where another track has gone on meanwhile."""
        if step_s < 0 or state.last_s is None:
            return False
        left_s, here_s = state.last_s + _BESIDE_S, state.last_s + step_s
        return any(
            track.begun_s <= left_s and abs(track.last_s - here_s) <= _BESIDE_S
            for track in self._tracks.values()
            if track is not state and track.last_s is not None
        )

    def _mend(self, state: _Track, dts_s: float) -> None:
        """Take over what mended another track's jump, if it makes sense here, or go on."""
        known = self._shift_s != state.shift_s
        if not (known and -_JUMP_S <= state.step(dts_s, self._shift_s) <= state.longest_s):
            self._shift_s = (state.last_s or 0.0) + (state.step_s or 0.0) - dts_s
        state.shift_s = self._shift_s
