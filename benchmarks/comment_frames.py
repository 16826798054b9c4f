"""Comments as the platform sends them, for measurements: realistic sizes, made-up people."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from hostcue.model.comment import Comment
from hostcue.platforms.douyin.pb import webcast_pb2 as pb
from hostcue.sim.douyin.faults import Faults
from hostcue.sim.douyin.messages import Writer, now_ms, push_frame
from hostcue.sim.douyin.wire import body
from hostcue.sim.script import selling_session

ROOM_ID = "7512345678901234567"
CHATS_PER_FRAME = 20
_PICTURES = 3


def frames(count: int) -> list[bytes]:
    """Frames of twenty chats each, gzipped, every message with an id of its own."""
    writer = Writer(ROOM_ID, Faults())
    texts = _texts()
    return [_frame(writer, texts, number) for number in range(1, count + 1)]


def comments(count: int, *, first: int = 0, start_ms: int, span_ms: int) -> list[Comment]:
    """Chats spread over a time, as they come from a source."""
    texts = _texts()
    return [
        Comment(
            id=str(10**18 + first + number),
            platform="douyin",
            room_id=ROOM_ID,
            user=user,
            content=text,
            ts_ms=start_ms + number * span_ms // count,
            viewer=str(2_000_000_000 + hash(user) % 100_000),
            metadata={"level": "11", "club": "小满家", "club_level": "3"},
        )
        for number, (user, text) in enumerate(itertools.islice(texts, count))
    ]


def _texts() -> Iterator[tuple[str, str]]:
    return ((one.user, one.text) for one in selling_session() if one.kind == "chat")


def _frame(writer: Writer, texts: Iterator[tuple[str, str]], number: int) -> bytes:
    messages = [_chat(writer, *next(texts)) for _ in range(CHATS_PER_FRAME)]
    response = pb.Response(
        messages=messages,
        cursor=f"d-1_u-1_fh-{7_000_000_000_000_000_000 + number}_t-{now_ms()}_r-1",
        now=now_ms(),
        internal_ext=f"internal_src:dim|seq:{number}",
        need_ack=True,
    )
    return push_frame(response, log_id=number, compress=True)


def _chat(writer: Writer, user: str, text: str) -> pb.Message:
    """With what surrounds a comment on the wire: pictures, badges, ids, about 1.9 KB of it."""
    message = writer.chat(text, user, now_ms())
    chat = pb.ChatMessage.FromString(message.payload)
    picture = body(
        {
            1: [f"https://p{n}.douyinpic.com/aweme/{message.msg_id}~c5.jpeg" for n in range(3)],
            2: f"aweme-avatar/tos-cn-avt-0015_{message.msg_id}",
            3: 720,
            4: 720,
        }
    )
    chat.user.MergeFromString(body({9: picture, 21: [picture] * _PICTURES, 46: "MS4wLjABAAAA" * 5}))
    return pb.Message(
        method=message.method, payload=chat.SerializeToString(), msg_id=message.msg_id
    )
