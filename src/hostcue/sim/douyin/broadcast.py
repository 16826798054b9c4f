"""What is true of the pretend room, as its web pages and its push server see it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from hostcue.platforms.douyin.pb import webcast_pb2 as pb
from hostcue.sim.douyin.faults import Faults, Seen
from hostcue.sim.douyin.messages import Writer, now_ms

_KEPT = 1000
_POLLED_MAX = 200  # messages in one answer over HTTP
_CURSOR_BASE = 7_000_000_000_000_000_000
_GIFT = "WebcastGiftMessage"


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
    has_ended: bool = False
    faults: Faults = field(default_factory=Faults)
    seen: Seen = field(default_factory=Seen)
    past: set[str] = field(default_factory=set)
    _history: deque[tuple[int, pb.Message]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _count: int = 0

    @property
    def writer(self) -> Writer:
        """Writes messages of this broadcast."""
        return Writer(self.room_id, self.faults)

    def keep(self, message: pb.Message) -> int:
        """Remember a message for viewers who come later; its number, from 1."""
        self._count += 1
        self._history.append((self._count, message))
        return self._count

    def forget(self) -> None:
        """Whoever comes now has missed what was said."""
        self._history.clear()

    def start_over(self, room_id: str) -> None:
        """Another broadcast begins; what was said in the last one is gone."""
        self.past.add(self.room_id)
        self.room_id, self.is_live, self.has_ended = room_id, True, False
        self.forget()

    def standing(self, cursor: str) -> int:
        """The number of the last message before a cursor; of the last there is if it is no ours."""
        seen = self._number(cursor)
        return self._count if seen is None else seen

    def greeting(self, cursor: str, *, is_guest: bool) -> list[tuple[int, pb.Message]]:
        """What a viewer gets at first: all since its cursor, at least the last few, old times."""
        seen = self._number(cursor)
        due = sum(seen is not None and number > seen for number, _ in self._history)
        count = max(due, self.faults.replayed)
        found = list(self._history)[-count:] if count else []
        return [kept for kept in found if self.shows(kept[1], is_guest=is_guest)]

    def poll(self, cursor: str, *, is_guest: bool) -> tuple[list[pb.Message], int]:
        """The oldest after a cursor, or the last few when it is none of ours; and where that is."""
        seen = self._number(cursor)
        if self.faults.is_poll_stalled:
            return [], self._count if seen is None else seen
        if seen is None:
            found = list(self._history)[-self.faults.replayed :] if self.faults.replayed else []
        else:
            found = [kept for kept in self._history if kept[0] > seen][:_POLLED_MAX]
        last = found[-1][0] if found else self._count
        return [message for _, message in found if self.shows(message, is_guest=is_guest)], last

    def shows(self, message: pb.Message, *, is_guest: bool) -> bool:
        """Whether somebody is shown it: guests may be shown no gifts."""
        return not (is_guest and self.faults.hides_gifts and message.method == _GIFT)

    def _number(self, cursor: str) -> int | None:
        found = re.search(r"fh-(\d+)", cursor)
        number = int(found[1]) - _CURSOR_BASE if found else -1
        return number if 0 <= number <= self._count else None

    def respond(
        self,
        messages: list[pb.Message],
        *,
        user_unique_id: str,
        need_ack: bool,
        up_to: int | None = None,
    ) -> pb.Response:
        """The answer that carries messages, over HTTP and over the socket alike.

        Its cursor stands after message number `up_to`, by default after all there are.
        """
        at_ms = now_ms() + self.faults.skew_ms
        number = _CURSOR_BASE + (self._count if up_to is None else up_to)
        return pb.Response(
            messages=messages,
            cursor=f"d-1_u-1_fh-{number}_t-{at_ms}_r-1",
            fetch_interval=self.faults.poll_again_ms,
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
                    f"wrds_v:{number}",
                )
            ),
            fetch_type=1,
            heartbeat_duration=max(1, round(self.heartbeat_s)),
            need_ack=need_ack,
            push_server_v2=f"{self.push_url}/webcast/im/push/v2/",
        )


class Rooms:
    """The rooms of one pretend Douyin, found by what a client knows of them."""

    def __init__(self) -> None:
        self._all: dict[str, Broadcast] = {}

    def add(self, broadcast: Broadcast) -> None:
        """One more room; the first stays the one that answers for what nobody knows."""
        self._all[broadcast.live_id] = broadcast

    def remove(self, broadcast: Broadcast) -> None:
        """Its page is gone."""
        del self._all[broadcast.live_id]

    @property
    def first(self) -> Broadcast:
        """The room that was there first."""
        return next(iter(self._all.values()))

    def by_live_id(self, live_id: str) -> Broadcast | None:
        """The room behind a link."""
        return self._all.get(live_id)

    def by_room_id(self, room_id: str) -> Broadcast:
        """The room that has or had this broadcast; the first for one that nobody had."""
        for room in self._all.values():
            if room_id == room.room_id or room_id in room.past:
                return room
        return self.first
