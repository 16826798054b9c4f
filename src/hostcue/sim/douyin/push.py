"""The push server: comments over a WebSocket, as strict about its clients as the platform is."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookies import SimpleCookie
from typing import Self
from urllib.parse import parse_qsl, urlsplit

import anyio
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from hostcue.platforms.douyin.pb import webcast_pb2 as pb
from hostcue.sim.douyin.broadcast import Broadcast, Rooms
from hostcue.sim.douyin.faults import PushRefusal
from hostcue.sim.douyin.signature import is_signed
from hostcue.sim.douyin.viewer import Line, Viewer
from hostcue.sim.signal import Signal

_PATH = "/webcast/im/push/v2/"
_REMEMBERED = 10_000  # handshakes


class PushServer:
    """Serves the viewers of all rooms, each in the handler that `websockets` runs for it."""

    def __init__(self, rooms: Rooms, *, ping_s: float, pong_within_s: float) -> None:
        self.signal = Signal()
        self.viewers: set[Viewer] = set()
        self.url = ""
        self._rooms = rooms
        self._ping_s, self._pong_within_s = ping_s, pong_within_s

    @classmethod
    @asynccontextmanager
    async def open(
        cls, rooms: Rooms, *, ping_s: float, pong_within_s: float
    ) -> AsyncIterator[Self]:
        """Listen until the context ends."""
        push = cls(rooms, ping_s=ping_s, pong_within_s=pong_within_s)
        server = await serve(
            push._serve,
            "127.0.0.1",
            0,
            process_request=push._check,
            create_connection=Line,
            compression=None,
            ping_interval=None,  # pings are the viewer's: who misses one is cut without a word
            close_timeout=1,
        )
        push.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        try:
            yield push
        finally:
            server.close()
            with anyio.CancelScope(shield=True):
                await server.wait_closed()

    def of(self, room: Broadcast) -> list[Viewer]:
        """Who watches a room, its present broadcast or an earlier one."""
        return [viewer for viewer in self.viewers if viewer.broadcast is room]

    def publish(
        self, room: Broadcast, message: pb.Message | bytes, *, number: int | None = None
    ) -> None:
        """Give a message, or a raw frame, to everyone who watches the room's present broadcast.

        `number` is the one under which it is kept, if it is.
        """
        if room.faults.is_stalled:
            return
        for viewer in self.of(room):
            if viewer.room_id == room.room_id:
                viewer.give(message, number=number)

    def drop(self, room: Broadcast, code: int) -> None:
        """Close every connection with this code, or cut it when the code is 1006.

        What was published before is sent before.
        """
        for viewer in self.of(room):
            viewer.give(code)

    def _check(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse the handshake the way the platform does: HTTP 200 and two headers."""
        url = urlsplit(request.path)
        if url.path != _PATH:
            return connection.respond(404, "")
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        cookies = cookies_of(request)
        room = self._rooms.by_room_id(query.get("room_id", ""))
        why = _refusal(room, query, cookies)
        room.seen.handshakes.append((time.monotonic(), query, cookies))
        del room.seen.handshakes[:-_REMEMBERED]
        if why is None:
            room.seen.identities |= _identities(query, cookies)
            return None
        room.seen.refusals += 1
        self.signal.changed()
        if why != "blocked":
            return connection.respond(int(why), "")
        refusal = connection.respond(200, "")
        refusal.headers["handshake-msg"] = "DEVICE_BLOCKED"
        refusal.headers["handshake-status"] = "415"
        return refusal

    async def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None  # noqa: S101 - set since the handshake
        assert isinstance(connection, Line)  # noqa: S101 - made by `create_connection`
        query = dict(parse_qsl(urlsplit(connection.request.path).query))
        room = self._rooms.by_room_id(query.get("room_id", ""))
        viewer = Viewer(
            self.signal,
            room,
            connection,
            query,
            is_guest="sessionid" not in cookies_of(connection.request),
            ping_s=self._ping_s,
            pong_within_s=self._pong_within_s,
        )
        room.seen.connections += 1
        self.viewers.add(viewer)
        self.signal.changed()
        try:
            await viewer.run()
        finally:
            self.viewers.discard(viewer)
            self.signal.changed()


def cookies_of(request: Request) -> dict[str, str]:
    """The cookies of a handshake."""
    found = SimpleCookie("; ".join(request.headers.get_all("Cookie")))
    return {name: morsel.value for name, morsel in found.items()}


def _refusal(room: Broadcast, query: dict[str, str], cookies: dict[str, str]) -> PushRefusal | None:
    if room.faults.push_refusal is not None:
        return room.faults.push_refusal
    is_blocked = bool(room.faults.blocked_identities & _identities(query, cookies))
    return None if "ttwid" in cookies and is_signed(query) and not is_blocked else "blocked"


def _identities(query: dict[str, str], cookies: dict[str, str]) -> set[str]:
    return {f"uid {query.get('user_unique_id', '')}", f"ttwid {cookies.get('ttwid', '')}"}
