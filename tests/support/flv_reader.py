"""A player that looks at the tags of a live FLV stream, and notes when each arrives."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import anyio
import anyio.abc
from anyio.streams.buffered import BufferedByteReceiveStream

AUDIO, VIDEO = 8, 9


@dataclass(frozen=True)
class Arrival:
    at_s: float
    kind: int
    ts_ms: int
    body: bytes

    @property
    def is_key(self) -> bool:
        return self.kind == VIDEO and self.body[0] >> 4 & 7 == 1 and not self.is_header

    @property
    def is_header(self) -> bool:
        enhanced = self.kind == VIDEO and self.body[0] & 0x80
        return (self.body[0] & 15 if enhanced else self.body[1]) in ({0, 4} if enhanced else {0})


class Reader:
    """A player that only looks at the tags."""

    def __init__(self, stream: anyio.abc.SocketStream) -> None:
        self._bytes = BufferedByteReceiveStream(stream)

    async def head(self) -> bytes:
        return await self._bytes.receive_until(b"\r\n\r\n", 4096)

    async def start(self) -> bytes:
        await self.head()
        return await self._bytes.receive_exactly(13)

    async def tag(self) -> Arrival:
        head = await self._bytes.receive_exactly(11)
        size = int.from_bytes(head[1:4])
        body = await self._bytes.receive_exactly(size)
        assert int.from_bytes(await self._bytes.receive_exactly(4)) == 11 + size
        ts_ms = int.from_bytes(head[7:8] + head[4:7])
        return Arrival(time.monotonic(), head[0], ts_ms, body)

    async def media(self, n: int) -> list[Arrival]:
        found: list[Arrival] = []
        while len(found) < n:
            tag = await self.tag()
            if tag.kind in {AUDIO, VIDEO} and not tag.is_header:
                found.append(tag)
        return found

    async def end(self) -> type[Exception]:
        """How the connection ends."""
        while True:
            try:
                await self.tag()
            except (anyio.IncompleteRead, anyio.EndOfStream, anyio.BrokenResourceError) as end:
                return type(end)


@asynccontextmanager
async def read(url: str) -> AsyncIterator[Reader]:
    parts = urlsplit(url)
    async with await anyio.connect_tcp(parts.hostname or "", parts.port or 0) as stream:
        query = f"?{parts.query}" if parts.query else ""
        await stream.send(f"GET {parts.path}{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        yield Reader(stream)
