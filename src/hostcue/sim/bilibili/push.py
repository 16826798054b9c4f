"""The push server: as strict about its clients as the platform is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self

import anyio
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from hostcue.sim.bilibili import packets
from hostcue.sim.bilibili.commands import Command
from hostcue.sim.bilibili.room import Room
from hostcue.sim.signal import Signal

_AUTH_WITHIN_S = 5.0
_BEHIND_MAX = 20_000
_ZLIB = 2
_TOGETHER = 20  # commands in a frame
ABNORMAL = 1006  # no close frame at all: the line is cut

# What waits for a viewer: a command as logged-in viewers and as guests are shown it, a raw frame,
# or the code with which to close.
Item = tuple[Command, Command] | bytes | int


class PushServer:
    """Serves the room's viewers, each in the handler that `websockets` runs for it."""

    def __init__(self, room: Room) -> None:
        self.signal = Signal()
        self.viewers: set[Viewer] = set()
        self.url = ""
        self._room = room

    @classmethod
    @asynccontextmanager
    async def open(cls, room: Room) -> AsyncIterator[Self]:
        """Listen until the context ends."""
        push = cls(room)
        server = await serve(
            push._serve,
            "127.0.0.1",
            0,
            process_request=_check,
            compression=None,
            ping_interval=None,
            close_timeout=1,
        )
        push.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        try:
            yield push
        finally:
            server.close()
            with anyio.CancelScope(shield=True):
                await server.wait_closed()

    def publish(self, item: Item) -> None:
        """Give something to everyone who was admitted."""
        if self._room.faults.is_stalled and isinstance(item, tuple):
            return
        times = 2 if self._room.faults.doubles and isinstance(item, tuple) else 1
        for viewer in self.viewers:
            for _ in range(times):
                viewer.give(item)

    async def _serve(self, connection: ServerConnection) -> None:
        viewer = Viewer(self._room, connection, self.signal)
        try:
            if not await viewer.knows_the_key():
                self._room.seen.refusals += 1
                await viewer.turn_away()
                return
            self._room.seen.connections += 1
            self.viewers.add(viewer)  # before it is told so: from then on it may miss nothing
            self.signal.changed()
            await viewer.run()
        finally:
            self.viewers.discard(viewer)
            viewer.close()
            self.signal.changed()


def _check(connection: ServerConnection, request: Request) -> Response | None:
    return None if request.path == "/sub" else connection.respond(404, "")


def _auth_reply(code: int) -> bytes:
    return packets.packet(packets.AUTH_REPLY, json.dumps({"code": code}).encode())


class Viewer:
    """Dropped when it sends no heartbeat for twice as long as it should, or reads slowly."""

    def __init__(self, room: Room, connection: ServerConnection, signal: Signal) -> None:
        self._room = room
        self._connection = connection
        self._signal = signal
        self._compress = True
        self._is_guest = True
        self._scope = anyio.CancelScope()
        self._close_code: int | None = None
        self._is_alive = False
        self._give, self._given = anyio.create_memory_object_stream[Item](_BEHIND_MAX)

    async def knows_the_key(self) -> bool:
        """Read who it is, and whether the key it shows was given to it."""
        with anyio.move_on_after(_AUTH_WITHIN_S), suppress(ConnectionClosed, ValueError):
            operation, body = packets.opened(bytes(await self._connection.recv(decode=False)))
            told = json.loads(body)
            if operation == packets.AUTH and self._is_known(told):
                self._compress = told.get("protover") == _ZLIB
                self._is_guest = told["uid"] == 0
                return True
        return False

    async def turn_away(self) -> None:
        """Say that it is not admitted, and close."""
        await self._transmit(_auth_reply(-101))
        await self._connection.close()

    def close(self) -> None:
        """Nothing waits for it any more."""
        self._give.close()
        self._given.close()

    def _is_known(self, told: dict[str, object]) -> bool:
        given = (
            None if self._room.faults.refuses_keys else self._room.keys.get(str(told.get("key")))
        )
        if given is None or told.get("roomid") != self._room.number:
            return False
        return (told.get("buvid"), told.get("uid")) == (given.buvid, given.uid)

    def give(self, item: Item) -> None:
        """Queue something; who reads too slowly loses the line."""
        try:
            self._give.send_nowait(item)
        except anyio.WouldBlock:
            self._drop("reads too slowly")
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            pass  # its line is closing, which can take a moment

    async def run(self) -> None:
        """Serve it until either side has enough."""
        with self._scope:
            await self._transmit(_auth_reply(0))
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._send)
                tasks.start_soon(self._miss_heartbeats)
                await self._listen()
                tasks.cancel_scope.cancel()
        if self._close_code == ABNORMAL:
            self._connection.transport.abort()
        elif self._close_code is not None:
            await self._connection.close(self._close_code)

    def _drop(self, why: str) -> None:
        self._room.seen.drops.append(why)
        self._cut(ABNORMAL)

    def _cut(self, code: int) -> None:
        self._close_code = code
        self._scope.cancel()

    async def _send(self) -> None:
        async for first in self._given:
            together: list[Command] = []
            for item in self._with_what_waits(first):
                if isinstance(item, tuple):
                    together.append(item[self._is_guest])
                    continue
                await self._flush(together)
                if isinstance(item, bytes):
                    await self._transmit(item)
                else:
                    self._cut(item)
            await self._flush(together)

    def _with_what_waits(self, first: Item) -> list[Item]:
        items = [first]
        with suppress(anyio.WouldBlock):
            while len(items) < _TOGETHER:
                items.append(self._given.receive_nowait())
        return items

    async def _flush(self, together: list[Command]) -> None:
        if together:
            await self._transmit(packets.messages(together, compress=self._compress))
            together.clear()

    async def _transmit(self, frame: bytes) -> None:
        if self._room.faults.is_silent:
            return
        try:
            await self._connection.send(frame)
        except ConnectionClosed:
            self._scope.cancel()

    async def _miss_heartbeats(self) -> None:
        while True:
            self._is_alive = False
            with anyio.move_on_after(2 * self._room.heartbeat_s) as wait:
                await self._signal.until(lambda: self._is_alive)
                await anyio.sleep_forever()
            if wait.cancelled_caught and not self._is_alive:
                self._drop("sends no heartbeats")

    async def _listen(self) -> None:
        with suppress(ConnectionClosed):
            async for data in self._connection:
                try:
                    operation, _ = packets.opened(data if isinstance(data, bytes) else b"")
                except ValueError:
                    return self._drop("sends no packets")
                if operation == packets.HEARTBEAT:
                    self._is_alive = True
                    self._room.seen.heartbeats += 1
                    popularity = (1).to_bytes(4, "big")
                    await self._transmit(packets.packet(packets.HEARTBEAT_REPLY, popularity))
                self._signal.changed()
        return None
