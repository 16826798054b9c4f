"""A pretend mirror of model files: plain HTTP with ranges, and with all that can go wrong.

It also answers as a proxy, so that a test can see whether one was used.
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

import anyio
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

_RANGE = re.compile(r"bytes=(\d+)-")
_PIECE = 16_384


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came; `begin` is None where no range was asked for."""

    target: str
    path: str
    begin: int | None
    headers: Mapping[str, str]


@dataclass
class ModelMirror:
    """Serves `files`, by path; the faults hold for the requests that come after they are set.

    `status` answers all with an error; `ranges` False ignores ranges; `cut_at` ends the body of a
    file there, closing the connection as if it were whole where `length` is False, else breaking
    it off; `reset_at` resets the connection; `stall_at` falls silent; `once` heals a fault after
    one request. All places count from the file's beginning.
    """

    port: int
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    status: int = 0
    ranges: bool = True
    length: bool = True
    cut_at: int | None = None
    reset_at: int | None = None
    stall_at: int | None = None
    once: bool = False
    redirect: str = ""
    asked: list[Asked] = field(default_factory=list[Asked])
    _news: anyio.Event = field(default_factory=anyio.Event)

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @classmethod
    @asynccontextmanager
    async def open(cls, files: Mapping[str, bytes] | None = None) -> AsyncIterator[Self]:
        """One that serves while the context lasts."""
        async with await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0) as server:
            mirror = cls(server.extra(SocketAttribute.local_port), dict(files or {}))  # noqa: S610 - not Django's
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(server.serve, mirror._serve)
                yield mirror
                tasks.cancel_scope.cancel()

    def heal(self) -> None:
        """No fault from now on."""
        self.status, self.redirect, self.ranges, self.length = 0, "", True, True
        self.cut_at = self.reset_at = self.stall_at = None

    async def wait_asked(self, count: int) -> Asked:
        """The request of that number, from 1, once it has come."""
        while len(self.asked) < count:
            await self._news.wait()
        return self.asked[count - 1]

    async def _serve(self, client: SocketStream) -> None:
        async with client:
            head = await BufferedByteReceiveStream(client).receive_until(b"\r\n\r\n", 65_536)
            asked = _read(head.decode("latin-1"))
            self.asked.append(asked)
            news, self._news = self._news, anyio.Event()
            news.set()
            try:
                await self._answer(client, asked)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                return  # whoever asked is gone

    async def _answer(self, client: SocketStream, asked: Asked) -> None:
        status, body = self.status, self.files.get(asked.path)
        if self.redirect:
            place = f"Location: {self.redirect}{asked.path}\r\n"
            await client.send(f"HTTP/1.1 302 There\r\n{place}Content-Length: 0\r\n\r\n".encode())
            return
        if status or body is None:
            line = f"HTTP/1.1 {status or 404} No"
            await client.send(f"{line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            if self.once:
                self.heal()
            return
        begin = asked.begin if self.ranges and asked.begin is not None else 0
        await client.send(self._head(body, begin, ranged=self.ranges and asked.begin is not None))
        await self._send_body(client, body, begin)

    def _head(self, body: bytes, begin: int, *, ranged: bool) -> bytes:
        lines = ["HTTP/1.1 206 Part" if ranged else "HTTP/1.1 200 Whole", "Connection: close"]
        if self.length:
            lines.append(f"Content-Length: {len(body) - begin}")
        if ranged:
            lines.append(f"Content-Range: bytes {begin}-{len(body) - 1}/{len(body)}")
        return "\r\n".join([*lines, "", ""]).encode()

    async def _send_body(self, client: SocketStream, body: bytes, begin: int) -> None:
        faults = (self.cut_at, self.reset_at, self.stall_at)
        end = min((at for at in faults if at is not None), default=len(body))
        reset, stall = self.reset_at is not None, self.stall_at is not None
        if self.once:
            self.heal()
        for at in range(begin, end, _PIECE):
            await client.send(body[at : min(at + _PIECE, end)])
        if stall:
            await anyio.sleep_forever()
        if reset:
            raw = client.extra(SocketAttribute.raw_socket)  # noqa: S610 - not Django's
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _read(head: str) -> Asked:
    request, *lines = head.split("\r\n")
    target = request.split()[1]
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    found = _RANGE.match(headers.get("range", ""))
    return Asked(target, urlsplit(target).path, int(found[1]) if found else None, headers)
