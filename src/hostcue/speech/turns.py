"""Who is recognised next."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import count
from typing import Literal

import anyio

from hostcue.model.speech import Transcript

Urgency = Literal["live", "offline", "partial"]

_RANKS: dict[Urgency, int] = {"live": 0, "offline": 1, "partial": 2}
_numbers = count()


@dataclass(order=True, slots=True)
class Turn:
    """A stretch of sound that waits to be recognised, or is; `done` once it has an outcome."""

    rank: int = field(init=False)
    number: int = field(init=False, default_factory=_numbers.__next__)
    urgency: Urgency = field(compare=False)
    language: str = field(compare=False)
    pcm: bytes = field(compare=False, repr=False)
    done: anyio.Event = field(init=False, compare=False, default_factory=anyio.Event)
    outcome: Transcript | Exception | None = field(init=False, compare=False, default=None)

    def __post_init__(self) -> None:
        self.rank = _RANKS[self.urgency]

    def end(self, outcome: Transcript | Exception) -> None:
        """Tell who waits for it."""
        self.outcome = outcome
        self.done.set()


class Turns:
    """Live ones first, then those of files, then guesses; of one kind, the oldest."""

    def __init__(self) -> None:
        self._waiting: list[Turn] = []
        self._takers: list[anyio.Event] = []

    @property
    def live(self) -> int:
        """How many live ones wait."""
        return sum(turn.urgency == "live" for turn in self._waiting)

    @property
    def idle(self) -> bool:
        """Whether another one would be taken at once."""
        return len(self._takers) > len(self._waiting)

    def add(self, turn: Turn) -> None:
        """Wait for a taker; the one that was at work last, whose model is loaded, comes first."""
        heapq.heappush(self._waiting, turn)
        called = next((taker for taker in reversed(self._takers) if not taker.is_set()), None)
        if called is not None:
            called.set()

    def withdraw(self, turn: Turn) -> None:
        """Nobody wants to know any more."""
        if turn in self._waiting:
            self._waiting.remove(turn)
            heapq.heapify(self._waiting)

    async def take(self) -> Turn:
        """The next one, as soon as there is one."""
        while not self._waiting:
            called = anyio.Event()
            self._takers.append(called)
            try:
                await called.wait()
            finally:
                self._takers.remove(called)
        return heapq.heappop(self._waiting)

    def clear(self, error: Exception) -> None:
        """Nothing is recognised any more."""
        while self._waiting:
            self._waiting.pop().end(error)
