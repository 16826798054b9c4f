"""What one room has sent so far: decoded once, whatever comes twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import structlog

from hostcue.comments.bilibili.message import Events, Memory, Message, command_of
from hostcue.comments.bilibili.messages import KNOWN, decode
from hostcue.comments.bilibili.packets import MAX_BODY_BYTES, Operation, unpack
from hostcue.comments.seen import Seen
from hostcue.errors import UpstreamChanged
from hostcue.model.comment import Tally
from hostcue.platforms.bilibili import node

log = structlog.get_logger(__name__)

_MOST_NAMES = 200
_OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a frame brought; `spoke` is false for heartbeat replies and the like."""

    events: Events = ()
    spoke: bool = False


class Inbox:
    """Decodes a room's frames across reconnects."""

    def __init__(self, room_id: str) -> None:
        self._memory = Memory(room_id, self._is_new)
        self._seen = Seen[str]()
        self._repeated = 0
        self._unreadable: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()

    @property
    def tally(self) -> Tally:
        """What was left out so far."""
        return Tally(
            clock_skew_ms=self._memory.clock.skew_ms,
            repeated=self._repeated,
            unknown=dict(self._unknown),
            unreadable=dict(self._unreadable),
        )

    def read_frame(self, frame: bytes, received_ms: int) -> Delivery:
        """The new events of one WebSocket frame.

        Raises:
            UpstreamChanged: the frame cannot be read.
        """
        try:
            packets = unpack(frame)
        except UpstreamChanged:
            self._unreadable["frame"] += 1
            raise
        bodies = [packet.body for packet in packets if packet.operation == Operation.MESSAGE]
        events: list[Events] = [self._read(body, received_ms) for body in bodies]
        return Delivery(tuple(event for some in events for event in some), spoke=bool(bodies))

    def _read(self, body: bytes, received_ms: int) -> Events:
        command = "message"
        try:
            document = _document(body)
            command = command_of(document) or command
            if command not in KNOWN:
                _count(self._unknown, command)
                return ()
            self._memory.clock.hear(document["send_time"].number, received_ms)
            return decode(Message(command, document, received_ms, self._memory))
        except UpstreamChanged:
            if not self._unreadable[command]:
                log.warning("comment_message_unreadable", method=command)
            _count(self._unreadable, command)
            return ()

    def _is_new(self, message_id: str) -> bool:
        is_new = self._seen.add(message_id)
        self._repeated += not is_new
        return is_new


def _document(body: bytes) -> node.Node:
    if len(body) > MAX_BODY_BYTES:
        raise UpstreamChanged("Bilibili sent a larger message than we accept")
    return node.read(body)


def _count(counter: Counter[str], name: str) -> None:
    """Under a name of its own, as long as there are not too many."""
    counter[name if name in counter or len(counter) < _MOST_NAMES else _OTHERS] += 1
