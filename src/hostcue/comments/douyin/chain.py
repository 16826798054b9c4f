"""Which way is taken, and what each kind of failure leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hostcue.comments.douyin.ways import CommentWay
from hostcue.errors import (
    ConfigError,
    HostcueError,
    SignatureRefused,
    TransportFailed,
    UpstreamChanged,
)

Step = Literal["again", "renew", "next"]
"""The same way once more, as somebody else first, or another way."""

LOST, STALLED, QUIET, END_ANNOUNCED = "connection_lost", "stalled", "quiet", "end_announced"
"""Causes of a connection's end; `QUIET` is a silence in which nothing was missed."""

SILENT = frozenset({STALLED, UpstreamChanged.code})
"""Those that it does not tell itself."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a connection ended, or was refused; without a failure it fell silent or was closed."""

    cause: str
    failure: HostcueError | None = None

    @classmethod
    def of(cls, failure: HostcueError) -> Ending:
        """By an error; a broken connection is called what it is."""
        is_plain = failure.code == TransportFailed.code
        return cls(LOST if is_plain else failure.code, failure)

    @property
    def remedy(self) -> str:
        """What can be done about it, where the failure says so."""
        return (self.failure and self.failure.remedy) or ""

    @property
    def is_refusal(self) -> bool:
        """Whether somebody said no; nothing heard, a broken line or a missing browser are none."""
        return self.failure is not None and not isinstance(
            self.failure, (TransportFailed, ConfigError)
        )


class Chain:
    """The ways in the order of preference, and where we stand.

    A refused signature is answered by a new identity, once, then by the next way; any other
    refusal by the next way; silence and lost connections by the same way, and when they come in a
    row by the next; a quiet room by the same way. When messages come, all that is forgotten.

    Args:
        ways: the best first.
        silences: so many times in a row a way may fall silent before another is tried.
        losses: the same for connections that are lost, or not made, without a message.
    """

    def __init__(self, ways: Sequence[CommentWay], *, silences: int = 2, losses: int = 3) -> None:
        self._ways = tuple(ways)
        self._most = {"silent": silences, "lost": losses}
        self._at = 0
        self._opened = False
        self._renewed = False
        self._counts = {"silent": 0, "lost": 0}
        self._failed: dict[int, Ending] = {}  # since the last message

    @property
    def way(self) -> CommentWay:
        """The one to take now."""
        return self._ways[self._at]

    @property
    def better(self) -> tuple[CommentWay, ...]:
        """Those that would be preferred, the best first."""
        return self._ways[: self._at]

    def opened(self, way: CommentWay) -> None:
        """This way leads somewhere, and is the one we are on."""
        self._opened = True
        if way is not self.way:
            self._move(self._ways.index(way))

    def heard(self) -> None:
        """Messages come."""
        self._renewed = False
        self._counts = dict.fromkeys(self._counts, 0)
        self._failed.clear()

    def after(self, ending: Ending) -> Step:
        """What to do now that a connection has ended, or could not be made.

        Raises:
            HostcueError: every way was tried; the refusal of the one liked best, or what kept us
                from ever connecting.
        """
        if ending.cause == QUIET:
            return "again"
        if isinstance(ending.failure, SignatureRefused) and not self._renewed:
            self._renewed = True
            return "renew"
        if not ending.is_refusal and not isinstance(ending.failure, ConfigError):
            kind = "silent" if ending.cause in SILENT else "lost"
            self._counts[kind] += 1
            if self._opened and self._counts[kind] < self._most[kind]:
                return "again"
        self._failed[self._at] = ending
        left = [place for place in range(len(self._ways)) if place not in self._failed]
        if not left:
            return self._start_over()
        self._move(left[0])
        return "next"

    def _start_over(self) -> Step:
        endings = [self._failed[place] for place in sorted(self._failed)]
        refusals = [ending.failure for ending in endings if ending.is_refusal]
        reasons = [ending.failure for ending in endings if ending.failure is not None]
        self._failed.clear()
        self._move(0)
        if refusals and refusals[0] is not None:
            raise refusals[0]
        if not self._opened and reasons:
            raise reasons[0]
        return "again"

    def _move(self, place: int) -> None:
        self._at = place
        self._counts = dict.fromkeys(self._counts, 0)
