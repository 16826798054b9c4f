"""Bilibili's messages as events of our own vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hostcue.comments.bilibili import gifts, protobuf
from hostcue.comments.bilibili.message import Events, Message, positive
from hostcue.errors import UpstreamChanged
from hostcue.model.comment import CommentKind, RoomControl, RoomStats
from hostcue.platforms.bilibili.node import Node

_FORMS = {1: "emoji", 2: "audio"}
_INTERACTIONS: Mapping[int, CommentKind] = {
    1: "enter",
    2: "follow",
    3: "share",
    4: "follow",  # with notifications
    5: "follow",  # of one who follows back
}
_FIRST_MS = 10**12


def decode(message: Message) -> Events:
    """The events a message stands for; none if it adds nothing or its command is not in `KNOWN`.

    Raises:
        UpstreamChanged: it does not fit its command.
    """
    reader = _READERS.get(message.cmd)
    return reader(message) if reader else ()


def _chat(message: Message) -> Events:
    info = message.node["info"]
    facts, content, sender = info[0], info[1], info[2]
    extra = facts[15]["extra"].inside()
    if not isinstance(content.value, str) or not isinstance(facts.value, list):
        raise message.misfit()
    comment_id = extra["id_str"].text or _chat_id(message)
    if not message.memory.is_new(comment_id):
        return ()
    form = _FORMS.get(facts[12].number, "")
    comment = message.comment(
        "chat",
        comment_id,
        user=sender[1].text,
        uid=sender[0].number,
        ts_ms=message.when(facts[4], info[9]["ts"]),
        content=content.text or facts[14].inside()["text"].text,
        metadata={
            "form": form,
            "level": positive(info[4][0]),
            "club": info[3][1].text,
            "club_level": positive(info[3][0]),
            "guard": positive(info[7]),
        },
    )
    return (comment,)


def _chat_id(message: Message) -> str:
    """Of a chat line whose `extra` tells none."""
    try:
        compact = protobuf.text(protobuf.fields_of(message.node["dm_v2"].text), 1)
    except UpstreamChanged:
        compact = ""
    if known := compact or message.node["msg_id"].text:
        return known
    info = message.node["info"]
    # The sender's number is 0 for guests, its checksum (7) is not.
    parts = (info[0][4], info[0][5], info[0][7], info[9]["ct"])
    return "-".join(part.text for part in parts)


def _super_chat(message: Message) -> Events:
    data = message.data
    if not data["id"].text or not isinstance(data["message"].value, str):
        raise message.misfit()
    comment_id = f"sc-{data['id'].text}"
    if not message.memory.is_new(comment_id):
        return ()
    comment = message.comment(
        "chat",
        comment_id,
        user=data["user_info"]["uname"].text,
        uid=data["uid"].number,
        ts_ms=message.when(data["ts"], data["start_time"]),
        content=data["message"].text,
        metadata={"form": "screen", "price_cny": positive(data["price"])},
    )
    return (comment,)


def _interaction(message: Message) -> Events:
    data = message.data
    kind = _INTERACTIONS.get(data["msg_type"].number)
    if kind is None or not message.memory.is_new(message.id):
        return ()
    when = message.when(data["trigger_time"], data["timestamp"])
    uid, user = data["uid"].number, data["uname"].text
    return (message.comment(kind, message.id, user=user, uid=uid, ts_ms=when),)


def _interaction_in_protobuf(message: Message) -> Events:
    body = protobuf.fields_of(message.data["pb"].text)
    kind = _INTERACTIONS.get(protobuf.number(body, 5))
    if kind is None or not message.memory.is_new(message.id):
        return ()
    precise = protobuf.number(body, 8)  # mostly the time in ms, in some descriptions a score
    told = (precise if precise > _FIRST_MS else 0, protobuf.number(body, 7))
    when = message.when(*map(Node, told))
    uid, user = protobuf.number(body, 1), protobuf.text(body, 2)
    return (message.comment(kind, message.id, user=user, uid=uid, ts_ms=when),)


def _like(message: Message) -> Events:
    if not message.memory.is_new(message.id):
        return ()
    count = str(message.memory.likes.clicked())
    data = message.data
    comment = message.comment(
        "like",
        message.id,
        user=data["uname"].text,
        uid=data["uid"].number,
        ts_ms=message.when(),
        metadata={"count": count},
    )
    return (comment,)


def _likes(message: Message) -> Events:
    total = message.data["click_count"].number
    added = message.memory.likes.summed_up(total)
    if not added:
        return ()
    comment_id, count = f"likes-{total}", str(added)
    when = message.when()
    return (
        message.comment("like", comment_id, user="", uid=0, ts_ms=when, metadata={"count": count}),
    )


def _watched(message: Message) -> Events:
    message.memory.total = message.data["num"].number
    return _stats(message)


def _online(message: Message) -> Events:
    data = message.data
    message.memory.online = data["online_count"].number or data["count"].number
    return _stats(message)


def _stats(message: Message) -> Events:
    memory = message.memory
    return (RoomStats(memory.room_id, message.when(), memory.online, memory.total),)


def _began(message: Message) -> Events:
    return (RoomControl(message.memory.room_id, message.when(), "resumed"),)


def _ended(message: Message) -> Events:
    return (RoomControl(message.memory.room_id, message.when(), "ended"),)


_READERS: Mapping[str, Callable[[Message], Events]] = {
    "DANMU_MSG": _chat,
    "SUPER_CHAT_MESSAGE": _super_chat,
    "SEND_GIFT": gifts.gift,
    "SEND_GIFT_V2": gifts.gifts_in_protobuf,
    "COMBO_SEND": gifts.combo,
    "GUARD_BUY": gifts.guard,
    "INTERACT_WORD": _interaction,
    "INTERACT_WORD_V2": _interaction_in_protobuf,
    "LIKE_INFO_V3_CLICK": _like,
    "LIKE_INFO_V3_UPDATE": _likes,
    "WATCHED_CHANGE": _watched,
    "ONLINE_RANK_COUNT": _online,
    "LIVE": _began,
    "PREPARING": _ended,
    "CUT_OFF": _ended,
}
KNOWN = frozenset(_READERS)
