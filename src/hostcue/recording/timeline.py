"""Stream time without the jumps that live sources make."""

from __future__ import annotations

from dataclasses import dataclass

_JUMP_S = 1.0
_BACK_S = 0.1  # decode times never go back; less than this is left to the file to straighten
_LONGEST_STEP_S = 5.0


@dataclass(slots=True)
class _Track:
    last_s: float | None = None
    step_s: float = 0.0
    shift_s: float = 0.0


class Timeline:
    """Continues each track where a timestamp jump tore it.

    A source that restarts its clock (an hour ahead, or back to zero) sends the same pictures
    without a break; only their numbers change. `shift` is what to add to a packet's own time.
    """

    def __init__(self) -> None:
        self._tracks: dict[int, _Track] = {}
        self._change: tuple[int, float] | None = None

    def shift(self, track: int, dts_s: float) -> tuple[float, bool]:
        """Seconds to add to this packet's times, and whether a new jump was met just here."""
        state = self._tracks.setdefault(track, _Track())
        here_s = dts_s + state.shift_s
        step_s = 0.0 if state.last_s is None else here_s - state.last_s
        if -_BACK_S <= step_s <= max(_JUMP_S, 4 * state.step_s):
            state.step_s = min(abs(step_s), _LONGEST_STEP_S)
            state.last_s = here_s
            return state.shift_s, False
        change_s, new = self._change_for(track, state.step_s - step_s)
        state.shift_s += change_s
        state.last_s = dts_s + state.shift_s
        return state.shift_s, new

    def _change_for(self, track: int, wanted_s: float) -> tuple[float, bool]:
        """What mends the jump: what mended another track's, if this is the same jump.

        So the sound stays with the picture.
        """
        if self._change is not None:
            other, change_s = self._change
            if other != track and abs(change_s - wanted_s) < _JUMP_S:
                self._change = None
                return change_s, False
        self._change = (track, wanted_s)
        return wanted_s, True
