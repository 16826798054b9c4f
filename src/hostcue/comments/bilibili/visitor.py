"""One visit to a Bilibili room: what is asked about it, and the way to an admitted line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import structlog

from hostcue.comments.bilibili.line import open_line
from hostcue.comments.bilibili.packets import ASKED_VERSION
from hostcue.comments.line import Line
from hostcue.errors import (
    AuthRequired,
    Blocked,
    RateLimited,
    RoomNotFound,
    RoomOffline,
    TransportFailed,
    UpstreamChanged,
)
from hostcue.model.room import Room
from hostcue.platforms.bilibili.web import BLOCKED_REMEDY, BilibiliWeb, Entry
from hostcue.platforms.budget import Budget

log = structlog.get_logger(__name__)

PASSING: Final = (TransportFailed, RateLimited, UpstreamChanged)
"""Failures that may be gone on the next attempt."""

KNOWN_SERVERS: Final = ("wss://broadcastlv.chat.bilibili.com:443",)
"""Tried when those that the platform names cannot be reached (seen for years)."""


class Visitor:
    """Dials the servers in turn, another each time; a key that is refused is replaced, once."""

    def __init__(
        self,
        room: Room,
        web: BilibiliWeb,
        *,
        push_urls: Sequence[str],
        dials: Budget,
        open_timeout_s: float,
    ) -> None:
        self._room = room
        self._web = web
        self._push_urls = tuple(url.rstrip("/") for url in push_urls)
        self._budget = dials
        self._open_timeout_s = open_timeout_s
        self._number = 0
        self._entry: Entry | None = None
        self.dials = 0

    async def arrive(self) -> None:
        """Learn the room's real number.

        Raises:
            RoomOffline: nobody is live there.
            RoomNotFound, UpstreamError: see `BilibiliWeb.room`.
        """
        state = await self._web.room(self._room.live_id)
        self._number = state.number
        if not state.is_live:
            raise RoomOffline(
                f"{self._room.anchor_name or self._room.live_id} is not live on Bilibili",
                remedy="start again when the broadcast has begun, or with `monitor`",
            )

    async def is_offline(self) -> bool:
        """Whether the platform says now that nobody is live; no answer is no.

        Raises:
            Blocked, AuthRequired: the platform refuses us.
        """
        try:
            await self.arrive()
        except (RoomOffline, RoomNotFound):
            return True
        except PASSING:
            return False
        return False

    async def dial(self) -> Line:
        """An admitted line.

        Raises:
            Blocked: the platform refuses us, under another identity too.
            TransportFailed: no server could be reached.
            RateLimited: too many rooms dial at once.
        """
        is_fresh = self._entry is None
        try:
            return await self._try_servers()
        except AuthRequired as exc:
            self._entry = None
            if is_fresh:
                self._web.renew()
            log.warning("bilibili_key_refused", room=self._room.live_id, fresh=is_fresh)
            refusal = exc
        try:
            return await self._try_servers()
        except AuthRequired:
            self._entry = None
            raise Blocked(refusal.message, remedy=BLOCKED_REMEDY) from None

    async def _try_servers(self) -> Line:
        if self._entry is None:
            self._entry = await self._web.entry(self._number)
        entry = self._entry
        known = (server for server in KNOWN_SERVERS if server not in entry.servers)
        servers = self._push_urls or (*entry.servers, *known)
        failure: TransportFailed | UpstreamChanged = TransportFailed("no comment server is known")
        for _ in servers:
            server = servers[self.dials % len(servers)]
            await self._budget.take()
            self.dials += 1
            try:
                return await open_line(
                    server,
                    self._introduction(entry),
                    cookie=self._web.cookie_header,
                    proxy=self._web.proxies.for_url(server),
                    timeout_s=self._open_timeout_s,
                )
            except (TransportFailed, UpstreamChanged) as exc:
                failure = exc
        self._entry = None  # others may be named by now
        raise failure

    def _introduction(self, entry: Entry) -> dict[str, object]:
        return {
            "uid": entry.uid,
            "roomid": self._number,
            "protover": ASKED_VERSION,
            "buvid": entry.buvid,
            "platform": "web",
            "type": 2,
            "key": entry.key,
        }
