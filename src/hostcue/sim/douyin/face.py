"""A Douyin room on loopback: what tests and the demo talk to, and what they make it do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self

import anyio

from hostcue.sim.douyin.broadcast import Broadcast
from hostcue.sim.douyin.faults import Seen
from hostcue.sim.douyin.host import DouyinHost
from hostcue.sim.douyin.messages import new_id
from hostcue.sim.douyin.trouble import Trouble
from hostcue.sim.script import Line, selling_session
from hostcue.sim.signed_url import UrlSigner


class DouyinFace(Trouble):
    """One room with a scripted audience.

    `web_url` and `push_url` are the settings `HOSTCUE_DOUYIN_WEB_URL` and `..._PUSH_URL`; `link`
    is what a user would paste. `said` holds the comments so far, scripted ones included, as
    (msg_id, text, ts_ms); the other lists and counts are for tests to look at.
    """

    def __init__(self, broadcast: Broadcast, host: DouyinHost, *, seed: int) -> None:
        super().__init__(broadcast, host.push, seed=seed)
        self.host = host
        self.web_url = host.web_url
        self.push_url = host.push.url
        self.link = f"https://live.douyin.com/{broadcast.live_id}"

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
        seed: int = 7,
        hls_url: str | None = None,
        heartbeat_s: float = 10.0,
        ack_grace_s: float = 2.0,
        stats_s: float = 3.0,
        sign: Callable[[str], str] | None = None,
        host: DouyinHost | None = None,
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
            seed: of all that comes by chance.
            hls_url: the same stream as HLS; by default there is none.
            heartbeat_s: a viewer that sends none for twice as long is dropped.
            ack_grace_s: one that owes three acknowledgements, the oldest this long, is too.
            stats_s: how often everyone is told the number of viewers.
            sign: gives a stream's URL its end and signature, each time it is given out; by
                default they look real and nobody checks them.
            host: the servers of another room, to be beside it; by default it has its own.
        """
        async with AsyncExitStack() as stack:
            is_beside = host is not None
            if host is None:
                host = await stack.enter_async_context(DouyinHost.open())
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
                push_url=host.push.url,
            )
            host.rooms.add(broadcast)
            if is_beside:
                stack.callback(host.close_room, broadcast)
            face = cls(broadcast, host, seed=seed)
            tasks = await stack.enter_async_context(anyio.create_task_group())
            lines = selling_session(seed=seed, pace=pace) if script is None else script
            tasks.start_soon(face._play, lines)
            tasks.start_soon(face._crowd)
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
        """HTTP requests to its servers so far: path with query, headers by lower-case name."""
        return self.host.web.requests

    @property
    def seen(self) -> Seen:
        """All that was counted of its clients."""
        return self._broadcast.seen

    @property
    def viewers(self) -> int:
        """How many comment connections are open."""
        return len(self._push.of(self._broadcast))

    @property
    def connections(self) -> int:
        """How many comment connections there were so far, without the refused."""
        return self.seen.connections

    @property
    def refusals(self) -> int:
        """How many handshakes were refused so far."""
        return self.seen.refusals

    @property
    def acks(self) -> int:
        """How many acknowledgements came so far, wrong ones not counted."""
        return self.seen.acks

    @property
    def heartbeats(self) -> int:
        """How many heartbeats came so far."""
        return self.seen.heartbeats

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something about the connections is true: `lambda: face.acks >= 2`."""
        await self._push.signal.until(holds)

    async def wait_viewers(self, n: int) -> None:
        """Wait until exactly `n` comment connections are open."""
        await self.until(lambda: self.viewers == n)

    async def _tell_stats(self, every_s: float) -> None:
        while True:
            if self._broadcast.is_live:
                stats = self._broadcast.writer.stats(self._watching, self._came)
                self._push.publish(self._broadcast, stats)
            await anyio.sleep(every_s)
