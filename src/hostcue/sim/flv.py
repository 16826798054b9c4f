"""An HTTP-FLV source on loopback: what a platform's CDN does, faults included.

Sockets are driven directly instead of through a web framework, because the faults worth having
(a reset, a silent line, an end in mid-tag) are below HTTP.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Literal, Self

import anyio

from hostcue.sim.media import Clip, Playhead, make_clip
from hostcue.sim.signal import Signal

# The room was live for a while before the first viewer comes, so that there is a past to burst.
_HEAD_START_S = 30.0
# Tags are sent in small batches; finer pacing than this costs CPU and no player notices.
_TICK_S = 0.04
_MAX_REQUEST_BYTES = 16 * 1024


class LiveFlv:
    """An endless live stream at `url`; every path that ends in `.flv` serves the same one.

    A viewer gets the headers and everything from the key frame `burst_s` before the live
    position at once, then the rest as it happens. Time stamps are those of one long broadcast:
    viewers who come later start at a later stamp.
    """

    def __init__(self, clip: Clip, listener: socket.socket, burst_s: float) -> None:
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/live/room.flv"
        self.connections = 0
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._clip = clip
        self._listener = listener
        self._burst_ms = round(burst_s * 1000)
        self._started_s = time.monotonic() - _HEAD_START_S
        self._stalled_s: float | None = None
        self._status: int | None = None
        self._location: str | None = None
        self._texts: dict[str, tuple[str, str]] = {}
        self._viewers: set[_Viewer] = set()
        self._signal = Signal()

    @classmethod
    @asynccontextmanager
    async def open(cls, clip: Clip | None = None, *, burst_s: float = 2.0) -> AsyncIterator[Self]:
        """Broadcast `clip` (default: `make_clip()`) over and over until the context ends."""
        if clip is None:
            clip = await anyio.to_thread.run_sync(make_clip)
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
            listener.setblocking(False)
            flv = cls(clip, listener, burst_s)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(flv._accept)
                yield flv
                tasks.cancel_scope.cancel()

    @property
    def viewers(self) -> int:
        """How many connections receive the stream now."""
        return len(self._viewers)

    async def wait_viewers(self, n: int) -> None:
        """Wait until exactly `n` connections receive the stream."""
        await self._signal.until(lambda: self.viewers == n)

    async def wait_connections(self, n: int) -> None:
        """Wait until the stream was asked for `n` times in all, refusals included."""
        await self._signal.until(lambda: self.connections >= n)

    def drop_line(self, how: Literal["eof", "reset"] = "eof") -> None:
        """Cut every viewer now, politely or by a TCP reset; the next connection works."""
        for viewer in self._viewers:
            viewer.cut(how)

    def stall(self) -> None:
        """Send nothing more, to present and coming viewers, and keep the sockets open."""
        if self._stalled_s is None:
            self._stalled_s = time.monotonic()

    def resume(self, *, catch_up: bool = True) -> None:
        """End a stall.

        With `catch_up` the network was slow: what was held back comes at once. Without, the
        source itself had paused: nothing is missing, and everything comes later from now on.
        """
        if self._stalled_s is None:
            return
        if not catch_up:
            self._started_s += time.monotonic() - self._stalled_s
        self._stalled_s = None

    def refuse(self, status: int | None) -> None:
        """Answer new connections with this HTTP status; None serves again."""
        self._status = status

    def redirect(self, to: str | None) -> None:
        """Answer new connections with 302 to this URL; None serves again."""
        self._location = to

    def shift_timestamps(self, by_ms: int) -> None:
        """Let the time stamps of the running connections jump, as an encoder restart does."""
        for viewer in self._viewers:
            viewer.shift_ms += by_ms

    def serve_text(
        self, path: str, body: str, content_type: str = "application/vnd.apple.mpegurl"
    ) -> str:
        """Serve a text at a path, such as a hostile playlist; returns its URL."""
        self._texts[path] = (body, content_type)
        return self.url.removesuffix("/live/room.flv") + path

    async def _accept(self) -> None:
        async with anyio.create_task_group() as tasks:
            while True:
                await anyio.wait_readable(self._listener)
                try:
                    connection, _ = self._listener.accept()
                except (BlockingIOError, ConnectionAbortedError):  # it went away again
                    continue
                tasks.start_soon(self._serve, connection)

    async def _serve(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        with connection, suppress(anyio.BrokenResourceError):
            method, target, headers = await _read_request(connection)
            self.requests.append((target, headers))
            path = target.partition("?")[0]
            if path in self._texts:
                await _send(connection, _answer(200, *self._texts[path]))
            elif not path.endswith(".flv"):
                await _send(connection, _answer(404))
            else:
                self.connections += 1
                await self._serve_stream(connection, send_body=method != "HEAD")

    async def _serve_stream(self, connection: socket.socket, *, send_body: bool) -> None:
        head = self._refusal() or (None if send_body else _STREAM_HEAD)
        if head is not None:
            self._signal.changed()
            await _send(connection, head)
            return
        viewer = _Viewer(connection)
        self._viewers.add(viewer)
        self._signal.changed()
        try:
            with viewer.scope:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(viewer.notice_end)
                    with suppress(anyio.BrokenResourceError):
                        await self._broadcast(viewer)
                    tasks.cancel_scope.cancel()
        finally:
            self._viewers.discard(viewer)
            self._signal.changed()

    def _refusal(self) -> bytes | None:
        if self._status is not None:
            return _answer(self._status)
        if self._location is not None:
            return _answer(302, location=self._location)
        return None

    async def _broadcast(self, viewer: _Viewer) -> None:
        """Send the stream to one viewer until its scope is cancelled."""
        flags = self._clip.has_audio << 2 | self._clip.has_video
        start = b"FLV\x01" + bytes((flags,)) + b"\x00\x00\x00\x09" + bytes(4)
        playhead = Playhead(self._clip, max(0, self._live_ms() - self._burst_ms))
        headers = (header.encode(playhead.at_ms) for header in self._clip.headers)
        await _send(viewer.connection, b"".join((_STREAM_HEAD, start, *headers)))
        while True:
            if self._stalled_s is None:
                batch = playhead.take(self._live_ms())
                tags = [tag.encode(at_ms + viewer.shift_ms) for at_ms, tag in batch]
                await _send(viewer.connection, b"".join(tags))
            due_s = (playhead.at_ms - self._live_ms()) / 1000
            await anyio.sleep(max(_TICK_S, due_s))

    def _live_ms(self) -> int:
        return int((time.monotonic() - self._started_s) * 1000)


class _Viewer:
    """One connection that receives the stream while `scope` lasts."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.shift_ms = 0
        self.scope = anyio.CancelScope()

    def cut(self, how: Literal["eof", "reset"]) -> None:
        if how == "reset":  # closing with linger 0 sends RST instead of FIN
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.scope.cancel()

    async def notice_end(self) -> None:
        """End the scope when the viewer leaves, which a stalled sender would not notice."""
        with suppress(anyio.BrokenResourceError):
            while True:
                await _receive(self.connection)
        self.scope.cancel()


_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nCache-Control: no-cache\r\n"
    b"Connection: close\r\n\r\n"
)


def _answer(
    status: int, body: str = "", content_type: str = "text/plain", *, location: str | None = None
) -> bytes:
    data = body.encode()
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(data)}",
        "Connection: close",
        *([f"Location: {location}"] if location else []),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


async def _read_request(connection: socket.socket) -> tuple[str, str, dict[str, str]]:
    """Method, target and headers (names in lower case)."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += await _receive(connection)
        if len(received) > _MAX_REQUEST_BYTES:
            raise anyio.BrokenResourceError
    first, *lines = received.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    method, target, *_ = (*first.split(" "), "")
    fields = (line.partition(":") for line in lines)
    return method, target, {name.lower(): value.strip() for name, _, value in fields}


async def _receive(connection: socket.socket) -> bytes:
    """What came, never nothing.

    Raises:
        BrokenResourceError: the other side is gone.
    """
    while True:
        try:
            received = connection.recv(4096)
        except BlockingIOError:
            await anyio.wait_readable(connection)
        except OSError:
            raise anyio.BrokenResourceError from None
        else:
            if not received:
                raise anyio.BrokenResourceError
            return received


async def _send(connection: socket.socket, data: bytes) -> None:
    """Send all of it.

    Raises:
        BrokenResourceError: the other side is gone.
    """
    left = memoryview(data)
    while left:
        try:
            left = left[connection.send(left) :]
        except BlockingIOError:
            await anyio.wait_writable(connection)
        except OSError:
            raise anyio.BrokenResourceError from None
