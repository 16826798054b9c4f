"""How many gifts a gift message adds."""

from __future__ import annotations

from collections import OrderedDict

from hostcue.platforms.douyin.pb import webcast_pb2 as pb


class GiftCombos:
    """The combos of one room.

    Pressing "give" repeatedly sends messages that count up, out of order and with holes, and at
    last a summary with the same count. Each message therefore adds what it exceeds the count so
    far by, which is nothing for the summary. Group ids repeat across users.
    """

    def __init__(self, remembered: int = 2000) -> None:
        self._remembered = remembered
        self._counted: OrderedDict[tuple[int, int, int], int] = OrderedDict()

    def added(self, gift: pb.GiftMessage) -> int:
        """Gifts this message adds to those reported before; 0 for a summary or a late message."""
        if not gift.group_id or not gift.gift.combo:
            return gift.total_count or gift.repeat_count or gift.group_count or 1
        count = gift.repeat_count or gift.combo_count or 1
        if gift.group_count > 1:  # a long press gives 66, 188, ... with each step
            count = gift.group_count * (gift.combo_count or 1)
        key = (gift.group_id, gift.user.id, gift.gift_id)
        before = self._counted.pop(key, 0)
        self._counted[key] = max(before, count)
        if len(self._counted) > self._remembered:
            self._counted.popitem(last=False)
        return max(0, count - before)
