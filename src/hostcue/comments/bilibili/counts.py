"""How many gifts and likes a message adds, where several messages tell of the same ones."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

MOST_AT_ONCE: Final = 1_000_000
"""Of gifts or likes in one message; more is a mistake, and would spoil every sum it is in."""


@dataclass(slots=True)
class _Combo:
    sent: int = 0  # by its messages, one by one
    told: int = 0  # to whoever reads us


class GiftCombos:
    """The combos of one room.

    Each gift comes in a message of its own (SEND_GIFT), and each combo in a summary besides
    (COMBO_SEND) whose total grows. A message adds what it exceeds all that was told so far by: a
    summary adds nothing, whichever comes first, unless gifts of its combo got lost.
    """

    def __init__(self, remembered: int = 2000) -> None:
        self._remembered = remembered
        self._combos: OrderedDict[str, _Combo] = OrderedDict()

    def sent(self, combo_id: str, count: int) -> int:
        """Gifts that a message with `count` of them adds; a gift of no combo has no id."""
        if not combo_id:
            return min(count, MOST_AT_ONCE)
        combo = self._combo(combo_id)
        combo.sent += count
        return self._tell(combo, combo.sent)

    def summed_up(self, combo_id: str, total: int) -> int:
        """Gifts that a summary adds."""
        return self._tell(self._combo(combo_id), total) if combo_id else 0

    def _tell(self, combo: _Combo, total: int) -> int:
        added = min(max(0, total - combo.told), MOST_AT_ONCE)
        combo.told += added
        return added

    def _combo(self, combo_id: str) -> _Combo:
        combo = self._combos.pop(combo_id, None) or _Combo()
        self._combos[combo_id] = combo
        if len(self._combos) > self._remembered:
            self._combos.popitem(last=False)
        return combo


class Likes:
    """The likes of one room.

    Some come with their viewer (LIKE_INFO_V3_CLICK), and at most every 5 s the number of all there
    were (LIKE_INFO_V3_UPDATE): it adds those that came without. The first number is only where
    counting begins.
    """

    def __init__(self) -> None:
        self._total: int | None = None
        self._clicks = 0  # since that number

    def clicked(self) -> int:
        """Likes that a viewer's message adds."""
        self._clicks += 1
        return 1

    def summed_up(self, total: int) -> int:
        """Likes that the number of all adds."""
        added = 0 if self._total is None else max(0, total - self._total - self._clicks)
        added = min(added, MOST_AT_ONCE)
        if self._total is None or total > self._total:
            self._total, self._clicks = total, 0
        return added
