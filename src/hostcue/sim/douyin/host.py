"""The servers of one pretend Douyin; rooms come and go on them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from hostcue.sim.douyin.broadcast import Broadcast, Rooms
from hostcue.sim.douyin.push import PushServer
from hostcue.sim.douyin.web import WebFace
from hostcue.sim.http import serve_app

_GOING_AWAY = 1001


@dataclass(frozen=True, slots=True)
class DouyinHost:
    """Where a client's requests and sockets go, whatever the room."""

    rooms: Rooms
    web: WebFace
    push: PushServer
    web_url: str

    @classmethod
    @asynccontextmanager
    async def open(
        cls, *, ping_s: float = 10.0, pong_within_s: float = 20.0
    ) -> AsyncIterator[Self]:
        """Listen on loopback until the context ends; who answers no ping for so long is cut."""
        rooms = Rooms()
        web = WebFace(rooms)
        async with (
            serve_app(web.app) as web_url,
            PushServer.open(rooms, ping_s=ping_s, pong_within_s=pong_within_s) as push,
        ):
            yield cls(rooms, web, push, web_url)

    def close_room(self, room: Broadcast) -> None:
        """A room that others are beside goes: its page, and who watches it."""
        self.rooms.remove(room)
        self.push.drop(room, _GOING_AWAY)
