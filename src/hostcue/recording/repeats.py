"""Packets that a source sends twice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_PACE = 0.75  # of real time; what is sent once more comes faster
_GRACE_S = 0.25
_SHORTEST_S = 0.4  # of media; how fast less of it comes can't be told

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Arrival(Generic[T]):
    """`item` came in at `now_s`; `dts_s` is the source's own time stamp, `mark` its content."""

    track: int
    dts_s: float
    mark: int
    now_s: float
    item: T


@dataclass(slots=True)
class _Track(Generic[T]):
    known: dict[tuple[float, int], float] = field(default_factory=dict[tuple[float, int], float])
    """When each stamp and content came last, the oldest first."""
    last_s: float = -math.inf
    held: list[Arrival[T]] = field(default_factory=list[Arrival[T]])
    loops: bool = False


class Repeats(Generic[T]):
    """Leaves out what comes a second time, as when a CDN's own source broke and came back.

    Only what goes back to the stamp and the content of a packet of the last `memory_s` counts,
    and only a stretch of them that comes faster than it plays: a source that plays the same over
    and over, its stamps too, does so at the pace of life, and loses nothing.
    """

    def __init__(self, *, memory_s: float = 10.0) -> None:
        self._memory_s = memory_s
        self._tracks: dict[int, _Track[T]] = {}

    def sift(self, arrival: Arrival[T]) -> Sequence[Arrival[T]]:
        """What to go on with: usually this alone, nothing, or also what was held back."""
        track = self._tracks.setdefault(arrival.track, _Track())
        back = arrival.dts_s < track.last_s or track.held or track.loops
        if not back or (arrival.dts_s, arrival.mark) not in track.known:
            passed = [*_unlike_repeats(track.held), arrival]
            track.held, track.loops = [], False
            return self._pass(track, passed)
        if track.loops:
            return self._pass(track, [arrival])
        track.held.append(arrival)
        if _faster(track.held, grace_s=_GRACE_S):
            return ()
        held, track.held, track.loops = track.held, [], True
        return self._pass(track, held)

    def rest(self) -> Sequence[Arrival[T]]:
        """What is still held back and may be none, when nothing more comes."""
        return [held for track in self._tracks.values() for held in _unlike_repeats(track.held)]

    def _pass(self, track: _Track[T], arrivals: list[Arrival[T]]) -> Sequence[Arrival[T]]:
        """Remember these, and forget what is too old."""
        for arrival in arrivals:
            key = arrival.dts_s, arrival.mark
            track.known.pop(key, None)  # so that it becomes the newest
            track.known[key] = arrival.now_s
        newest = arrivals[-1]
        track.last_s = newest.dts_s
        while track.known[oldest := next(iter(track.known))] < newest.now_s - self._memory_s:
            del track.known[oldest]
        return arrivals


def _unlike_repeats(held: list[Arrival[T]]) -> list[Arrival[T]]:
    """Of a stretch that is over: all of it, unless it was sent once more."""
    long = bool(held) and held[-1].dts_s - held[0].dts_s >= _SHORTEST_S
    return [] if long and _faster(held) else held


def _faster(held: list[Arrival[T]], grace_s: float = 0.0) -> bool:
    """Whether a stretch comes faster than it plays."""
    plays_s = held[-1].dts_s - held[0].dts_s
    return held[-1].now_s - held[0].now_s <= _PACE * plays_s + grace_s
