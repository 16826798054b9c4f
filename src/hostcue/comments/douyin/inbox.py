"""What one room has sent so far: decoded once, whatever comes twice."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass

import structlog

from hostcue.comments.douyin.address import Resume
from hostcue.comments.douyin.gifts import GiftCombos
from hostcue.comments.douyin.messages import KNOWN, Arrival, decode
from hostcue.comments.douyin.wire import ack, parse, parse_response
from hostcue.errors import UpstreamChanged
from hostcue.model.comment import Comment, LiveEvent
from hostcue.platforms.douyin.pb import webcast_pb2 as pb

log = structlog.get_logger(__name__)

_REMEMBERED_IDS = 20_000


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a frame brought; `spoke` is false for heartbeat replies and the like."""

    events: tuple[LiveEvent, ...] = ()
    reply: bytes | None = None
    spoke: bool = False


class Inbox:
    """Decodes a room's frames across reconnects.

    `resume` is where to go on after a reconnect. The counts tell what was left out: repeats, what
    could not be read (frames, and messages by method), and methods we do not know.
    """

    def __init__(self, room_id: str) -> None:
        self._room_id = room_id
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._combos = GiftCombos()
        self.resume = Resume()
        self.repeated = 0
        self.unreadable: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()

    def read_frame(self, data: bytes, received_ms: int) -> Delivery:
        """The new events of one WebSocket frame, and the answer it wants.

        Raises:
            UpstreamChanged: the frame cannot be read.
        """
        try:
            frame = parse(pb.PushFrame, data)
            if frame.payload_type != "msg":
                return Delivery()
            response = parse_response(frame)
        except UpstreamChanged:
            self.unreadable["frame"] += 1
            raise
        return Delivery(
            events=self.read_response(response, received_ms),
            reply=ack(frame, response) if response.need_ack else None,
            spoke=True,
        )

    def read_response(self, response: pb.Response, received_ms: int) -> tuple[LiveEvent, ...]:
        """The new events of one response, in its order."""
        if response.cursor:
            self.resume = Resume(response.cursor, response.internal_ext)
        at = Arrival(self._room_id, received_ms, response.now, self._combos)
        read = (self._read(message, at) for message in response.messages)
        return tuple(event for event in read if event is not None)

    def _read(self, message: pb.Message, at: Arrival) -> LiveEvent | None:
        if message.method not in KNOWN:
            self.unknown[message.method] += 1
            return None
        if message.msg_id and self._is_repeat(str(message.msg_id)):
            return None
        try:
            event = decode(message, at)
        except UpstreamChanged:
            self.unreadable[message.method] += 1
            if self.unreadable[message.method] == 1:
                log.warning("comment_message_unreadable", method=message.method)
            return None
        if not message.msg_id and isinstance(event, Comment) and self._is_repeat(event.id):
            return None
        return event

    def _is_repeat(self, message_id: str) -> bool:
        if message_id in self._seen:
            self._seen.move_to_end(message_id)
            self.repeated += 1
            return True
        self._seen[message_id] = None
        if len(self._seen) > _REMEMBERED_IDS:
            self._seen.popitem(last=False)
        return False
