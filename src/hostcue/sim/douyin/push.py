"""The push server: comments over a WebSocket, as strict about its clients as the platform is."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from http.cookies import SimpleCookie
from typing import Self
from urllib.parse import parse_qsl, urlsplit

import anyio
from google.protobuf.message import DecodeError
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from hostcue.platforms.douyin.pb import webcast_pb2 as pb
from hostcue.sim.douyin.broadcast import Broadcast
from hostcue.sim.douyin.messages import heartbeat_reply, new_id, push_frame
from hostcue.sim.douyin.signature import is_signed
from hostcue.sim.signal import Signal

_PATH = "/webcast/im/push/v2/"
_ACK_EVERY = 3  # frames
_UNACKED_MAX = 3
_FRAME_MAX = 20  # messages
_BEHIND_MAX = 20_000  # messages a viewer may be behind
ABNORMAL = 1006  # no close frame at all: the line is cut

# What waits for a viewer: a message, a raw frame, or the code with which to close.
_Item = pb.Message | bytes | int


class PushServer:
    """Serves the viewers of one room, each in the handler that `websockets` runs for it."""

    def __init__(self, broadcast: Broadcast) -> None:
        self.signal = Signal()
        self.viewers: set[_Viewer] = set()
        self.connections = self.refusals = self.acks = self.heartbeats = 0
        self.is_blocked = self.is_stalled = False
        self.compress = True
        self._broadcast = broadcast

    @classmethod
    @asynccontextmanager
    async def open(cls, broadcast: Broadcast) -> AsyncIterator[Self]:
        """Listen until the context ends; the address lands in `broadcast.push_url`."""
        push = cls(broadcast)
        server = await serve(
            push._serve,
            "127.0.0.1",
            0,
            process_request=push._check,
            compression=None,
            ping_interval=10,
            close_timeout=1,
        )
        port = next(iter(server.sockets)).getsockname()[1]
        broadcast.push_url = f"ws://127.0.0.1:{port}"
        try:
            yield push
        finally:
            server.close()
            with anyio.CancelScope(shield=True):
                await server.wait_closed()

    def publish(self, message: pb.Message | bytes) -> None:
        """Give a message, or a raw frame, to everyone who watches the present broadcast."""
        if self.is_stalled:
            return
        for viewer in self.viewers:
            if viewer.room_id == self._broadcast.room_id:
                viewer.give(message)

    def drop(self, code: int) -> None:
        """Close every connection with this code, or cut it when the code is 1006.

        What was published before is sent before.
        """
        for viewer in self.viewers:
            viewer.give(code)

    def _check(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse the handshake the way the platform does: HTTP 200 and two headers."""
        url = urlsplit(request.path)
        if url.path != _PATH:
            return connection.respond(404, "")
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        cookies = SimpleCookie("; ".join(request.headers.get_all("Cookie")))
        if not self.is_blocked and "ttwid" in cookies and is_signed(query):
            return None
        self.refusals += 1
        self.signal.changed()
        refusal = connection.respond(200, "")
        refusal.headers["handshake-msg"] = "DEVICE_BLOCKED"
        refusal.headers["handshake-status"] = "415"
        return refusal

    async def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None  # noqa: S101 - set since the handshake
        query = dict(parse_qsl(urlsplit(connection.request.path).query))
        viewer = _Viewer(self, self._broadcast, connection, query)
        self.connections += 1
        self.viewers.add(viewer)
        self.signal.changed()
        try:
            await viewer.run()
        finally:
            self.viewers.discard(viewer)
            self.signal.changed()


class _Viewer:
    """One client of the push server."""

    def __init__(
        self,
        push: PushServer,
        broadcast: Broadcast,
        connection: ServerConnection,
        query: dict[str, str],
    ) -> None:
        self.room_id = query.get("room_id", "")
        self._user_unique_id = query.get("user_unique_id", "")
        self._push = push
        self._broadcast = broadcast
        self._connection = connection
        self._scope = anyio.CancelScope()
        self._close_code: int | None = None
        self._is_alive = False
        self._frames = 0
        self._unacked: dict[int, tuple[bytes, float]] = {}
        self._give, self._given = anyio.create_memory_object_stream[_Item](_BEHIND_MAX)

    def give(self, item: _Item) -> None:
        """Queue something; who reads too slowly loses the line, as with the platform."""
        try:
            self._give.send_nowait(item)
        except anyio.WouldBlock:
            self.cut(ABNORMAL)
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            pass  # its line is closing, which can take a moment

    def cut(self, code: int) -> None:
        self._close_code = code
        self._scope.cancel()

    async def run(self) -> None:
        if self.room_id != self._broadcast.room_id or not self._broadcast.is_live:
            self.give(self._broadcast.writer.control(3))
        elif not self._push.is_stalled:
            for message in self._broadcast.replay():
                self.give(message)
        with self._give, self._given, self._scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._send)
                tasks.start_soon(self._miss_heartbeats)
                await self._listen()
                tasks.cancel_scope.cancel()
        if self._close_code == ABNORMAL:
            self._connection.transport.abort()
        elif self._close_code is not None:
            await self._connection.close(self._close_code)

    async def _send(self) -> None:
        async for first in self._given:
            messages: list[pb.Message] = []
            for item in (first, *self._waiting()):
                match item:
                    case pb.Message():
                        messages.append(item)
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

    def _waiting(self) -> Iterator[_Item]:
        """What else can go into the same frame."""
        with suppress(anyio.WouldBlock):
            for _ in range(_FRAME_MAX - 1):
                yield self._given.receive_nowait()

    async def _transmit(self, frame: bytes) -> None:
        try:
            await self._connection.send(frame)
        except ConnectionClosed:
            self._scope.cancel()

    def _frame(self, messages: list[pb.Message]) -> bytes:
        self._frames += 1
        need_ack = self._frames % _ACK_EVERY == 0
        response = self._broadcast.respond(
            messages, user_unique_id=self._user_unique_id, need_ack=need_ack
        )
        log_id = new_id()
        if need_ack:
            self._miss_acks()
            self._unacked[log_id] = (response.internal_ext.encode(), time.monotonic())
        return push_frame(response, log_id=log_id, compress=self._push.compress)

    def _miss_acks(self) -> None:
        if len(self._unacked) < _UNACKED_MAX:
            return
        _, oldest_s = next(iter(self._unacked.values()))
        if time.monotonic() - oldest_s > self._broadcast.ack_grace_s:
            self.cut(ABNORMAL)

    async def _miss_heartbeats(self) -> None:
        while True:
            self._is_alive = False
            with anyio.move_on_after(2 * self._broadcast.heartbeat_s) as wait:
                await self._push.signal.until(lambda: self._is_alive)
            if wait.cancelled_caught:
                self.cut(ABNORMAL)

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
            self._push.heartbeats += 1
            await self._transmit(heartbeat_reply(new_id()))
        elif frame.payload_type == "ack":
            internal_ext, _ = self._unacked.get(frame.log_id, (None, 0.0))
            if frame.payload == internal_ext:
                del self._unacked[frame.log_id]
                self._push.acks += 1
        self._push.signal.changed()
        return None
