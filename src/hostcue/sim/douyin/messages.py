"""The messages of a Douyin live room, as the platform puts them on the wire."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import time

from google.protobuf.message import Message as Body

from hostcue.platforms.douyin.pb import webcast_pb2 as pb
from hostcue.sim.douyin.faults import Faults

_MASKED_ID = 111111  # what every viewer of an anonymous room is called
# `Common.create_time` is in milliseconds, but seen in each of these, and missing.
_PER_MS = {"ms": 1.0, "s": 1e-3, "us": 1e3, "ns": 1e6, "none": 0.0}


def now_ms() -> int:
    """Unix milliseconds; the simulator's own, since it shares no code with the product."""
    return time.time_ns() // 1_000_000


def new_id() -> int:
    """A 64-bit id as the platform makes them: seconds in the upper half; never given twice."""
    return (now_ms() // 1000 << 32) | next(_counter)


# Begins anew in each process, at a place that depends on the moment.
_counter = itertools.count(time.time_ns() // 1000 % (1 << 30))


def user(nickname: str, *, is_masked: bool = False) -> pb.User:
    """The same person for the same nickname; masked, everybody has the same number."""
    digest = hashlib.sha256(nickname.encode()).digest()
    number = _MASKED_ID if is_masked else int.from_bytes(digest[:6])
    return pb.User(
        id=number,
        id_str=str(number),
        nickname=f"{nickname[:1]}***" if is_masked else nickname,
        pay_grade=pb.PayGrade(level=digest[6] % 30).SerializeToString(),
        fans_club=pb.FansClub(
            data=pb.FansClubData(club_name="小满家", level=digest[7] % 12)
        ).SerializeToString(),
    )


class Writer:
    """Writes the messages of one broadcast, with the room's faults of time and of naming."""

    def __init__(self, room_id: str, faults: Faults) -> None:
        self._room_id = int(room_id)
        self._faults = faults

    def chat(self, text: str, nickname: str, at_ms: int) -> pb.Message:
        """A comment."""
        common = self.common("WebcastChatMessage", at_ms)
        body = pb.ChatMessage(
            common=common,
            user=self.user(nickname),
            content=text,
            event_time=(at_ms + self._faults.skew_ms) // 1000,
        )
        return wrap(common, body)

    def gift(
        self,
        name: str,
        nickname: str,
        *,
        diamonds: int,
        count: int,
        group_id: int,
        is_end: bool,
        group_count: int = 1,
    ) -> pb.Message:
        """One message of a combo: `count` so far; `is_end` marks the summary that repeats it."""
        common = self.common("WebcastGiftMessage")
        kind = int.from_bytes(hashlib.sha256(name.encode()).digest()[:2])
        body = pb.GiftMessage(
            common=common,
            gift_id=kind,
            group_count=group_count,
            repeat_count=count,
            combo_count=count,
            user=self.user(nickname),
            repeat_end=int(is_end),
            group_id=group_id,
            gift=pb.GiftStruct(id=kind, combo=group_id != 0, diamond_count=diamonds, name=name),
            total_count=count * group_count,
        )
        return wrap(common, body)

    def like(self, count: int, total: int, nickname: str) -> pb.Message:
        """Some likes at once, and how many there were so far."""
        common = self.common("WebcastLikeMessage")
        return wrap(
            common,
            pb.LikeMessage(common=common, count=count, total=total, user=self.user(nickname)),
        )

    def enter(self, nickname: str, watching: int) -> pb.Message:
        """Somebody comes in."""
        common = self.common("WebcastMemberMessage")
        body = pb.MemberMessage(common=common, user=self.user(nickname), member_count=watching)
        return wrap(common, body)

    def social(self, nickname: str, action: int) -> pb.Message:
        """Somebody follows the host, 1, or shares the room, 3."""
        common = self.common("WebcastSocialMessage")
        return wrap(
            common, pb.SocialMessage(common=common, user=self.user(nickname), action=action)
        )

    def stats(self, watching: int, came: int) -> pb.Message:
        """How many watch now, and how many came so far."""
        common = self.common("WebcastRoomUserSeqMessage")
        body = pb.RoomUserSeqMessage(common=common, total=watching, total_user=came)
        return wrap(common, body)

    def product(self, title: str, price_fen: int) -> pb.Message:
        """The shopping cart shows this now."""
        common = self.common("WebcastLiveShoppingMessage")
        number = int.from_bytes(hashlib.sha256(title.encode()).digest()[:6])
        body = pb.LiveShoppingMessage(
            common=common,
            msg_type=7,
            promotion_id=number,
            updated_product_info=pb.UpdatedProduct(price=price_fen, title=title),
            update_toast="主播正在讲解",
        )
        return wrap(common, body)

    def control(self, action: int) -> pb.Message:
        """1 pause, 2 resume, 3 the broadcast ended."""
        common = self.common("WebcastControlMessage")
        return wrap(common, pb.ControlMessage(common=common, action=action))

    def user(self, nickname: str) -> pb.User:
        """Somebody as this room shows them."""
        return user(nickname, is_masked=self._faults.is_masked)

    def common(self, method: str, at_ms: int | None = None) -> pb.Common:
        """The head of a message with an id of its own."""
        true_ms = (now_ms() if at_ms is None else at_ms) + self._faults.skew_ms
        return pb.Common(
            method=method,
            msg_id=new_id(),
            room_id=self._room_id,
            create_time=int(true_ms * _PER_MS[self._faults.time_unit]),
        )


def wrap(common: pb.Common, body: Body | bytes) -> pb.Message:
    """A body under its method's name."""
    payload = body if isinstance(body, bytes) else body.SerializeToString()
    return pb.Message(method=common.method, payload=payload, msg_id=common.msg_id)


def push_frame(response: pb.Response, *, log_id: int, compress: bool) -> bytes:
    """The frame that carries a response; without `compress` its header says `none`."""
    payload = response.SerializeToString()
    return frame_of(
        gzip.compress(payload, 1) if compress else payload,
        log_id=log_id,
        compress_type="gzip" if compress else "none",
        cursor=response.cursor,
        internal_ext=response.internal_ext,
    )


def frame_of(
    payload: bytes, *, log_id: int, compress_type: str, cursor: str = "", internal_ext: str = ""
) -> bytes:
    """A frame with any payload under any header, true or not."""
    return pb.PushFrame(
        seq_id=log_id & 0xFFFFFFFF,
        log_id=log_id,
        service=8888,
        method=8,
        headers=[
            pb.Header(key="compress_type", value=compress_type),
            pb.Header(key="im-cursor", value=cursor),
            pb.Header(key="im-internal_ext", value=internal_ext),
        ],
        payload_encoding="pb",
        payload_type="msg",
        payload=payload,
    ).SerializeToString()


def heartbeat_reply(log_id: int) -> bytes:
    """What the server says to a heartbeat; its payload is not a response."""
    return pb.PushFrame(log_id=log_id, payload_type="hb").SerializeToString()
