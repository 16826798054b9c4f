"""Gifts, each counted once whatever tells of it."""

from __future__ import annotations

from dataclasses import dataclass

from hostcue.comments.bilibili import protobuf
from hostcue.comments.bilibili.counts import MOST_AT_ONCE
from hostcue.comments.bilibili.message import Events, Message
from hostcue.platforms.bilibili.node import Node

_BATCH_COMBO = b"batch:gift:combo_id:"


def gift(message: Message) -> Events:
    """Of one kind, given once or as a step of a combo."""
    data = message.data
    count = data["num"].number
    if count <= 0 or not data["giftName"].text:
        raise message.misfit()
    tid = data["tid"].text
    comment_id = f"gift-{tid}" if tid else message.id
    if not message.memory.is_new(comment_id):
        return ()
    added = message.memory.combos.sent(data["batch_combo_id"].text, count)
    one = _Gift(data["giftId"].text, data["giftName"].text, added, data["price"].number)
    gold = data["coin_type"].text == "gold"
    when = message.when(data["timestamp"])
    return _given(message, comment_id, data, one, ts_ms=when, gold=gold)


def combo(message: Message) -> Events:
    """The summary of a combo so far."""
    data = message.data
    total = data["total_num"].number or data["batch_combo_num"].number
    combo_id = data["batch_combo_id"].text
    if total <= 0:
        raise message.misfit()
    added = message.memory.combos.summed_up(combo_id, total)
    comment_id = f"combo-{combo_id}-{total}"
    if not added or not message.memory.is_new(comment_id):
        return ()
    price = data["combo_total_coin"].number // total
    one = _Gift(data["gift_id"].text, data["gift_name"].text, added, price)
    gold = data["coin_type"].text != "silver"
    return _given(message, comment_id, data, one, ts_ms=message.when(), gold=gold)


def gifts_in_protobuf(message: Message) -> Events:
    """As `gift`, for several at once, such as what a box held."""
    body = protobuf.fields_of(message.data["pb"].text)
    person = Node({"uid": protobuf.number(body, 1), "uname": protobuf.text(body, 2)})
    events: Events = ()
    items = [value for value in body.get(10, ()) if isinstance(value, bytes)]
    for place, item in enumerate(map(protobuf.read, items)):
        tid = protobuf.text(item, 9)
        comment_id = f"gift-{tid}" if tid else f"{message.id}-{place}"
        if not message.memory.is_new(comment_id):
            continue
        combo_id = _combo_id(item) or _combo_id(body)
        added = message.memory.combos.sent(combo_id, protobuf.number(item, 3) or 1)
        one = _Gift(
            str(protobuf.number(item, 1)), protobuf.text(item, 2), added, protobuf.number(item, 5)
        )
        when = message.when(Node(protobuf.number(item, 10)))
        gold = protobuf.text(item, 8) != "silver"
        events += _given(message, comment_id, person, one, ts_ms=when, gold=gold)
    return events


def _combo_id(fields: protobuf.Fields) -> str:
    """Found by how it begins: nobody has written down its field's number."""
    values = (value for several in fields.values() for value in several)
    found = (v for v in values if isinstance(v, bytes) and v.startswith(_BATCH_COMBO))
    return next(found, b"").decode(errors="replace")


def guard(message: Message) -> Events:
    """A month of 舰长 or more, bought."""
    data = message.data
    if not data["gift_name"].text or not message.memory.is_new(message.id):
        return ()
    count = min(max(1, data["num"].number), MOST_AT_ONCE)
    one = _Gift(data["gift_id"].text, data["gift_name"].text, count, data["price"].number)
    person = Node({"uid": data["uid"].value, "uname": data["username"].value})
    when = message.when(data["start_time"])
    return _given(message, message.id, person, one, ts_ms=when, gold=True)


@dataclass(frozen=True, slots=True)
class _Gift:
    id: str
    name: str
    count: int
    price: int


def _given(
    message: Message, comment_id: str, person: Node, gift: _Gift, *, ts_ms: int, gold: bool
) -> Events:
    """Prices are in thousandths of a yuan where they are gold; silver costs nothing."""
    if gift.count <= 0:
        return ()
    comment = message.comment(
        "gift",
        comment_id,
        user=person["uname"].text,
        uid=person["uid"].number,
        ts_ms=ts_ms,
        content=gift.name,
        metadata={
            "gift_id": gift.id,
            "gift_name": gift.name,
            "count": str(gift.count),
            "gold": str(gift.count * gift.price) if gold and gift.price > 0 else "",
        },
    )
    return (comment,)
