"""RTMP's messages on the wire (Adobe's specification 1.0, chapters 5 and 6)."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

import anyio

from hostcue.sim.connection import receive, send

_VERSION = 3
_GREETING = 1536
_CHUNK = 4096
_SET_CHUNK_SIZE = 1
_EXTENDED = 0xFFFFFF
_HEADER_BYTES = (11, 7, 3, 0)
_LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Message:
    """`kind` is the type id; 8, 9 and 18 hold what FLV tags of that kind hold."""

    kind: int
    stream: int
    body: bytes
    at_ms: int = 0


@dataclass(slots=True)
class _Incoming:
    kind: int = 0
    stream: int = 0
    size: int = 0
    at_ms: int = 0
    extended: bool = False
    body: bytes = b""


class Wire:
    """The server's end of a connection, after the handshake."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._received = b""
        self._chunk = 128
        self._incoming: dict[int, _Incoming] = {}

    async def shake_hands(self) -> None:
        """The plain handshake; digests are for Flash players."""
        greeting = await self._take(1 + _GREETING)
        own = bytes(8) + os.urandom(_GREETING - 8)
        await send(self._connection, bytes((_VERSION,)) + own + greeting[1:])
        await self._take(_GREETING)
        await self.send(Message(_SET_CHUNK_SIZE, 0, _CHUNK.to_bytes(4)))

    async def send(self, *messages: Message) -> None:
        """Send whole messages, each in chunks of its own."""
        await send(self._connection, b"".join(map(_pack, messages)))

    async def receive(self) -> Message:
        """The next message, except for those that set the size of chunks.

        Raises:
            BrokenResourceError: the other side is gone, or sends nonsense.
        """
        while True:
            message = await self._chunked()
            if message is not None and message.kind == _SET_CHUNK_SIZE:
                self._chunk = max(1, int.from_bytes(message.body[:4]))
            elif message is not None:
                return message

    async def _chunked(self) -> Message | None:
        """Read one chunk; the message that it completes."""
        first = (await self._take(1))[0]
        number = first & 0x3F
        if number < 2:
            more = await self._take(number + 1)
            number = 64 + int.from_bytes(more, "little")
        state = self._incoming.setdefault(number, _Incoming())
        await self._header(state, _HEADER_BYTES[first >> 6])
        state.body += await self._take(min(self._chunk, state.size - len(state.body)))
        if len(state.body) < state.size:
            return None
        body, state.body = state.body, b""
        return Message(state.kind, state.stream, body, state.at_ms)

    async def _header(self, state: _Incoming, size: int) -> None:
        head = await self._take(size)
        if size >= 3:
            state.at_ms = int.from_bytes(head[:3])
            state.extended = state.at_ms == _EXTENDED
        if size >= 7:
            state.size, state.kind = int.from_bytes(head[3:6]), head[6]
        if size == 11:
            state.stream = int.from_bytes(head[7:], "little")
        if state.extended:
            state.at_ms = int.from_bytes(await self._take(4))
        if state.size > _LARGEST:
            raise anyio.BrokenResourceError

    async def _take(self, size: int) -> bytes:
        while len(self._received) < size:
            self._received += await receive(self._connection)
        data, self._received = self._received[:size], self._received[size:]
        return data


def _pack(message: Message) -> bytes:
    number = {8: 4, 9: 6, 18: 5}.get(message.kind, 3 if message.stream == 0 else 5)
    at_ms = message.at_ms & 0xFFFFFFFF
    late = at_ms.to_bytes(4) if at_ms >= _EXTENDED else b""
    head = b"".join(
        (
            bytes((number,)),
            min(at_ms, _EXTENDED).to_bytes(3),
            len(message.body).to_bytes(3),
            bytes((message.kind,)),
            message.stream.to_bytes(4, "little"),
            late,
        )
    )
    again = bytes((0xC0 | number,)) + late
    body = message.body
    return head + again.join(body[at : at + _CHUNK] for at in range(0, len(body), _CHUNK))
