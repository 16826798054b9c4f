"""When a message was sent: the platform's clock, and how far it is from ours."""

from __future__ import annotations

from collections import deque
from statistics import median_low

from hostcue.comments.douyin.gifts import GiftCombos
from hostcue.model.clock import to_ms

_TOLERATED_MS = 5_000
_TEN_MINUTES_MS = 600_000
_ONE_DAY_MS = 86_400_000
_SAMPLES = 31
_MS, _US = 10**11, 10**14  # milliseconds lie between


class Memory:
    """What earlier messages of a room said that later ones are read by."""

    __slots__ = ("came", "combos")

    def __init__(self) -> None:
        self.combos = GiftCombos()
        self.came = 0


class Skew:
    """How far the platform's clock is ahead of ours: the median of the last answers.

    The way here counts as well: a second, which is why little is taken for nothing.
    """

    def __init__(self) -> None:
        self._samples: deque[int] = deque(maxlen=_SAMPLES)
        self.ms: int | None = None

    def note(self, server_ms: int, received_ms: int) -> None:
        """An answer told the platform's time; 0 is none."""
        if server_ms:
            self._samples.append(to_ms(server_ms) - received_ms)
            self.ms = median_low(self._samples)


class Arrival:
    """Where and when the messages of one response came in.

    Times are placed on our clock, on which windows are cut: the platform's are moved by `skew_ms`
    if that is more than the way and small errors make.
    """

    __slots__ = ("_earliest_ms", "_latest_ms", "_shift_ms", "memory", "received_ms", "room_id")

    def __init__(
        self, room_id: str, received_ms: int, skew_ms: int | None = None, *, memory: Memory
    ) -> None:
        self.room_id = room_id
        self.received_ms = received_ms
        self.memory = memory
        self._shift_ms = -skew_ms if skew_ms is not None and abs(skew_ms) > _TOLERATED_MS else 0
        self._earliest_ms = received_ms - _ONE_DAY_MS  # on connecting, older messages are repeated
        self._latest_ms = received_ms + _TEN_MINUTES_MS

    def send_time(self, created: int) -> int:
        """Unix milliseconds at which a message was sent; the receive time if that is untold.

        Times come in seconds to nanoseconds.
        """
        # the usual unit is spared a call: this is done for each comment
        sent_ms = (created if _MS <= created < _US else to_ms(created)) + self._shift_ms
        return sent_ms if self._earliest_ms <= sent_ms <= self._latest_ms else self.received_ms
