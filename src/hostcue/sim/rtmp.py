"""A live RTMP source on loopback, as a media server has it for its players."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal, Self

import anyio

from hostcue.sim import amf
from hostcue.sim.connection import accept
from hostcue.sim.media import Clip, make_clip
from hostcue.sim.programme import Programme, Viewing
from hostcue.sim.rtmp_chunks import Message, Wire
from hostcue.sim.signal import Signal

_HEAD_START_S = 30.0
_TICK_S = 0.04
_ACK_SIZE, _USER_CONTROL, _BANDWIDTH, _COMMAND = 5, 4, 6, 20
_WINDOW = 2_500_000
_STREAM = 1


class LiveRtmp:
    """An endless live stream at `url`; asked for another one, it says that there is none.

    A player gets everything from the key frame `burst_s` before the live position at once, then
    the rest as it happens.
    """

    def __init__(self, clip: Clip, listener: socket.socket, burst_s: float) -> None:
        self.url = f"rtmp://127.0.0.1:{listener.getsockname()[1]}/live/room"
        self.connections = 0
        self.asked: list[tuple[str, str]] = []
        """What each player said of where it is, and the stream it asked for."""
        self._programmes = [Programme(clip, 0)]
        self._burst_ms = round(burst_s * 1000)
        self._started_s = time.monotonic() - _HEAD_START_S
        self._stalled_s: float | None = None
        self._players: dict[socket.socket, anyio.CancelScope] = {}
        self._signal = Signal()

    @classmethod
    @asynccontextmanager
    async def open(cls, clip: Clip | None = None, *, burst_s: float = 2.0) -> AsyncIterator[Self]:
        """Broadcast `clip` (default: `make_clip()`) over and over until the context ends."""
        if clip is None:
            clip = await anyio.to_thread.run_sync(make_clip)
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
            listener.setblocking(False)
            rtmp = cls(clip, listener, burst_s)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(accept, listener, rtmp._serve)
                yield rtmp
                tasks.cancel_scope.cancel()

    async def wait_players(self, n: int) -> None:
        """Wait until exactly `n` connections receive the stream."""
        await self._signal.until(lambda: len(self._players) == n)

    def drop_line(self, how: Literal["eof", "reset"] = "eof") -> None:
        """Cut every player now; the next connection works."""
        for connection, scope in self._players.items():
            if how == "reset":  # closing with linger 0 sends RST instead of FIN
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            scope.cancel()

    def stall(self) -> None:
        """Send nothing more, and keep the connections open."""
        if self._stalled_s is None:
            self._stalled_s = time.monotonic()

    def resume(self) -> None:
        """Send what was held back, and go on."""
        self._stalled_s = None

    async def _serve(self, connection: socket.socket) -> None:
        self.connections += 1
        wire = Wire(connection)
        await wire.shake_hands()
        tc_url = ""
        while True:
            message = await wire.receive()
            if message.kind != _COMMAND:
                continue
            try:
                name, number, *rest = amf.decode(message.body)
            except ValueError:
                return
            match name, rest:
                case "connect", [{"tcUrl": str(given)}, *_]:
                    tc_url = given
                    await self._welcome(wire, number)
                case "createStream", _:
                    await wire.send(_command("_result", number, None, float(_STREAM)))
                case "play", [_, str(stream), *_]:
                    self.asked.append((tc_url, stream))
                    await self._play(connection, wire, stream.partition("?")[0])
                    return
                case _:
                    pass

    async def _welcome(self, wire: Wire, number: amf.Value) -> None:
        about: dict[str, amf.Value] = {"fmsVer": "FMS/3,0,1,123", "capabilities": 31.0}
        status: dict[str, amf.Value] = {
            "level": "status",
            "code": "NetConnection.Connect.Success",
            "objectEncoding": 0.0,
        }
        await wire.send(
            Message(_ACK_SIZE, 0, _WINDOW.to_bytes(4)),
            Message(_BANDWIDTH, 0, _WINDOW.to_bytes(4) + b"\x02"),
            _command("_result", number, about, status),
        )

    async def _play(self, connection: socket.socket, wire: Wire, stream: str) -> None:
        if not self.url.endswith(f"/{stream}"):
            await wire.send(_status("error", "NetStream.Play.StreamNotFound"))
            with suppress(anyio.BrokenResourceError):
                await wire.receive()  # the player goes
            return
        begins = b"\0\0" + _STREAM.to_bytes(4)
        await wire.send(
            Message(_USER_CONTROL, 0, begins), _status("status", "NetStream.Play.Start")
        )
        with anyio.CancelScope() as scope:
            self._players[connection] = scope
            self._signal.changed()
            try:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(_notice_end, wire, scope)
                    with suppress(anyio.BrokenResourceError):
                        await self._broadcast(wire)
                    scope.cancel()
            finally:
                del self._players[connection]
                self._signal.changed()

    async def _broadcast(self, wire: Wire) -> None:
        viewing = Viewing(self._programmes, 0, max(0, self._live_ms() - self._burst_ms))
        sent = list(viewing.headers())
        while True:
            if self._stalled_s is None:
                sent += viewing.take(self._live_ms())
                await wire.send(*(Message(tag.kind, _STREAM, tag.body, at) for at, tag in sent))
                sent.clear()
            due_s = (viewing.at_ms - self._live_ms()) / 1000
            await anyio.sleep(max(_TICK_S, due_s))

    def _live_ms(self) -> int:
        return int((time.monotonic() - self._started_s) * 1000)


async def _notice_end(wire: Wire, scope: anyio.CancelScope) -> None:
    with suppress(anyio.BrokenResourceError):
        while True:
            await wire.receive()
    scope.cancel()


def _command(name: str, number: amf.Value, *values: amf.Value) -> Message:
    return Message(_COMMAND, 0, amf.encode(name, number, *values))


def _status(level: str, code: str) -> Message:
    about: dict[str, amf.Value] = {"level": level, "code": code, "description": code}
    return Message(_COMMAND, _STREAM, amf.encode("onStatus", 0.0, None, about))
