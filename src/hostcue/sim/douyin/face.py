"""A Douyin room on loopback: what tests and the demo talk to, and what they make it do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Self

import anyio

from hostcue.platforms.douyin.pb import webcast_pb2 as pb
from hostcue.sim.douyin.broadcast import Broadcast
from hostcue.sim.douyin.messages import new_id, now_ms
from hostcue.sim.douyin.push import ABNORMAL, PushServer
from hostcue.sim.douyin.web import RiskControl, WebFace
from hostcue.sim.http import serve_app
from hostcue.sim.script import Line, selling_session
from hostcue.sim.signed_url import UrlSigner

_SAID_MAX = 200_000  # a day or so; a room left running must not grow for ever
_ENDED = 3


class DouyinFace:
    """One room with a scripted audience.

    `web_url` and `push_url` are the settings `HOSTCUE_DOUYIN_WEB_URL` and `..._PUSH_URL`; `link`
    is what a user would paste. `said` holds the comments so far, scripted ones included, as
    (msg_id, text, ts_ms); the other lists and counts are for tests to look at.
    """

    def __init__(self, broadcast: Broadcast, web: WebFace, push: PushServer, web_url: str) -> None:
        self.web_url = web_url
        self.push_url = broadcast.push_url
        self.link = f"https://live.douyin.com/{broadcast.live_id}"
        self.said: list[tuple[int, str, int]] = []
        self._broadcast = broadcast
        self._web = web
        self._push = push
        self._last: pb.Message | None = None
        self._watching, self._came, self._likes = 1200, 1200, 0

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        flv_url: str,
        live_id: str = "80017709309",
        room_id: str | None = None,
        anchor_name: str = "小满的鞋铺",
        title: str = "秋冬新款上新，全场包邮",
        script: Iterable[Line] | None = None,
        pace: float = 1.0,
        hls_url: str | None = None,
        heartbeat_s: float = 10.0,
        ack_grace_s: float = 2.0,
        stats_s: float = 3.0,
        sign: Callable[[str], str] | None = None,
    ) -> AsyncIterator[Self]:
        """Go live until the context ends.

        Args:
            flv_url: the stream; its qualities are the same URL with `_hd` and so on before `.flv`.
            live_id: the number in the room's link.
            room_id: of this broadcast; by default a new one, as the platform gives.
            anchor_name: the host.
            title: of the broadcast.
            script: what the audience does; by default a selling session, `()` for silence.
            pace: how much faster than real time the default script runs.
            hls_url: the same stream as HLS; by default there is none.
            heartbeat_s: a viewer that sends none for twice as long is dropped.
            ack_grace_s: one that owes three acknowledgements, the oldest this long, is too.
            stats_s: how often everyone is told the number of viewers.
            sign: gives a stream's URL its end and signature, each time it is given out; by
                default they look real and nobody checks them.
        """
        broadcast = Broadcast(
            live_id,
            room_id or str(new_id()),
            anchor_name,
            title,
            flv_url,
            hls_url,
            heartbeat_s,
            ack_grace_s,
            sign or UrlSigner().sign,
        )
        web = WebFace(broadcast)
        lines = selling_session(pace=pace) if script is None else script
        async with serve_app(web.app) as web_url, PushServer.open(broadcast) as push:
            face = cls(broadcast, web, push, web_url)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(face._play, lines)
                tasks.start_soon(face._tell_stats, stats_s)
                yield face
                tasks.cancel_scope.cancel()

    @property
    def live_id(self) -> str:
        """The number in the room's link."""
        return self._broadcast.live_id

    @property
    def room_id(self) -> str:
        """The id of the present broadcast, or of the last one."""
        return self._broadcast.room_id

    @property
    def requests(self) -> list[tuple[str, dict[str, str]]]:
        """HTTP requests so far: path with query, headers by lower-case name."""
        return self._web.requests

    @property
    def viewers(self) -> int:
        """How many comment connections are open."""
        return len(self._push.viewers)

    @property
    def connections(self) -> int:
        """How many comment connections there were so far, without the refused."""
        return self._push.connections

    @property
    def refusals(self) -> int:
        """How many handshakes were refused so far."""
        return self._push.refusals

    @property
    def acks(self) -> int:
        """How many acknowledgements came so far, wrong ones not counted."""
        return self._push.acks

    @property
    def heartbeats(self) -> int:
        """How many heartbeats came so far."""
        return self._push.heartbeats

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something about the connections is true: `lambda: face.acks >= 2`."""
        await self._push.signal.until(holds)

    async def wait_viewers(self, n: int) -> None:
        """Wait until exactly `n` comment connections are open."""
        await self.until(lambda: self.viewers == n)

    # What the audience does

    def say(self, text: str, user: str = "路过的小林", *, ts_ms: int | None = None) -> int:
        """Somebody comments, now or with an older time; returns the message's id."""
        at_ms = now_ms() if ts_ms is None else ts_ms
        message = self._broadcast.writer.chat(text, user, at_ms)
        self.said.append((message.msg_id, text, at_ms))
        if len(self.said) > _SAID_MAX:
            del self.said[: _SAID_MAX // 2]
        self._last = message
        self._publish(message)
        return message.msg_id

    def gift(
        self, name: str = "小心心", user: str = "路过的小林", *, count: int = 1, diamonds: int = 1
    ) -> None:
        """Somebody gives `count` times in a row: a growing combo, then its summary."""
        writer = self._broadcast.writer
        group_id = new_id() if count > 1 else 0
        for so_far in range(1, count + 1):
            self._publish(
                writer.gift(
                    name, user, diamonds=diamonds, count=so_far, group_id=group_id, is_end=False
                )
            )
        if count > 1:
            self._publish(
                writer.gift(
                    name, user, diamonds=diamonds, count=count, group_id=group_id, is_end=True
                )
            )

    def like(self, user: str = "路过的小林", *, count: int = 3) -> None:
        """Somebody taps the screen a few times."""
        self._likes += count
        self._publish(self._broadcast.writer.like(count, self._likes, user))

    def enter_room(self, user: str = "路过的小林") -> None:
        """Somebody comes in."""
        self._watching += 1
        self._came += 1
        self._publish(self._broadcast.writer.enter(user, self._watching))

    def follow(self, user: str = "路过的小林") -> None:
        """Somebody follows the host."""
        self._publish(self._broadcast.writer.follow(user))

    def show_product(self, title: str, *, price_fen: int = 8900) -> None:
        """The host puts another product into the cart's first place."""
        self._publish(self._broadcast.writer.product(title, price_fen))

    # What happens to the room and to the lines

    def drop_line(self, code: int = ABNORMAL) -> None:
        """Close every comment connection with this code; 1006 cuts it without a word."""
        self._push.drop(code)

    def go_offline(self) -> None:
        """Nobody is live any more; no end message is sent."""
        self._broadcast.is_live = False

    def flap(self, answers: int) -> None:
        """Let the next pages and calls, so many, say that nobody is live though somebody is."""
        self._web.flaps = answers

    def go_live(self, room_id: str | None = None) -> None:
        """Another broadcast begins, with another `room_id`."""
        self._broadcast.start_over(room_id or str(new_id()))

    def end(self) -> None:
        """The host ends the broadcast: the end message, and offline."""
        self._push.publish(self._broadcast.writer.control(_ENDED))
        self.go_offline()

    def block_signature(self, on: bool = True) -> None:
        """Refuse every handshake as a blocked device."""
        self._push.is_blocked = on

    def risk_control(self, mode: RiskControl | None) -> None:
        """Refuse every page and call: an empty body, status 444 or a captcha; None ends it."""
        self._web.risk_control = mode

    def stall(self, on: bool = True) -> None:
        """Send no messages to anyone, while heartbeats are answered as ever.

        What was said meanwhile is lost to who is connected; the replay has it for who comes later.
        """
        self._push.is_stalled = on

    def compress(self, on: bool = True) -> None:
        """Whether payloads are gzipped; the frame's header says so either way."""
        self._push.compress = on

    def send_raw(self, frame: bytes) -> None:
        """Send these bytes as a frame of their own to everyone."""
        self._push.publish(frame)

    def resend_last(self) -> None:
        """Send the last comment again, with the same id."""
        if self._last is not None:
            self._push.publish(self._last)

    def _publish(self, message: pb.Message) -> None:
        self._broadcast.keep(message)
        self._push.publish(message)

    async def _play(self, lines: Iterable[Line]) -> None:
        due_s = anyio.current_time()
        for line in lines:
            due_s += line.delay_s
            await anyio.sleep_until(due_s)
            if self._broadcast.is_live:
                self._act(line)

    def _act(self, line: Line) -> None:
        match line.kind:
            case "chat":
                self.say(line.text, line.user)
            case "like":
                self.like(line.user)
            case "enter":
                self.enter_room(line.user)
            case "follow":
                self.follow(line.user)
            case "gift":
                self.gift(line.text, line.user)
            case "product":
                self.show_product(line.text)

    async def _tell_stats(self, every_s: float) -> None:
        while True:
            if self._broadcast.is_live:
                self._push.publish(self._broadcast.writer.stats(self._watching, self._came))
            await anyio.sleep(every_s)
