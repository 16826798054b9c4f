"""What one room has sent so far: decoded once, whatever comes twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import structlog
from google.protobuf.message import DecodeError

from hostcue.comments.douyin.address import Resume
from hostcue.comments.douyin.arrival import Arrival, Memory, Skew
from hostcue.comments.douyin.capture import Capture
from hostcue.comments.douyin.messages import READERS
from hostcue.comments.douyin.wire import ack, as_frame, parse, parse_response
from hostcue.comments.seen import Seen
from hostcue.errors import UpstreamChanged
from hostcue.model.comment import Comment, LiveEvent, Tally
from hostcue.platforms.douyin.pb import webcast_pb2 as pb

log = structlog.get_logger(__name__)

_NAMED_METHODS = 200  # of those we do not know; further ones are counted together
_METHOD_CHARS = 80


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a frame brought; `spoke` is false for heartbeat replies and the like."""

    events: tuple[LiveEvent, ...] = ()
    reply: bytes | None = None
    spoke: bool = False


class Inbox:
    """Decodes a room's frames across reconnects.

    `resume` is where to go on after a reconnect. The counts tell what was left out: repeats, what
    could not be read (frames, and messages by method), and methods we do not know. `capture`
    takes all that comes as it came.
    """

    def __init__(self, room_id: str, *, capture: Capture | None = None) -> None:
        self._room_id = room_id
        self._capture = capture
        self._seen = Seen[int | str]()
        self._memory = Memory()
        self._skew = Skew()
        self.resume = Resume()
        self.repeated = 0
        self.unreadable: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()

    @property
    def tally(self) -> Tally:
        """What was left out so far, and how far the platform's clock is ahead."""
        return Tally(self._skew.ms, self.repeated, dict(self.unknown), dict(self.unreadable))

    def read_frame(self, data: bytes, received_ms: int) -> Delivery:
        """The new events of one WebSocket frame, and the answer it wants.

        Raises:
            UpstreamChanged: the frame cannot be read.
        """
        if self._capture is not None:
            self._capture.write(data, received_ms)
        try:
            frame = parse(pb.PushFrame, data)
            if frame.payload_type != "msg":
                return Delivery()
            response = parse_response(frame)
        except UpstreamChanged:
            self.unreadable["frame"] += 1
            raise
        return Delivery(
            events=self._read(response, received_ms),
            reply=ack(frame, response) if response.need_ack else None,
            spoke=True,
        )

    def open_answer(self, data: bytes) -> pb.Response:
        """A response that came without a frame, not read yet.

        Raises:
            UpstreamChanged: it cannot be read.
        """
        try:
            return parse(pb.Response, data)
        except UpstreamChanged:
            self.unreadable["frame"] += 1
            raise

    def read_response(self, response: pb.Response, received_ms: int) -> tuple[LiveEvent, ...]:
        """The new events of a response that came without a frame, in its order."""
        if self._capture is not None:
            self._capture.write(as_frame(response), received_ms)
        return self._read(response, received_ms)

    def _read(self, response: pb.Response, received_ms: int) -> tuple[LiveEvent, ...]:
        if response.cursor:
            self.resume = Resume(response.cursor, response.internal_ext)
        self._skew.note(response.now, received_ms)
        at = Arrival(self._room_id, received_ms, self._skew.ms, memory=self._memory)
        events: list[LiveEvent] = []
        for message in response.messages:
            event = self._open(message, at)
            if event is not None:
                events.append(event)
        return tuple(events)

    def _open(self, message: pb.Message, at: Arrival) -> LiveEvent | None:
        method, number = message.method, message.msg_id
        reader = READERS.get(method)
        if reader is None:
            self._count_unknown(method)
            return None
        if number and not self._seen.add(number):
            self.repeated += 1
            return None
        try:
            event = reader(message, at)
        except DecodeError:
            self.unreadable[method] += 1
            if self.unreadable[method] == 1:
                log.warning("comment_message_unreadable", method=method)
            return None
        if not number and isinstance(event, Comment) and not self._seen.add(event.id):
            self.repeated += 1
            return None
        return event

    def _count_unknown(self, method: str) -> None:
        name = method[:_METHOD_CHARS]
        if name not in self.unknown and len(self.unknown) >= _NAMED_METHODS:
            name = "…"
        self.unknown[name] += 1
