"""What is true of the pretend room, as its web pages and its push server see it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from hostcue.platforms.douyin.pb import webcast_pb2 as pb
from hostcue.sim.douyin.messages import Writer, now_ms

_REPLAYED = 15  # need_persist_msg_count of the web client
_KEPT = 1000
_CURSOR_BASE = 7_000_000_000_000_000_000


@dataclass(slots=True)
class Broadcast:
    """A room and its present broadcast; starting another one gives another `room_id`."""

    live_id: str
    room_id: str
    anchor_name: str
    title: str
    flv_url: str
    hls_url: str | None
    heartbeat_s: float
    ack_grace_s: float
    sign: Callable[[str], str]
    push_url: str = ""
    is_live: bool = True
    _history: deque[tuple[int, pb.Message]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _count: int = 0

    @property
    def writer(self) -> Writer:
        """Writes messages of this broadcast."""
        return Writer(self.room_id)

    def keep(self, message: pb.Message) -> None:
        """Remember a message for viewers who come later."""
        self._count += 1
        self._history.append((self._count, message))

    def start_over(self, room_id: str) -> None:
        """Another broadcast begins; what was said in the last one is gone."""
        self.room_id, self.is_live = room_id, True
        self._history.clear()

    def replay(self) -> list[pb.Message]:
        """What a viewer gets at first: the last messages, with their old times."""
        return [message for _, message in self._history][-_REPLAYED:]

    def since(self, cursor: str) -> list[pb.Message]:
        """What came after a cursor of ours; the replay when there is none or it is made up."""
        found = re.search(r"fh-(\d+)", cursor)
        seen = int(found[1]) - _CURSOR_BASE if found else -1
        if not 0 <= seen <= self._count:
            return self.replay()
        return [message for number, message in self._history if number > seen]

    def respond(
        self, messages: list[pb.Message], *, user_unique_id: str, need_ack: bool
    ) -> pb.Response:
        """The answer that carries messages, over HTTP and over the socket alike."""
        at_ms = now_ms()
        return pb.Response(
            messages=messages,
            cursor=f"d-1_u-1_fh-{_CURSOR_BASE + self._count}_t-{at_ms}_r-1",
            fetch_interval=1000,
            now=at_ms,
            internal_ext="|".join(
                (
                    "internal_src:dim",
                    f"wss_push_room_id:{self.room_id}",
                    f"wss_push_did:{user_unique_id}",
                    f"first_req_ms:{at_ms}",
                    f"fetch_time:{at_ms}",
                    f"seq:{self._count}",
                    f"wss_info:0-{at_ms}-0-0",
                    f"wrds_v:{_CURSOR_BASE + self._count}",
                )
            ),
            fetch_type=1,
            heartbeat_duration=max(1, round(self.heartbeat_s)),
            need_ack=need_ack,
            push_server_v2=f"{self.push_url}/webcast/im/push/v2/",
        )
