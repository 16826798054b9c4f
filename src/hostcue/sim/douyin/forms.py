"""The rarer messages of a room: comments in other forms, clubs, products, numbers.

Their bodies are written field by field: see `hostcue.sim.douyin.wire`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

from hostcue.platforms.douyin.pb import webcast_pb2 as pb
from hostcue.sim.douyin.messages import Writer, now_ms, wrap
from hostcue.sim.douyin.wire import Value, body

Form = Literal["rich", "emoji", "screen", "privilege_screen", "audio", "hot"]
Notice = Literal["room_stats", "fan_ticket", "ecom_general", "data_sync"]
_METHODS: dict[Form, str] = {
    "rich": "WebcastChatMessage",
    "emoji": "WebcastEmojiChatMessage",
    "screen": "WebcastScreenChatMessage",
    "privilege_screen": "WebcastPrivilegeScreenChatMessage",
    "audio": "WebcastAudioChatMessage",
    "hot": "WebcastHotChatMessage",
}
_NOTICES: dict[Notice, str] = {
    "room_stats": "WebcastRoomStatsMessage",
    "fan_ticket": "WebcastUpdateFanTicketMessage",
    "ecom_general": "WebcastLiveEcomGeneralMessage",
    "data_sync": "WebcastRoomDataSyncMessage",
}


def comment(writer: Writer, form: Form, words: str, nickname: str, at_ms: int) -> pb.Message:
    """A comment that is no plain text; `words` is what a reader sees of it."""
    common = writer.common(_METHODS[form], at_ms)
    return wrap(common, body({1: common, **_comment(form, words, writer.user(nickname), at_ms)}))


def _comment(form: Form, words: str, user: pb.User, at_ms: int) -> dict[int, Value]:
    match form:
        case "rich":  # the plain field is empty: all is in `rtf_content_v2`
            return {2: user, 15: at_ms // 1000, 41: text(words)}
        case "emoji":
            return {2: user, 3: 7_012_345_678_901_234_567, 4: text(words), 5: words}
        case "screen":  # its time is in nanoseconds
            return {2: user, 3: 1, 4: words, 5: 10, 12: at_ms * 1_000_000}
        case "privilege_screen":
            return {2: user, 3: words}
        case "audio":
            return {2: user, 3: words, 4: "https://p3.douyinpic.com/pretended.mp3", 5: 4}
        case "hot":  # the platform's own summary of what many write: nobody wrote it
            return {2: "大家都在说", 3: words, 4: [37], 7: at_ms, 8: [words]}


def text(words: str) -> bytes:
    """A `Text` of two pieces: one of the words, one of a sticker without any."""
    piece = body({1: 1, 11: words})
    return body({1: "webcast_chat", 2: "{0:string}", 4: [piece, body({1: 5, 25: b""})]})


def fans_club(writer: Writer, nickname: str, *, joins: bool) -> pb.Message:
    """Somebody joins the host's club, or rises in it."""
    common = writer.common("WebcastFansclubMessage")
    words = f"恭喜 {nickname} " + ("成为粉丝团成员" if joins else "升级为粉丝团2级")
    fields: dict[int, Value] = {2: 2 if joins else 1, 3: words, 4: writer.user(nickname)}
    return wrap(common, body({1: common, **fields}))


def products(writer: Writer, titles: Sequence[str], shown: int) -> pb.Message:
    """The cart's list; number `shown` of it is explained now."""
    common = writer.common("WebcastProductChangeMessage")
    numbers = [int.from_bytes(hashlib.sha256(title.encode()).digest()[:6]) for title in titles]
    refs = [
        body({1: number, 2: index, 4: int(index == shown)})
        for index, number in enumerate(numbers, start=1)
    ]
    fields: dict[int, Value] = {2: now_ms(), 3: "购物车已更新", 4: refs, 5: len(refs)}
    return wrap(common, body({1: common, **fields}))


def notice(writer: Writer, kind: Notice, number: int) -> pb.Message:
    """What the page's edges show: a number of people or tickets, news of the shop, states."""
    common = writer.common(_NOTICES[kind])
    fields: dict[Notice, dict[int, Value]] = {
        "room_stats": {
            2: str(number),
            3: str(number),
            4: f"{number}在线观众",
            5: number,
            6: now_ms(),
            9: number,
            10: 1,
        },
        "fan_ticket": {2: str(number), 3: number},
        "ecom_general": {2: "coupon", 3: "json", 4: number, 6: b'{"pretended":true}'},
        "data_sync": {2: common.room_id, 3: "state", 4: number, 5: b"\x08\x01"},
    }
    return wrap(common, body({1: common, **fields[kind]}))


def unknown(writer: Writer, method: str) -> pb.Message:
    """A message whose method nobody has heard of, with a body like any other."""
    common = writer.common(method)
    return wrap(common, body({1: common, 2: "what the next release brings", 3: [1, 2, 3]}))


def broken(writer: Writer, method: str) -> pb.Message:
    """A message with an honest method and a body that ends in the middle of a field."""
    common = writer.common(method)
    return wrap(common, body({1: common, 3: "half a sentence"})[:-6])
