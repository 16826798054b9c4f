"""A live RTSP source on loopback (RFC 2326), its RTP packets inside the same connection."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal, Self
from urllib.parse import urlsplit

import anyio

from hostcue.sim.connection import accept, read_request, receive, send
from hostcue.sim.media import Clip, make_clip
from hostcue.sim.programme import Programme, Viewing
from hostcue.sim.rtp import Packetizer, packetizers
from hostcue.sim.signal import Signal

_HEAD_START_S = 30.0
_TICK_S = 0.04
_SESSION = "Session: 4711;timeout=60"
_REASONS = {200: "OK", 302: "Found", 404: "Not Found", 461: "Unsupported Transport"}


class LiveRtsp:
    """An endless live stream at `url`; anything else is not found. TCP only, as through firewalls.

    A player gets everything from the last key frame at once, then the rest as it happens.
    """

    def __init__(self, clip: Clip, listener: socket.socket) -> None:
        self.url = f"rtsp://127.0.0.1:{listener.getsockname()[1]}/live/room"
        self.connections = 0
        self.methods: list[str] = []
        self._clip = clip
        self._programmes = [Programme(clip, 0)]
        self._started_s = time.monotonic() - _HEAD_START_S
        self._stalled_s: float | None = None
        self._location: str | None = None
        self._players: dict[socket.socket, anyio.CancelScope] = {}
        self._signal = Signal()

    @classmethod
    @asynccontextmanager
    async def open(cls, clip: Clip | None = None) -> AsyncIterator[Self]:
        """Broadcast `clip` (default: `make_clip()`) over and over until the context ends."""
        if clip is None:
            clip = await anyio.to_thread.run_sync(make_clip)
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
            listener.setblocking(False)
            rtsp = cls(clip, listener)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(accept, listener, rtsp._serve)
                yield rtsp
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

    def redirect(self, to: str | None) -> None:
        """Send who asks for the stream to this URL; None serves again."""
        self._location = to

    async def _serve(self, connection: socket.socket) -> None:
        self.connections += 1
        tracks = packetizers(self._clip)
        while True:
            method, target, headers = await read_request(connection)
            self.methods.append(method)
            status, lines, body = self._reply(method, target, headers, tracks)
            head = [f"RTSP/1.0 {status} {_REASONS[status]}", f"CSeq: {headers.get('cseq', '0')}"]
            if body:
                lines.append(f"Content-Length: {len(body)}")
            await send(connection, "\r\n".join((*head, *lines, "", body)).encode())
            if method == "PLAY" and status == 200:
                await self._play(connection, tracks)
                return
            if method == "TEARDOWN":
                return

    def _reply(
        self, method: str, target: str, headers: dict[str, str], tracks: list[Packetizer]
    ) -> tuple[int, list[str], str]:
        """Status, headers and body."""
        path, here = urlsplit(target).path, urlsplit(self.url).path
        if method == "OPTIONS":
            return 200, ["Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"], ""
        if self._location is not None:
            return 302, [f"Location: {self._location}"], ""
        if not path.startswith(here):
            return 404, [], ""
        match method:
            case "DESCRIBE":
                described = [f"Content-Base: {target}/", "Content-Type: application/sdp"]
                return 200, described, self._description(tracks)
            case "SETUP" if "RTP/AVP/TCP" in headers.get("transport", ""):
                number = int(path[-1]) * 2 if path[-1].isdigit() else 0
                transport = f"Transport: RTP/AVP/TCP;unicast;interleaved={number}-{number + 1}"
                return 200, [transport, _SESSION], ""
            case "SETUP":
                return 461, [], ""
            case "PLAY":
                begins_ms = self._view().at_ms
                where = ",".join(
                    f"url={target}/track{track.channel};seq={track.next_number};"
                    f"rtptime={track.stamp(begins_ms)}"
                    for track in tracks
                )
                return 200, [_SESSION, f"RTP-Info: {where}"], ""
            case _:
                return 200, [_SESSION], ""

    def _description(self, tracks: list[Packetizer]) -> str:
        session = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=live\r\nt=0 0\r\na=control:*\r\n"
        return session + "".join(track.description for track in tracks)

    async def _play(self, connection: socket.socket, tracks: list[Packetizer]) -> None:
        with anyio.CancelScope() as scope:
            self._players[connection] = scope
            self._signal.changed()
            try:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._listen, connection, scope)
                    with suppress(anyio.BrokenResourceError):
                        await self._broadcast(connection, tracks)
                    scope.cancel()
            finally:
                del self._players[connection]
                self._signal.changed()

    async def _listen(self, connection: socket.socket, scope: anyio.CancelScope) -> None:
        """Until the player goes; what it says meanwhile keeps the session alive, no more."""
        with suppress(anyio.BrokenResourceError):
            while b"TEARDOWN" not in await receive(connection):
                pass
        scope.cancel()

    async def _broadcast(self, connection: socket.socket, tracks: list[Packetizer]) -> None:
        viewing, of_kind = self._view(), {track.kind: track for track in tracks}
        while True:
            if self._stalled_s is None:
                packets = (
                    packet
                    for at_ms, tag in viewing.take(self._live_ms())
                    for packet in of_kind[tag.kind].packets(at_ms, tag)
                )
                await send(connection, b"".join(packets))
            due_s = (viewing.at_ms - self._live_ms()) / 1000
            await anyio.sleep(max(_TICK_S, due_s))

    def _view(self) -> Viewing:
        return Viewing(self._programmes, 0, self._live_ms())

    def _live_ms(self) -> int:
        return int((time.monotonic() - self._started_s) * 1000)
