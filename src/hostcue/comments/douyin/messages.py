"""Douyin's messages as events of our own vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Literal

from hostcue.comments.douyin.gifts import GiftCombos
from hostcue.comments.douyin.wire import parse
from hostcue.model.comment import (
    Comment,
    CommentKind,
    LiveEvent,
    ProductChange,
    RoomControl,
    RoomStats,
)
from hostcue.platforms.douyin.pb import webcast_pb2 as pb

_FOLLOWED = 1
_CONTROL: Mapping[int, Literal["paused", "resumed", "ended"]] = {
    1: "paused",
    2: "resumed",
    3: "ended",
}
_NOTHING: Mapping[str, str] = {}
_TEN_MINUTES_MS = 600_000
_ONE_DAY_MS = 86_400_000

_ByViewer = pb.ChatMessage | pb.GiftMessage | pb.LikeMessage | pb.MemberMessage | pb.SocialMessage


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where and when messages came in.

    `server_ms` is the platform's own clock in the response that carried them, 0 if untold.
    """

    room_id: str
    received_ms: int
    server_ms: int = 0
    combos: GiftCombos = field(default_factory=GiftCombos)

    def send_time(self, created: int) -> int:
        """Unix milliseconds at which a message was sent; the receive time if that is untold.

        Times come in seconds to nanoseconds. Ours is corrected only if the two clocks are so far
        apart that comments would miss their windows, which are cut on our clock.
        """
        if not created:
            return self.received_ms
        sent_ms = to_ms(created)
        skew_ms = self.received_ms - to_ms(self.server_ms) if self.server_ms else 0
        if abs(skew_ms) > _TEN_MINUTES_MS:
            sent_ms += skew_ms
        age_ms = self.received_ms - sent_ms  # on connecting, the server repeats older messages
        return sent_ms if -_TEN_MINUTES_MS <= age_ms <= _ONE_DAY_MS else self.received_ms


def to_ms(time: int) -> int:
    """A Unix time in seconds, milli-, micro- or nanoseconds, told apart by magnitude."""
    if time >= 10**17:
        return time // 10**6
    if time >= 10**14:
        return time // 1000
    return time if time >= 10**11 else time * 1000


def decode(message: pb.Message, at: Arrival) -> LiveEvent | None:
    """The event a message stands for; None if it adds nothing or its method is not in `KNOWN`.

    Raises:
        UpstreamChanged: the payload does not fit the method.
    """
    reader = _READERS.get(message.method)
    return reader(message, at) if reader else None


def _chat(message: pb.Message, at: Arrival) -> Comment:
    chat = parse(pb.ChatMessage, message.payload)
    return _comment(message, at, "chat", chat, content=chat.content, sent=chat.event_time)


def _gift(message: pb.Message, at: Arrival) -> Comment | None:
    gift = parse(pb.GiftMessage, message.payload)
    count = at.combos.added(gift)
    if not count:
        return None
    metadata = {
        "gift_id": str(gift.gift_id or gift.gift.id),
        "gift_name": gift.gift.name,
        "count": str(count),
        "diamonds": str(count * max(0, gift.gift.diamond_count)),
    }
    return _comment(message, at, "gift", gift, content=gift.gift.name, metadata=metadata)


def _like(message: pb.Message, at: Arrival) -> Comment:
    like = parse(pb.LikeMessage, message.payload)
    return _comment(message, at, "like", like, metadata={"count": str(like.count or 1)})


def _member(message: pb.Message, at: Arrival) -> Comment:
    return _comment(message, at, "enter", parse(pb.MemberMessage, message.payload))


def _social(message: pb.Message, at: Arrival) -> Comment | None:
    social = parse(pb.SocialMessage, message.payload)
    return _comment(message, at, "follow", social) if social.action == _FOLLOWED else None


def _room_user_seq(message: pb.Message, at: Arrival) -> RoomStats:
    stats = parse(pb.RoomUserSeqMessage, message.payload)
    return RoomStats(
        room_id=at.room_id,
        ts_ms=at.send_time(stats.common.create_time),
        online=stats.total,
        total=stats.total_user,
    )


def _live_shopping(message: pb.Message, at: Arrival) -> ProductChange:
    shopping = parse(pb.LiveShoppingMessage, message.payload)
    return ProductChange(
        room_id=at.room_id,
        ts_ms=at.send_time(shopping.common.create_time),
        id=_message_id(message, shopping.common),
        promotion_id=str(shopping.promotion_id or ""),
        title=shopping.updated_product_info.title,
        text=shopping.update_toast,
    )


def _product_change(message: pb.Message, at: Arrival) -> ProductChange:
    change = parse(pb.ProductChangeMessage, message.payload)
    return ProductChange(
        room_id=at.room_id,
        ts_ms=at.send_time(change.common.create_time),
        id=_message_id(message, change.common),
        promotion_id=str(change.products[0].promotion_id) if change.products else "",
        title="",
        text=change.update_toast,
    )


def _control(message: pb.Message, at: Arrival) -> RoomControl | None:
    control = parse(pb.ControlMessage, message.payload)
    action = _CONTROL.get(control.action)
    if action is None:
        return None
    return RoomControl(
        room_id=at.room_id, ts_ms=at.send_time(control.common.create_time), action=action
    )


_READERS: Mapping[str, Callable[[pb.Message, Arrival], LiveEvent | None]] = {
    "WebcastChatMessage": _chat,
    "WebcastGiftMessage": _gift,
    "WebcastLikeMessage": _like,
    "WebcastMemberMessage": _member,
    "WebcastSocialMessage": _social,
    "WebcastRoomUserSeqMessage": _room_user_seq,
    "WebcastLiveShoppingMessage": _live_shopping,
    "WebcastProductChangeMessage": _product_change,
    "WebcastControlMessage": _control,
}
KNOWN = frozenset(_READERS)


def _comment(
    message: pb.Message,
    at: Arrival,
    kind: CommentKind,
    body: _ByViewer,
    *,
    content: str = "",
    sent: int = 0,
    metadata: Mapping[str, str] = _NOTHING,
) -> Comment:
    """A viewer's message; `sent` stands in where the common part tells no time."""
    return Comment(
        id=_message_id(message, body.common),
        platform="douyin",
        room_id=at.room_id,
        user=body.user.nickname,
        content=content,
        ts_ms=at.send_time(body.common.create_time or sent),
        kind=kind,
        metadata={**_person(body.user), **metadata},
    )


def _message_id(message: pb.Message, common: pb.Common) -> str:
    """The platform's id; for a message without one, a digest: the same message, the same id."""
    number = message.msg_id or common.msg_id
    return str(number) if number else sha1(message.payload, usedforsecurity=False).hexdigest()


def _person(user: pb.User) -> dict[str, str]:
    """What is known of a viewer; ids as text, since they do not fit a JavaScript number."""
    known = {
        "user_id": user.id_str or str(user.id or ""),
        "level": str(user.pay_grade.level or ""),
        "club": user.fans_club.data.club_name,
        "club_level": str(user.fans_club.data.level or ""),
    }
    return {name: value for name, value in known.items() if value}
