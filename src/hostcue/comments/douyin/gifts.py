"""How many gifts a gift message adds."""

from __future__ import annotations

from collections import OrderedDict

from hostcue.platforms.douyin.pb import webcast_pb2 as pb


class GiftCombos:
    """The gifts of one room that may be told more than once.

    Pressing "give" repeatedly sends messages that count up, out of order and with holes, and at
    last a summary with the same count, or none. Each message therefore adds what it exceeds the
    count so far by, which is nothing for the summary, nor for a second packet about the same.
    Group ids repeat across users, and in an anonymous room all users have one id, so that only
    what is left of their names tells them apart.
    """

    def __init__(self, remembered: int = 2000) -> None:
        self._remembered = remembered
        self._counted: OrderedDict[tuple[int, int, str, int], int] = OrderedDict()

    def added(self, gift: pb.GiftMessage) -> int:
        """Gifts this message adds to those reported before; 0 for a summary or a late message."""
        count = _told(gift)
        if not gift.group_id:
            return count
        key = (gift.group_id, gift.user.id, gift.user.nickname, gift.gift_id or gift.gift.id)
        before = self._counted.pop(key, 0)
        self._counted[key] = max(before, count)
        if len(self._counted) > self._remembered:
            self._counted.popitem(last=False)
        return max(0, count - before)


def _told(gift: pb.GiftMessage) -> int:
    """How many there are so far, as this message has it."""
    if not gift.gift.combo:
        return gift.total_count or gift.repeat_count or gift.group_count or 1
    if gift.group_count > 1:  # a long press gives 66, 188, ... with each step
        return gift.group_count * (gift.combo_count or gift.repeat_count or 1)
    return gift.repeat_count or gift.combo_count or 1
