"""Who we are to Douyin: what it tells us of a room, and the lines it opens for us."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

import anyio
import structlog

from hostcue.comments.backlog import Backlog
from hostcue.comments.douyin.address import Resume, push_servers, push_url
from hostcue.comments.douyin.inbox import Inbox
from hostcue.comments.douyin.line import Line, open_line
from hostcue.comments.douyin.wire import parse
from hostcue.errors import (
    AuthRequired,
    Blocked,
    RateLimited,
    RoomNotFound,
    RoomOffline,
    TransportFailed,
    UpstreamChanged,
)
from hostcue.model.clock import now_ms
from hostcue.model.room import Room
from hostcue.platforms.douyin.pb import webcast_pb2 as pb
from hostcue.platforms.douyin.signing import ws_signature
from hostcue.platforms.douyin.web import DouyinWeb

log = structlog.get_logger(__name__)

PASSING = (TransportFailed, RateLimited, UpstreamChanged)
"""Failures that may be gone on the next attempt."""

_HTTP_S = 15.0
_Answer = TypeVar("_Answer")


class Visitor:
    """One visit to a room, under one identity; a refusal is answered by a new one, once.

    What the platform hands over on arrival goes through the inbox into the backlog.
    """

    def __init__(
        self,
        room: Room,
        inbox: Inbox,
        backlog: Backlog,
        *,
        web: DouyinWeb,
        push_url: str,
        open_timeout_s: float,
    ) -> None:
        self._room = room
        self._inbox = inbox
        self._backlog = backlog
        self._web = web
        self._push_url = push_url.rstrip("/")
        self._servers = (self._push_url,) if push_url else push_servers(())
        self._open_timeout_s = open_timeout_s
        self._renewed = False
        self.dials = 0

    def welcomed(self) -> None:
        """Messages come: a later refusal is a new one."""
        self._renewed = False

    async def check_live(self) -> None:
        """Ask, without insisting on a fresh answer.

        Raises:
            RoomError: the platform says positively that there is nothing to hear.
        """
        try:
            await _in_time(self._web.enter(self._room.live_id))
        except (Blocked, AuthRequired, *PASSING) as exc:
            log.info("room_state_unknown", error=exc.code)

    async def is_offline(self) -> bool:
        """Whether the platform says now that this broadcast is over; no answer is no.

        Raises:
            Blocked: the platform refuses our new identity too.
            AuthRequired: only a logged-in cookie helps.
        """
        try:
            try:
                broadcast = await _in_time(self._web.enter(self._room.live_id, fresh=True))
            except Blocked as exc:
                if exc.retry_after_s is None:  # else it was not asked
                    await self._renew_identity(exc)
                return False
        except (RoomOffline, RoomNotFound):
            return True
        except PASSING:
            return False
        return broadcast.room_id != self._room.room_id  # the host has begun another broadcast

    async def dial(self) -> Line:
        """An open line.

        Raises:
            Blocked: the platform refuses our new identity too.
            AuthRequired: only a logged-in cookie helps.
            TransportFailed: no server could be reached.
        """
        while True:
            try:
                if not self._inbox.resume.cursor:
                    await self._first_fetch()
                return await self._try_servers()
            except Blocked as exc:
                await self._renew_identity(exc)

    async def _try_servers(self) -> Line:
        identity = self._web.identity
        headers = {
            "Cookie": await _in_time(identity.cookie_header()),
            "Referer": "https://live.douyin.com/",
        }
        failure = TransportFailed("Douyin names no comment server")
        for server in self._servers:
            self.dials += 1
            url = push_url(
                server,
                room_id=self._room.room_id,
                user_unique_id=identity.user_unique_id,
                user_agent=identity.user_agent,
                resume=self._inbox.resume,
                signature=ws_signature(
                    self._room.room_id, identity.user_unique_id, counter=self.dials
                ),
            )
            try:
                return await open_line(
                    url,
                    headers=headers,
                    user_agent=identity.user_agent,
                    proxy=self._web.proxies.for_url(url),
                    timeout_s=self._open_timeout_s,
                )
            except TransportFailed as exc:
                failure = exc
        raise failure

    async def _first_fetch(self) -> None:
        """Learn where to go on from, and from which servers; doing without works too.

        Raises:
            Blocked: the platform refuses us.
            AuthRequired: only a logged-in cookie helps.
        """
        try:
            data = await _in_time(self._web.first_fetch(self._room.room_id))
            response = parse(pb.Response, data)
        except PASSING as exc:
            log.warning("first_fetch_failed", error=exc.code)
            return
        except Blocked as exc:
            if exc.retry_after_s is None:
                raise
            log.warning("first_fetch_failed", error=exc.code)  # it was not asked: the line may be
            return
        if not self._push_url:
            named = (response.push_server_v2, response.push_server, response.proxy_server)
            self._servers = push_servers(named)
        # The cursor lies behind these messages: they will not come again.
        for event in self._inbox.read_response(response, now_ms()):
            await self._backlog.put(event)

    async def _renew_identity(self, refusal: Blocked) -> None:
        if self._renewed:
            raise refusal
        log.warning("douyin_identity_renewed", error=refusal.message)
        self._inbox.resume = Resume()  # it names the old visitor
        await _in_time(self._web.identity.renew())
        self._renewed = True


async def _in_time(answer: Awaitable[_Answer]) -> _Answer:
    try:
        with anyio.fail_after(_HTTP_S):
            return await answer
    except TimeoutError:
        raise TransportFailed("Douyin's web server does not answer") from None
