"""One client of the push server: what it is sent, and what it owes."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import suppress

import anyio
from google.protobuf.message import DecodeError
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import Event

from hostcue.platforms.douyin.pb import webcast_pb2 as pb
from hostcue.sim.douyin.broadcast import Broadcast
from hostcue.sim.douyin.messages import heartbeat_reply, new_id, push_frame
from hostcue.sim.signal import Signal

_ACK_EVERY = 3  # frames
_UNACKED_MAX = 3
_FRAME_MAX = 20  # messages
_BEHIND_MAX = 20_000  # messages a viewer may be behind
_ENDED = 3
ABNORMAL = 1006  # no close frame at all: the line is cut

# What waits for a viewer: a message with its number, a raw frame, or the code with which to close.
Item = pb.Message | bytes | int
_Numbered = tuple[Item, int | None]


class Line(ServerConnection):
    """A connection that counts its client's pings: some clients send nothing else to stay."""

    pings = 0

    def process_event(self, event: Event) -> None:
        """As ever, and count."""
        if isinstance(event, Frame) and event.opcode is Opcode.PING:
            self.pings += 1
        assert isinstance(event, Frame | Request | Response)  # noqa: S101 - there is nothing else
        super().process_event(event)


class Viewer:
    """Dropped when it owes acknowledgements, heartbeats or pongs for too long, or reads slowly."""

    def __init__(
        self,
        signal: Signal,
        broadcast: Broadcast,
        connection: Line,
        query: dict[str, str],
        *,
        is_guest: bool,
        ping_s: float,
        pong_within_s: float,
    ) -> None:
        self.broadcast = broadcast
        self.room_id = query.get("room_id", "")
        self.is_frozen = False
        self._is_guest = is_guest
        self._cursor = query.get("cursor", "")
        self._user_unique_id = query.get("user_unique_id", "")
        self._ping_s, self._pong_within_s = ping_s, pong_within_s
        self._signal = signal
        self._connection = connection
        self._scope = anyio.CancelScope()
        self._close_code: int | None = None
        self._is_alive = False
        self._pings = 0
        self._frames = 0
        self._unacked: dict[int, tuple[bytes, float]] = {}
        self._sent = broadcast.standing(self._cursor)
        self._give, self._given = anyio.create_memory_object_stream[_Numbered](_BEHIND_MAX)

    def give(self, item: Item, *, number: int | None = None) -> None:
        """Queue something; who reads too slowly loses the line, as with the platform."""
        if isinstance(item, pb.Message) and not self._is_sent(item):
            return
        try:
            self._give.send_nowait((item, number))
        except anyio.WouldBlock:
            self._drop("reads too slowly")
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            pass  # its line is closing, which can take a moment

    def _is_sent(self, message: pb.Message) -> bool:
        return not self.is_frozen and self.broadcast.shows(message, is_guest=self._is_guest)

    def cut(self, code: int) -> None:
        """End the connection, with a close frame unless the code says otherwise."""
        self._close_code = code
        self._scope.cancel()

    async def run(self) -> None:
        """Serve it until either side has enough."""
        room, faults = self.broadcast, self.broadcast.faults
        if self.room_id != room.room_id or not room.is_live:
            self.give(room.writer.control(_ENDED))
        elif not faults.is_stalled:
            for number, message in room.greeting(self._cursor, is_guest=self._is_guest):
                self._sent = min(self._sent, number - 1)
                self.give(message, number=number)
        with self._give, self._given, self._scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._send)
                tasks.start_soon(self._miss_heartbeats)
                tasks.start_soon(self._miss_pongs)
                if faults.life_s is not None:
                    tasks.start_soon(self._live, random.uniform(*faults.life_s))  # noqa: S311 - a delay
                await self._listen()
                tasks.cancel_scope.cancel()
        if self._close_code == ABNORMAL:
            self._connection.transport.abort()
        elif self._close_code is not None:
            await self._connection.close(self._close_code)

    def _drop(self, why: str) -> None:
        """It has failed: the line is cut."""
        self.broadcast.seen.drops.append(why)
        self.cut(ABNORMAL)

    async def _live(self, for_s: float) -> None:
        await anyio.sleep(for_s)
        self.cut(ABNORMAL)

    async def _send(self) -> None:
        async for first in self._given:
            messages: list[pb.Message] = []
            for item, number in (first, *self._waiting()):
                match item:
                    case pb.Message():
                        messages.append(item)
                        self._sent = max(self._sent, number or 0)
                    case bytes():
                        await self._flush(messages)
                        await self._transmit(item)
                    case int():
                        await self._flush(messages)
                        self.cut(item)
            await self._flush(messages)

    async def _flush(self, messages: list[pb.Message]) -> None:
        if messages:
            await self._transmit(self._frame(messages))
            messages.clear()

    def _waiting(self) -> Iterator[_Numbered]:
        """What else can go into the same frame."""
        with suppress(anyio.WouldBlock):
            for _ in range(_FRAME_MAX - 1):
                yield self._given.receive_nowait()

    async def _transmit(self, frame: bytes) -> None:
        if self.broadcast.faults.is_silent:
            return
        try:
            await self._connection.send(frame)
        except ConnectionClosed:
            self._scope.cancel()

    def _frame(self, messages: list[pb.Message]) -> bytes:
        self._frames += 1
        need_ack = self._frames % _ACK_EVERY == 0
        response = self.broadcast.respond(
            messages, user_unique_id=self._user_unique_id, need_ack=need_ack, up_to=self._sent
        )
        log_id = new_id()
        if need_ack and not self.broadcast.faults.is_silent:
            self._miss_acks()
            self._unacked[log_id] = (response.internal_ext.encode(), time.monotonic())
        return push_frame(response, log_id=log_id, compress=self.broadcast.faults.is_compressed)

    def _miss_acks(self) -> None:
        if len(self._unacked) < _UNACKED_MAX:
            return
        _, oldest_s = next(iter(self._unacked.values()))
        if time.monotonic() - oldest_s > self.broadcast.ack_grace_s:
            self._drop("owes acknowledgements")

    async def _miss_heartbeats(self) -> None:
        while True:
            self._is_alive = False
            with anyio.move_on_after(2 * self.broadcast.heartbeat_s) as wait:
                await self._signal.until(lambda: self._is_alive)
            if wait.cancelled_caught and not self._has_pinged():
                self._drop("sends no heartbeats")

    def _has_pinged(self) -> bool:
        """Whether it sent WebSocket pings instead, as clients do that the platform tolerates."""
        new, self._pings = self._connection.pings - self._pings, self._connection.pings
        self.broadcast.seen.pings += new
        return new > 0

    async def _miss_pongs(self) -> None:
        while True:
            await anyio.sleep(self._ping_s)
            with anyio.move_on_after(self._pong_within_s) as wait, suppress(ConnectionClosed):
                await (await self._connection.ping())
                self.broadcast.seen.pongs += 1
                self._signal.changed()
            if wait.cancelled_caught:
                self._drop("answers no ping")

    async def _listen(self) -> None:
        with suppress(ConnectionClosed):
            async for data in self._connection:
                await self._hear(data)

    async def _hear(self, data: str | bytes) -> None:
        if isinstance(data, str):
            return self.cut(1003)
        try:
            frame = pb.PushFrame.FromString(data)
        except DecodeError:
            return self.cut(1007)
        if frame.payload_type == "hb":
            self._is_alive = True
            self.broadcast.seen.heartbeats += 1
            await self._transmit(heartbeat_reply(new_id()))
        else:
            self._hear_ack(frame)
        self._signal.changed()
        return None

    def _hear_ack(self, frame: pb.PushFrame) -> None:
        internal_ext, _ = self._unacked.get(frame.log_id, (b"", 0.0))
        seen = self.broadcast.seen
        if internal_ext and frame.payload_type == "ack" and frame.payload == internal_ext:
            seen.acks += 1
        elif internal_ext and frame.payload_type.encode() == internal_ext:
            seen.sloppy_acks += 1  # in the wrong field, as clients do that the platform tolerates
        else:
            seen.wrong_acks += 1
            return
        del self._unacked[frame.log_id]
