"""The way by the push socket, the one that the room's page takes: a few seconds ahead of others."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import structlog

from hostcue.comments.douyin.address import Resume, push_servers, push_url
from hostcue.comments.douyin.inbox import Delivery
from hostcue.comments.douyin.line import open_line
from hostcue.comments.douyin.signer import OwnSigner, Signer
from hostcue.comments.douyin.visitor import in_time
from hostcue.comments.douyin.ways import Connection, Visit
from hostcue.comments.douyin.wire import HEARTBEAT, parse
from hostcue.comments.line import Line
from hostcue.errors import TransportFailed, UpstreamError
from hostcue.model.comment import Way
from hostcue.platforms.douyin.pb import webcast_pb2 as pb

log = structlog.get_logger(__name__)


class WebsocketWay:
    """The `CommentWay` by the push socket.

    Args:
        signer: signs each connection; by default hostcue itself.
        push_url: `ws(s)://host:port` of the push server; empty: those the platform names.
        heartbeat_s: between two heartbeats; without them the server hangs up after 20 to 30 s.
        open_timeout_s: for one handshake.
    """

    name: Way = "websocket"

    def __init__(
        self,
        signer: Signer | None = None,
        *,
        push_url: str = "",
        heartbeat_s: float = 10.0,
        open_timeout_s: float = 10.0,
    ) -> None:
        self._signer = signer or OwnSigner()
        self._push_url = push_url.rstrip("/")
        self._heartbeat_s = heartbeat_s
        self._open_timeout_s = open_timeout_s

    @asynccontextmanager
    async def open(self, visit: Visit) -> AsyncGenerator[Connection]:
        """See `CommentWay.open`."""
        visitor = visit.visitor
        first = None if visit.resume.cursor else await self._first_fetch(visit)
        line = await self._dial(visit, first)
        connection = _Connection(visit, line, first, visitor)
        error: Exception | None = None
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._beat, line)
                try:
                    yield connection
                except Exception as exc:  # noqa: BLE001 - the user's own, which leaves as it is
                    error = exc
                tasks.cancel_scope.cancel()
        finally:
            if not connection.has_spoken:
                _put_last(visit)  # maybe the next server has more to say
            await line.close()
        if error is not None:
            raise error

    async def _beat(self, line: Line) -> None:
        try:
            while True:
                await line.send(HEARTBEAT)
                await anyio.sleep(self._heartbeat_s)
        except TransportFailed:
            await line.close()  # which the reader of the line notices

    async def _first_fetch(self, visit: Visit) -> pb.Response | None:
        """Learn where to go on from, and from which servers; doing without works too.

        Its messages are not read into the inbox before there is somebody to take them.
        """
        try:
            response = parse(pb.Response, await in_time(visit.web.fetch(visit.room.room_id)))
        except UpstreamError as exc:  # where asking is refused, the socket may not be
            log.warning("first_fetch_failed", error=exc.code)
            return None
        if not self._push_url:
            named = (response.push_server_v2, response.push_server, response.proxy_server)
            visit.push_servers = push_servers(named)
        return response

    async def _dial(self, visit: Visit, first: pb.Response | None) -> Line:
        """A line to the first server that takes us."""
        if self._push_url:
            visit.push_servers = (self._push_url,)
        elif not visit.push_servers:
            visit.push_servers = push_servers(())
        resume = Resume(first.cursor, first.internal_ext) if first else visit.resume
        failure = TransportFailed("Douyin names no comment server")
        for place in range(len(visit.push_servers)):
            if place:
                await visit.turn()
            try:
                return await self._open_line(visit, resume)
            except TransportFailed as exc:
                log.info("comment_server_failed", room=visit.room.live_id, error=exc.message)
                failure = exc
                _put_last(visit)
        raise failure

    async def _open_line(self, visit: Visit, resume: Resume) -> Line:
        visit.dials += 1
        identity = visit.web.identity
        cookie = await in_time(identity.cookie_header())
        signature = await self._signer.sign(
            visit.room.room_id,
            identity.user_unique_id,
            user_agent=identity.user_agent,
            counter=visit.dials,
        )
        url = push_url(
            visit.push_servers[0],
            room_id=visit.room.room_id,
            user_unique_id=identity.user_unique_id,
            user_agent=identity.user_agent,
            resume=resume,
            signature=signature,
        )
        return await open_line(
            url,
            headers={"Cookie": cookie, "Referer": "https://live.douyin.com/"},
            user_agent=identity.user_agent,
            proxy=visit.web.proxies.for_url(url),
            timeout_s=self._open_timeout_s,
        )


class _Connection:
    """The `Connection` by a line; what a frame wants answered is answered before the next."""

    def __init__(self, visit: Visit, line: Line, first: pb.Response | None, visitor: str) -> None:
        self.has_spoken = False
        self._visitor = visitor
        self._visit = visit
        self._line = line
        self._first = first
        self._owed: bytes | None = None

    async def receive(self) -> Delivery:
        """See `Connection.receive`."""
        if self._first is not None:
            first, self._first = self._first, None
            # The line goes on behind these: they will not come again.
            return Delivery(self._visit.read_response(first, visitor=self._visitor))
        if self._owed is not None:
            owed, self._owed = self._owed, None
            await self._line.send(owed)
        frame = await self._line.receive()
        delivery = self._visit.read_frame(frame, visitor=self._visitor)
        self._owed = delivery.reply
        self.has_spoken = self.has_spoken or delivery.spoke
        return delivery


def _put_last(visit: Visit) -> None:
    """Try the server that did not serve after all others."""
    visit.push_servers = (*visit.push_servers[1:], *visit.push_servers[:1])
