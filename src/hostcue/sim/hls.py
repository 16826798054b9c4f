"""A live HLS source on loopback: a playlist that moves, its pieces, and faults of both."""

from __future__ import annotations

import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Literal, Self

import anyio

from hostcue.sim.connection import accept, read_request, send
from hostcue.sim.hls_broadcast import HlsBroadcast
from hostcue.sim.media import Clip, make_clip
from hostcue.sim.pieces import Kind
from hostcue.sim.signal import Signal

_TYPES = {".m3u8": "application/vnd.apple.mpegurl", ".ts": "video/mp2t", ".mp4": "video/mp4"}
_MASTER = b"""#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=400000,RESOLUTION=160x288,CODECS="avc1.42,mp4a.40.2"
low.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2400000,RESOLUTION=720x1280,CODECS="avc1.42,mp4a.40.2"
room.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=360x640
medium.m3u8
"""
_SLICES = 20  # a trickling answer comes in so many parts


class LiveHls(HlsBroadcast):
    """A media playlist at `url` that names the newest pieces; `master_url` leads there too.

    Connections are kept for as many requests as come.
    """

    def __init__(
        self, clip: Clip, listener: socket.socket, kind: Kind, piece_s: float, listed: int
    ) -> None:
        base = f"http://127.0.0.1:{listener.getsockname()[1]}/live"
        super().__init__(clip, base, kind, piece_s, listed)
        self.url = f"{base}/room.m3u8"
        self.master_url = f"{base}/master.m3u8"
        self.connections = 0
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._refused: tuple[int, str] | None = None
        self._share: float | None = None
        self._tears = 0
        self._open: set[socket.socket] = set()
        self._signal = Signal()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        clip: Clip | None = None,
        *,
        kind: Kind = "ts",
        piece_s: float = 1.0,
        listed: int = 5,
    ) -> AsyncIterator[Self]:
        """Broadcast `clip` over and over; `piece_s` fits into it, and into its groups of pictures.

        The playlist lists the newest `listed` pieces.
        """
        if clip is None:
            clip = await anyio.to_thread.run_sync(make_clip)
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
            listener.setblocking(False)
            hls = cls(clip, listener, kind, piece_s, listed)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(accept, listener, hls._serve)
                yield hls
                tasks.cancel_scope.cancel()

    def asked_for(self, ending: str) -> list[str]:
        """The paths with this ending that were asked for, in order."""
        paths = (target.partition("?")[0] for target, _ in self.requests)
        return [path for path in paths if path.endswith(ending)]

    async def wait_requests(self, n: int) -> None:
        """Wait until there were so many requests in all."""
        await self._signal.until(lambda: len(self.requests) >= n)

    def drop_line(self, how: Literal["eof", "reset"] = "eof") -> None:
        """Cut every connection now; the next one works."""
        for connection in self._open:
            if how == "reset":
                _reset_on_close(connection)
            connection.shutdown(socket.SHUT_RDWR)

    def tear_pieces(self, count: int) -> None:
        """Break off the next answers with a piece in their middle, by a reset."""
        self._tears = count

    def refuse(self, status: int | None, *, what: Literal["", ".m3u8", ".ts", ".mp4"] = "") -> None:
        """Answer with this status whatever ends in `what`; None serves again."""
        self._refused = None if status is None else (status, what)

    def trickle(self, share: float | None) -> None:
        """Send pieces at this share of the pace at which they are made; None sends at once."""
        self._share = share

    def sign(self, url: str) -> str:
        """This URL of ours as the platform gives it out: with an end and a signature."""
        return self._signer.sign(url)

    def sign_urls(self, life_s: float | None) -> None:
        """Sign for so long (whole seconds, rounded up), and answer 403 to any other URL."""
        self._signer.enforce(life_s)

    def expire_urls(self) -> None:
        """Let every URL that was signed so far have come to its end."""
        self._signer.expire()

    async def _serve(self, connection: socket.socket) -> None:
        self.connections += 1
        self._open.add(connection)
        try:
            while True:
                _, target, headers = await read_request(connection)
                self.requests.append((target, headers))
                self._signal.changed()
                await self._answer(connection, target)
                if headers.get("connection", "").lower() == "close":
                    return
        finally:
            self._open.discard(connection)

    async def _answer(self, connection: socket.socket, target: str) -> None:
        path = PurePosixPath(target.partition("?")[0])
        status, body = self._find(target, path)
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
            f"Content-Type: {_TYPES.get(path.suffix, 'text/plain')}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode()
        is_piece = path.stem.isdigit() and status == 200
        if is_piece and self._tears:
            self._tears -= 1
            await send(connection, head + body[: len(body) // 2])
            _reset_on_close(connection)
            raise anyio.BrokenResourceError
        if is_piece and self._share is not None:
            await self._drip(connection, head, body, self._share)
        else:
            await send(connection, head + body)

    async def _drip(
        self, connection: socket.socket, head: bytes, body: bytes, share: float
    ) -> None:
        await send(connection, head)
        size = -(-len(body) // _SLICES)
        for at in range(0, len(body), size):
            await anyio.sleep(self._piece_ms / 1000 / share / _SLICES)
            await send(connection, body[at : at + size])

    def _find(self, target: str, path: PurePosixPath) -> tuple[int, bytes]:
        if self._refused is not None and path.name.endswith(self._refused[1]):
            return self._refused[0], b""
        if not self._signer.admits(target):
            return 403, b""
        if path.name == "master.m3u8":
            return 200, _MASTER
        if path.suffix == ".m3u8":
            return 200, self.playlist().encode()
        if path.stem.startswith("init"):
            return 200, self.init(int(path.stem.removeprefix("init")))
        return self.media(int(path.stem)) if path.stem.isdigit() else (404, b"")


def _reset_on_close(connection: socket.socket) -> None:
    """Closing with linger 0 sends RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
