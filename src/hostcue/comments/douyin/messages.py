"""Douyin's messages as events of our own vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import sha1
from typing import Literal, TypeVar

from google.protobuf.message import DecodeError, Message

from hostcue.comments.douyin.arrival import Arrival
from hostcue.comments.douyin.wire import MAX_BODY_BYTES
from hostcue.model.comment import (
    Comment,
    CommentKind,
    LiveEvent,
    ProductChange,
    RoomControl,
    RoomStats,
    comment_of,
)
from hostcue.platforms.douyin.pb import webcast_pb2 as pb

_MASKED = "111111"  # everybody in a room that hides its viewers
_SOCIAL: Mapping[int, CommentKind] = {1: "follow", 3: "share"}
_CLUB: Mapping[int, str] = {1: "upgrade", 2: "join"}
_CONTROL: Mapping[int, Literal["paused", "resumed", "ended"]] = {
    1: "paused",
    2: "resumed",
    3: "ended",
}
_NOTHING: Mapping[str, str] = {}
_CACHED_BYTES = 4096

_Written = (
    pb.ChatMessage
    | pb.EmojiChatMessage
    | pb.ScreenChatMessage
    | pb.PrivilegeScreenChatMessage
    | pb.AudioChatMessage
)
_Body = TypeVar("_Body", bound=Message)
_Done = pb.GiftMessage | pb.LikeMessage | pb.MemberMessage | pb.SocialMessage | pb.FansclubMessage


def _body(kind: type[_Body], message: pb.Message) -> _Body:
    """What a message carries; one that could hold a hundred thousand parts is not parsed."""
    payload = message.payload
    if len(payload) > MAX_BODY_BYTES:
        raise DecodeError("larger than any message we know")
    return kind.FromString(payload)


def _chat(message: pb.Message, at: Arrival) -> Comment:
    chat = _body(pb.ChatMessage, message)
    content = chat.content or _text(chat.rtf_content_v2) or _text(chat.rtf_content)
    return _comment(message, at, "chat", chat, content, chat.event_time)


def _emoji_chat(message: pb.Message, at: Arrival) -> Comment:
    chat = _body(pb.EmojiChatMessage, message)
    content = chat.default_content or _text(chat.emoji_content)
    return _comment(message, at, "chat", chat, content, 0, {"form": "emoji"})


def _screen_chat(message: pb.Message, at: Arrival) -> Comment:
    chat = _body(pb.ScreenChatMessage, message)
    return _comment(message, at, "chat", chat, chat.content, chat.event_time, {"form": "screen"})


def _privilege_screen_chat(message: pb.Message, at: Arrival) -> Comment:
    chat = _body(pb.PrivilegeScreenChatMessage, message)
    return _comment(message, at, "chat", chat, chat.content, 0, {"form": "privilege_screen"})


def _audio_chat(message: pb.Message, at: Arrival) -> Comment:
    chat = _body(pb.AudioChatMessage, message)
    return _comment(message, at, "chat", chat, chat.content, 0, {"form": "audio"})


def _hot_chat(message: pb.Message, at: Arrival) -> Comment:
    """What many write, as the platform sums it up: nobody wrote this line."""
    chat = _body(pb.HotChatMessage, message)
    return Comment(
        id=_message_id(message, chat.common),
        platform="douyin",
        room_id=at.room_id,
        user="",
        content=chat.content or "、".join(chat.hot_list) or chat.title,
        ts_ms=at.send_time(chat.common.create_time),
        metadata={"form": "hot", "count": str(max(chat.num, default=0))},
    )


def _gift(message: pb.Message, at: Arrival) -> Comment | None:
    gift = _body(pb.GiftMessage, message)
    count = at.memory.combos.added(gift)
    if not count:
        return None
    metadata = {
        "gift_id": str(gift.gift_id or gift.gift.id),
        "gift_name": gift.gift.name,
        "count": str(count),
        "diamonds": str(count * max(0, gift.gift.diamond_count)),
    }
    return _comment(message, at, "gift", gift, gift.gift.name, gift.send_time, metadata)


def _like(message: pb.Message, at: Arrival) -> Comment:
    like = _body(pb.LikeMessage, message)
    return _comment(message, at, "like", like, metadata={"count": str(like.count or 1)})


def _member(message: pb.Message, at: Arrival) -> Comment:
    return _comment(message, at, "enter", _body(pb.MemberMessage, message))


def _social(message: pb.Message, at: Arrival) -> Comment | None:
    social = _body(pb.SocialMessage, message)
    kind = _SOCIAL.get(social.action)
    return None if kind is None else _comment(message, at, kind, social)


def _fans_club(message: pb.Message, at: Arrival) -> Comment:
    """Its text is left out: it holds the viewer's name."""
    club = _body(pb.FansclubMessage, message)
    action = _CLUB.get(club.action)
    return _comment(
        message, at, "fans_club", club, metadata={"action": action} if action else _NOTHING
    )


def _room_user_seq(message: pb.Message, at: Arrival) -> RoomStats:
    stats = _body(pb.RoomUserSeqMessage, message)
    at.memory.came = stats.total_user or at.memory.came
    return _stats(stats.common, at, stats.total)


def _room_stats(message: pb.Message, at: Arrival) -> RoomStats:
    stats = _body(pb.RoomStatsMessage, message)
    return _stats(stats.common, at, stats.display_value or stats.total)


def _stats(common: pb.Common, at: Arrival, online: int) -> RoomStats:
    """Only one of the two messages tells how many came so far; the other repeats it."""
    return RoomStats(
        room_id=at.room_id,
        ts_ms=at.send_time(common.create_time),
        online=online,
        total=at.memory.came,
    )


def _live_shopping(message: pb.Message, at: Arrival) -> ProductChange:
    shopping = _body(pb.LiveShoppingMessage, message)
    updated = shopping.promotion_id or next(iter(shopping.updated_product_ids), 0)
    return ProductChange(
        room_id=at.room_id,
        ts_ms=at.send_time(shopping.common.create_time),
        id=_message_id(message, shopping.common),
        promotion_id=str(updated or ""),
        title=shopping.updated_product_info.title,
        text=shopping.update_toast
        or shopping.ecom_notice
        or ("已售罄" if shopping.sold_out else ""),
    )


def _product_change(message: pb.Message, at: Arrival) -> ProductChange:
    change = _body(pb.ProductChangeMessage, message)
    shown = next((ref for ref in change.products if ref.explain_type), None)
    ref = shown or next(iter(change.products), None)
    return ProductChange(
        room_id=at.room_id,
        ts_ms=at.send_time(change.common.create_time),
        id=_message_id(message, change.common),
        promotion_id=str(ref.promotion_id) if ref is not None else "",
        title="",
        text=change.update_toast,
    )


def _control(message: pb.Message, at: Arrival) -> RoomControl | None:
    control = _body(pb.ControlMessage, message)
    action = _CONTROL.get(control.action)
    if action is None:
        return None
    return RoomControl(
        room_id=at.room_id, ts_ms=at.send_time(control.common.create_time), action=action
    )


READERS: Mapping[str, Callable[[pb.Message, Arrival], LiveEvent | None]] = {
    # By method, what a message of it stands for; None if it adds nothing. Each raises DecodeError
    # if the payload does not fit the method.
    "WebcastChatMessage": _chat,
    "WebcastEmojiChatMessage": _emoji_chat,
    "WebcastScreenChatMessage": _screen_chat,
    "WebcastPrivilegeScreenChatMessage": _privilege_screen_chat,
    "WebcastAudioChatMessage": _audio_chat,
    "WebcastHotChatMessage": _hot_chat,
    "WebcastGiftMessage": _gift,
    "WebcastLikeMessage": _like,
    "WebcastMemberMessage": _member,
    "WebcastSocialMessage": _social,
    "WebcastFansclubMessage": _fans_club,
    "WebcastRoomUserSeqMessage": _room_user_seq,
    "WebcastRoomStatsMessage": _room_stats,
    "WebcastLiveShoppingMessage": _live_shopping,
    "WebcastProductChangeMessage": _product_change,
    "WebcastControlMessage": _control,
}


def _comment(
    message: pb.Message,
    at: Arrival,
    kind: CommentKind,
    body: _Written | _Done,
    content: str = "",
    sent: int = 0,
    metadata: Mapping[str, str] = _NOTHING,
) -> Comment:
    """A viewer's message; `sent` stands in where the common part tells no time."""
    number, user = message.msg_id, body.user
    viewer = user.id_str or str(user.id or "")
    return comment_of(
        str(number) if number else _message_id(message, body.common),
        "douyin",
        at.room_id,
        user.nickname,
        content,
        at.send_time(body.common.create_time or sent),
        kind,
        {**_standing(user), **metadata} if metadata else _standing(user),
        "" if viewer == _MASKED else viewer,
    )


def _message_id(message: pb.Message, common: pb.Common) -> str:
    """The platform's id; for a message without one, a digest: the same message, the same id."""
    number = message.msg_id or common.msg_id
    return str(number) if number else sha1(message.payload, usedforsecurity=False).hexdigest()


def _standing(user: pb.User) -> Mapping[str, str]:
    """What is known of a viewer without telling who it is."""
    pay_grade, fans_club = user.pay_grade, user.fans_club
    if len(pay_grade) + len(fans_club) > _CACHED_BYTES:
        return _badges.__wrapped__(pay_grade, fans_club)
    return _badges(pay_grade, fans_club)


@lru_cache(maxsize=2048)  # they are many times the size of what they say, and change seldom
def _badges(pay_grade: bytes, fans_club: bytes) -> Mapping[str, str]:
    known: dict[str, str] = {}
    if level := pb.PayGrade.FromString(pay_grade).level:
        known["level"] = str(level)
    club = pb.FansClub.FromString(fans_club).data
    if club.club_name:
        known["club"] = club.club_name
    if club.level:
        known["club_level"] = str(club.level)
    return known


def _text(text: pb.Text) -> str:
    """What can be read of a rich text: names, pictures and patterns are left out."""
    return "".join(piece.string_value for piece in text.pieces)
