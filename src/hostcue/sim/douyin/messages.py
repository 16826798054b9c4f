"""The messages of a Douyin live room, as the platform puts them on the wire."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import time

from google.protobuf.message import Message as Body

from hostcue.platforms.douyin.pb import webcast_pb2 as pb


def now_ms() -> int:
    """Unix milliseconds; the simulator's own, since it shares no code with the product."""
    return time.time_ns() // 1_000_000


def new_id() -> int:
    """A 64-bit id as the platform makes them: seconds in the upper half; never given twice."""
    return (now_ms() // 1000 << 32) | next(_counter)


# Begins anew in each process, at a place that depends on the moment.
_counter = itertools.count(time.time_ns() // 1000 % (1 << 30))


def user(nickname: str) -> pb.User:
    """The same person for the same nickname."""
    digest = hashlib.sha256(nickname.encode()).digest()
    number = int.from_bytes(digest[:6])
    return pb.User(
        id=number,
        id_str=str(number),
        nickname=nickname,
        pay_grade=pb.PayGrade(level=digest[6] % 30),
        fans_club=pb.FansClub(data=pb.FansClubData(club_name="小满家", level=digest[7] % 12)),
    )


class Writer:
    """Writes the messages of one broadcast."""

    def __init__(self, room_id: str) -> None:
        self._room_id = int(room_id)

    def chat(self, text: str, nickname: str, at_ms: int) -> pb.Message:
        """A comment."""
        common = self._common("WebcastChatMessage", at_ms)
        body = pb.ChatMessage(
            common=common, user=user(nickname), content=text, event_time=at_ms // 1000
        )
        return _wrap(common, body)

    def gift(
        self, name: str, nickname: str, *, diamonds: int, count: int, group_id: int, is_end: bool
    ) -> pb.Message:
        """One message of a combo: `count` so far; `is_end` marks the summary that repeats it."""
        common = self._common("WebcastGiftMessage")
        kind = int.from_bytes(hashlib.sha256(name.encode()).digest()[:2])
        body = pb.GiftMessage(
            common=common,
            gift_id=kind,
            group_count=1,
            repeat_count=count,
            combo_count=count,
            user=user(nickname),
            repeat_end=int(is_end),
            group_id=group_id,
            gift=pb.GiftStruct(id=kind, combo=group_id != 0, diamond_count=diamonds, name=name),
            total_count=count,
        )
        return _wrap(common, body)

    def like(self, count: int, total: int, nickname: str) -> pb.Message:
        """Some likes at once, and how many there were so far."""
        common = self._common("WebcastLikeMessage")
        return _wrap(
            common, pb.LikeMessage(common=common, count=count, total=total, user=user(nickname))
        )

    def enter(self, nickname: str, watching: int) -> pb.Message:
        """Somebody comes in."""
        common = self._common("WebcastMemberMessage")
        body = pb.MemberMessage(common=common, user=user(nickname), member_count=watching)
        return _wrap(common, body)

    def follow(self, nickname: str) -> pb.Message:
        """Somebody follows the host."""
        common = self._common("WebcastSocialMessage")
        return _wrap(common, pb.SocialMessage(common=common, user=user(nickname), action=1))

    def stats(self, watching: int, came: int) -> pb.Message:
        """How many watch now, and how many came so far."""
        common = self._common("WebcastRoomUserSeqMessage")
        body = pb.RoomUserSeqMessage(common=common, total=watching, total_user=came)
        return _wrap(common, body)

    def product(self, title: str, price_fen: int) -> pb.Message:
        """The shopping cart shows this now."""
        common = self._common("WebcastLiveShoppingMessage")
        number = int.from_bytes(hashlib.sha256(title.encode()).digest()[:6])
        body = pb.LiveShoppingMessage(
            common=common,
            msg_type=7,
            promotion_id=number,
            updated_product_info=pb.UpdatedProduct(price=price_fen, title=title),
            update_toast="主播正在讲解",
        )
        return _wrap(common, body)

    def control(self, action: int) -> pb.Message:
        """1 pause, 2 resume, 3 the broadcast ended."""
        common = self._common("WebcastControlMessage")
        return _wrap(common, pb.ControlMessage(common=common, action=action))

    def _common(self, method: str, at_ms: int | None = None) -> pb.Common:
        at_ms = now_ms() if at_ms is None else at_ms
        return pb.Common(method=method, msg_id=new_id(), room_id=self._room_id, create_time=at_ms)


def _wrap(common: pb.Common, body: Body) -> pb.Message:
    payload = body.SerializeToString()
    return pb.Message(method=common.method, payload=payload, msg_id=common.msg_id)


def push_frame(response: pb.Response, *, log_id: int, compress: bool) -> bytes:
    """The frame that carries a response; without `compress` its header says `none`."""
    payload = response.SerializeToString()
    return pb.PushFrame(
        seq_id=log_id & 0xFFFFFFFF,
        log_id=log_id,
        service=8888,
        method=8,
        headers=[
            pb.Header(key="compress_type", value="gzip" if compress else "none"),
            pb.Header(key="im-cursor", value=response.cursor),
            pb.Header(key="im-internal_ext", value=response.internal_ext),
        ],
        payload_encoding="pb",
        payload_type="msg",
        payload=gzip.compress(payload, 1) if compress else payload,
    ).SerializeToString()


def heartbeat_reply(log_id: int) -> bytes:
    """What the server says to a heartbeat; its payload is not a response."""
    return pb.PushFrame(log_id=log_id, payload_type="hb").SerializeToString()
