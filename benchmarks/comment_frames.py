"""Comments as the platform sends them, for measurements: realistic sizes, made-up people."""

from __future__ import annotations

import random
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
_VIEWERS = 4000
_CLUB = "小满家"
_OTHER_CLUBS = 300  # whose badges some viewers wear in this room


def frames(count: int) -> list[bytes]:
    """Frames of twenty chats each, gzipped, every message with an id of its own."""
    writer = Writer(ROOM_ID, Faults())
    texts = _texts()
    return [_frame(writer, texts, number) for number in range(1, count + 1)]


class Crowd:
    """Some thousand viewers, each of another standing, who write in turn; a few write much."""

    def __init__(self, seed: int = 1) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - made-up people, nothing secret
        self._texts = _texts()
        self._written = 0
        self._viewers = [self._viewer(2_000_000_000 + number) for number in range(_VIEWERS)]
        self._liveliness = [self._chance.paretovariate(1.2) for _ in self._viewers]

    def write(self, count: int, *, start_ms: int, span_ms: int) -> list[Comment]:
        """Chats spread over a time, as they come from a source; each id comes once."""
        writers = self._chance.choices(self._viewers, self._liveliness, k=count)
        first, self._written = self._written, self._written + count
        return [
            Comment(
                id=str(7_500_000_000_000_000_000 + first + number),
                platform="douyin",
                room_id=ROOM_ID,
                user=name,
                content=next(self._texts)[1],
                ts_ms=start_ms + number * span_ms // count,
                viewer=viewer,
                metadata=standing,
            )
            for number, (viewer, name, standing) in enumerate(writers)
        ]

    def _viewer(self, number: int) -> tuple[str, str, dict[str, str]]:
        """Id, name, and the level that most have and the club that half of them are in."""
        standing: dict[str, str] = {}
        if self._chance.random() < 0.9:
            standing["level"] = str(self._chance.randint(1, 60))
        if self._chance.random() < 0.5:
            other = f"粉丝团{self._chance.randrange(_OTHER_CLUBS)}"
            standing["club"] = _CLUB if self._chance.random() < 0.8 else other
            standing["club_level"] = str(self._chance.randint(1, 20))
        return str(number), f"{next(self._texts)[0]}{number % 1000}", standing


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
