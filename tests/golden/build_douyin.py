"""Writes `douyin/*.bin`: one frame per kind of message, as the platform puts it on the wire.

Run once, by hand: `python tests/golden/build_douyin.py`. The `.json` beside each frame is what it
must be read as; it is written by hand. Frames carry fields that hostcue's slim `.proto` does not
know, as real ones do. Users, texts and ids are made up.
"""

from __future__ import annotations

import gzip
from pathlib import Path

from google.protobuf.message import Message

from hostcue.platforms.douyin.pb import webcast_pb2 as pb

FOLDER = Path(__file__).parent / "douyin"
ROOM_ID = 7512345678901234567
SENT_MS = 1_764_000_000_000


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


def unknown(field: int, value: bytes | int) -> bytes:
    """A field that is not in our `.proto`, as raw bytes."""
    if isinstance(value, int):
        return varint(field << 3) + varint(value)
    return varint(field << 3 | 2) + varint(len(value)) + value


def user(number: int = 2861234567890123, name: str = "爱跑步的小林") -> pb.User:
    person = pb.User(
        id=number,
        id_str=str(number),
        nickname=name,
        pay_grade=pb.PayGrade(level=11).SerializeToString(),
        fans_club=pb.FansClub(
            data=pb.FansClubData(club_name="小满家", level=3)
        ).SerializeToString(),
    )
    avatar = unknown(1, b"https://p3.douyinpic.com/aweme/100x100/made-up.jpeg")
    person.MergeFromString(unknown(4, 2) + unknown(9, avatar) + unknown(46, b"MS4wLjABAAAAmadeup"))
    return person


def common(method: str, msg_id: int, *, sent: int = SENT_MS) -> pb.Common:
    head = pb.Common(method=method, msg_id=msg_id, room_id=ROOM_ID, create_time=sent)
    head.MergeFromString(unknown(6, 1) + unknown(12, b"202511250000000101"))
    return head


def message(method: str, msg_id: int, body: Message) -> pb.Message:
    wrapped = pb.Message(method=method, payload=body.SerializeToString(), msg_id=msg_id)
    wrapped.MergeFromString(unknown(4, 0) + unknown(10, 1))
    return wrapped


def write(name: str, *messages: pb.Message, packing: str = "gzip") -> None:
    response = pb.Response(
        messages=messages,
        cursor="d-1_u-1_fh-7512345678901234567_t-1764000000000_r-1",
        fetch_interval=1000,
        now=SENT_MS + 400,
        internal_ext="internal_src:dim|wss_push_room_id:7512345678901234567|seq:1",
        heartbeat_duration=10,
        need_ack=True,
    )
    payload = response.SerializeToString()
    frame = pb.PushFrame(
        seq_id=1,
        log_id=7_512_000_000_000_000_001,
        service=8888,
        method=8,
        headers=[pb.Header(key="compress_type", value=packing)],
        payload_encoding="pb",
        payload_type="msg",
        payload=gzip.compress(payload, mtime=0) if packing == "gzip" else payload,
    )
    (FOLDER / f"{name}.bin").write_bytes(frame.SerializeToString())


def chat(msg_id: int, text: str, *, sent: int = SENT_MS, by: pb.User | None = None) -> pb.Message:
    method = "WebcastChatMessage"
    body = pb.ChatMessage(
        common=common(method, msg_id, sent=sent),
        user=by or user(),
        content=text,
        event_time=1_764_000_001,
    )
    body.MergeFromString(unknown(12, 1) + unknown(21, 3))
    return message(method, msg_id, body)


def rich(*words: str) -> pb.Text:
    """Text in pieces, with a picture behind them."""
    text = pb.Text(pieces=[pb.TextPiece(string_value=word) for word in words])
    text.MergeFromString(unknown(1, b"webcast_rich") + unknown(4, unknown(25, b"")))
    return text


def written() -> None:
    """Comments in all their forms; the numbers are those of the message ids."""
    head, by = common, user()
    forms: dict[str, tuple[str, int, Message]] = {
        "chat_rich": (
            "WebcastChatMessage",
            101,
            pb.ChatMessage(
                common=head("WebcastChatMessage", 101),
                user=by,
                rtf_content_v2=rich("三号", "还有货吗"),
            ),
        ),
        "chat_emoji": (
            "WebcastEmojiChatMessage",
            102,
            pb.EmojiChatMessage(
                common=head("WebcastEmojiChatMessage", 102), user=by, emoji_content=rich("[比心]")
            ),
        ),
        "chat_screen": (
            "WebcastScreenChatMessage",
            103,
            pb.ScreenChatMessage(
                common=head("WebcastScreenChatMessage", 103, sent=0),
                user=by,
                content="主播好",
                event_time=(SENT_MS - 1000) * 10**6,
            ),
        ),
        "chat_privilege_screen": (
            "WebcastPrivilegeScreenChatMessage",
            104,
            pb.PrivilegeScreenChatMessage(
                common=head("WebcastPrivilegeScreenChatMessage", 104), user=by, content="我来了"
            ),
        ),
        "chat_audio": (
            "WebcastAudioChatMessage",
            105,
            pb.AudioChatMessage(
                common=head("WebcastAudioChatMessage", 105),
                user=by,
                content="这双多少钱",
                audio_duration=4,
            ),
        ),
        "chat_hot": (
            "WebcastHotChatMessage",
            106,
            pb.HotChatMessage(
                common=head("WebcastHotChatMessage", 106),
                title="大家都在说",
                content="包邮吗",
                num=[37],
                hot_list=["包邮吗"],
            ),
        ),
    }
    for name, (method, number, body) in forms.items():
        write(name, message(method, number, body))


def clubs_and_numbers() -> None:
    """Fans clubs, the other message about numbers, and news of the cart."""
    clubs = []
    for number, action in ((111, 2), (112, 1)):
        body = pb.FansclubMessage(
            common=common("WebcastFansclubMessage", number), action=action, user=user()
        )
        body.MergeFromString(unknown(3, "恭喜 爱跑步的小林 成为粉丝团成员".encode()))
        clubs.append(message("WebcastFansclubMessage", number, body))
    write("fans_club", *clubs)
    stats = pb.RoomStatsMessage(
        common=common("WebcastRoomStatsMessage", 122), display_value=2252, total=2252
    )
    stats.MergeFromString(unknown(4, "2252在线观众".encode()) + unknown(10, 1))
    before = pb.RoomUserSeqMessage(
        common=common("WebcastRoomUserSeqMessage", 121), total=2250, total_user=45678
    )
    write(
        "room_stats",
        message("WebcastRoomUserSeqMessage", 121, before),
        message("WebcastRoomStatsMessage", 122, stats),
    )
    sold = pb.LiveShoppingMessage(
        common=common("WebcastLiveShoppingMessage", 131),
        msg_type=7,
        updated_product_ids=[3_721_234_567_890_123_458],
        updated_product_info=pb.UpdatedProduct(price=8900, title="飞织小白鞋"),
        sold_out=True,
    )
    write("live_shopping_sold_out", message("WebcastLiveShoppingMessage", 131, sold))
    shown = pb.ProductChangeMessage(
        common=common("WebcastProductChangeMessage", 132),
        update_toast="购物车已更新",
        products=[
            pb.ProductRef(promotion_id=3_721_234_567_890_123_456, index=1),
            pb.ProductRef(promotion_id=3_721_234_567_890_123_457, index=2, explain_type=1),
        ],
    )
    write("product_explained", message("WebcastProductChangeMessage", 132, shown))
    late = gift(141, 2, combo=False)
    given = pb.GiftMessage.FromString(late.payload)
    given.common.create_time, given.send_time = 0, SENT_MS // 1000  # a summary's is in seconds
    write("gift_send_time", message("WebcastGiftMessage", 141, given))


def gift(msg_id: int, so_far: int, *, ends: bool = False, combo: bool = True) -> pb.Message:
    method = "WebcastGiftMessage"
    body = pb.GiftMessage(
        common=common(method, msg_id),
        gift_id=463,
        group_count=1,
        repeat_count=so_far,
        combo_count=so_far,
        user=user(),
        repeat_end=int(ends),
        group_id=1_764_000_000_123 if combo else 0,
        gift=pb.GiftStruct(id=463, combo=combo, diamond_count=10, name="玫瑰"),
    )
    body.MergeFromString(unknown(33, SENT_MS) + unknown(35, b"trace"))
    return message(method, msg_id, body)


def main() -> None:
    write("chat_gzip", chat(7_512_000_000_000_000_101, "三号链接多少钱[赞]"))
    write("chat_plain", chat(7_512_000_000_000_000_102, "包邮吗"), packing="none")
    write(
        "chat_times",
        chat(1, "秒", sent=SENT_MS // 1000),
        chat(2, "微秒", sent=SENT_MS * 1000),
        chat(3, "纳秒", sent=SENT_MS * 10**6),
        chat(4, "只有发言时间", sent=0),
        chat(5, "二十分钟前", sent=SENT_MS - 1_200_000),
        chat(6, "来自未来", sent=SENT_MS + 3_600_000),
    )
    write("chat_masked_user", chat(7, "有货吗", by=user(111111, "薛***")))
    write("gift_combo", gift(11, 1), gift(12, 3), gift(13, 2), gift(14, 3, ends=True))
    write("gift_single", gift(21, 2, combo=False))
    write(
        "like",
        message(
            "WebcastLikeMessage",
            31,
            pb.LikeMessage(
                common=common("WebcastLikeMessage", 31), count=8, total=20480, user=user()
            ),
        ),
    )
    write(
        "member",
        message(
            "WebcastMemberMessage",
            41,
            pb.MemberMessage(
                common=common("WebcastMemberMessage", 41), user=user(), member_count=1203
            ),
        ),
    )
    follow, share = (
        message(
            "WebcastSocialMessage",
            number,
            pb.SocialMessage(
                common=common("WebcastSocialMessage", number), user=user(), action=action
            ),
        )
        for number, action in ((51, 1), (52, 3))
    )
    write("social", follow, share)
    write(
        "room_user_seq",
        message(
            "WebcastRoomUserSeqMessage",
            61,
            pb.RoomUserSeqMessage(
                common=common("WebcastRoomUserSeqMessage", 61), total=1203, total_user=45678
            ),
        ),
    )
    write(
        "live_shopping",
        message(
            "WebcastLiveShoppingMessage",
            71,
            pb.LiveShoppingMessage(
                common=common("WebcastLiveShoppingMessage", 71),
                msg_type=7,
                promotion_id=3_721_234_567_890_123_456,
                updated_product_info=pb.UpdatedProduct(price=8900, title="飞织小白鞋"),
                update_toast="主播正在讲解",
            ),
        ),
    )
    write(
        "product_change",
        message(
            "WebcastProductChangeMessage",
            81,
            pb.ProductChangeMessage(
                update_toast="商品已更新",
                products=[pb.ProductRef(promotion_id=3_721_234_567_890_123_457, index=1)],
            ),
        ),
    )
    controls = (
        message(
            "WebcastControlMessage",
            number,
            pb.ControlMessage(common=common("WebcastControlMessage", number), action=action),
        )
        for number, action in ((91, 1), (92, 2), (93, 3), (94, 9))
    )
    write("control", *controls)
    written()
    clubs_and_numbers()
    write("unknown_method", message("WebcastRanklistHourEntranceMessage", 95, pb.Common()))


if __name__ == "__main__":
    main()
