"""An HTTP-FLV source on loopback: what a platform's CDN does, faults included."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Literal, Self

import anyio

from hostcue.sim.connection import accept, answer, read_request, receive, send
from hostcue.sim.media import Clip, Tag, make_clip
from hostcue.sim.programme import Programme, Viewing
from hostcue.sim.signal import Signal
from hostcue.sim.signed_url import UrlSigner

# The room was live for a while before the first viewer comes, so that there is a past to burst.
_HEAD_START_S = 30.0
# Tags are sent in small batches; finer pacing than this costs CPU and no player notices.
_TICK_S = 0.04


class LiveFlv:
    """An endless live stream at `url`; every path that ends in `.flv` serves the same one.

    A viewer gets the headers and everything from the key frame `burst_s` before the live
    position at once, then the rest as it happens. Time stamps are those of one long broadcast:
    viewers who come later start at a later stamp.
    """

    def __init__(self, clip: Clip, listener: socket.socket, burst_s: float) -> None:
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/live/room.flv"
        self._burst_s = burst_s
        self.connections = 0
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._programmes = [Programme(clip, 0)]
        self._listener = listener
        self._started_s = time.monotonic() - _HEAD_START_S
        self._stalled_s: float | None = None
        self._share: float | None = None
        self._status: int | None = None
        self._location: str | None = None
        self._signer = UrlSigner()
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
                tasks.start_soon(accept, listener, flv._serve)
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

    def sign(self, url: str) -> str:
        """This URL of ours as the platform gives it out: with an end and a signature."""
        return self._signer.sign(url)

    def sign_urls(self, life_s: float | None) -> None:
        """Sign for so long (whole seconds, rounded up), and answer 403 to any other URL.

        None serves whoever comes. Connections that are open stay so.
        """
        self._signer.enforce(life_s)

    def trickle(self, share: float | None) -> None:
        """Send only this share of real time to each viewer; None, and the backlog comes at once."""
        self._share = share

    def burst(self, burst_s: float) -> None:
        """Greet whoever comes from now on with so much of the past."""
        self._burst_s = burst_s

    def shift_timestamps(self, by_ms: int) -> None:
        """Let the time stamps of the running connections jump, as an encoder restart does."""
        for viewer in self._viewers:
            viewer.viewing.shift(by_ms)

    def reset_timestamps(self) -> None:
        """Let the time stamps of the running connections begin at 0 again."""
        for viewer in self._viewers:
            viewer.viewing.restart()

    def repeat_gop(self) -> None:
        """Send the present group of pictures twice, sound and stamps included, to who is there."""
        for viewer in self._viewers:
            viewer.viewing.repeat_group()

    def switch(self, clip: Clip) -> int:
        """Broadcast another clip, in running connections too: new headers, and its beginning.

        It follows where the present group of pictures ends; returns that moment of the
        broadcast in milliseconds. Time goes on, and so do the stamps.
        """
        last = self._programmes[-1]
        from_ms = last.next_key_ms(max(self.position_ms(), last.from_ms))
        self._programmes.append(Programme(clip, from_ms))
        return from_ms

    def position_ms(self) -> int:
        """What moment of the broadcast is live now."""
        return int((time.monotonic() - self._started_s) * 1000)

    def serve_text(
        self, path: str, body: str, content_type: str = "application/vnd.apple.mpegurl"
    ) -> str:
        """Serve a text at a path, such as a hostile playlist; returns its URL."""
        self._texts[path] = (body, content_type)
        return self.url.removesuffix("/live/room.flv") + path

    async def _serve(self, connection: socket.socket) -> None:
        method, target, headers = await read_request(connection)
        self.requests.append((target, headers))
        path = target.partition("?")[0]
        if path in self._texts:
            await send(connection, answer(200, *self._texts[path]))
        elif not path.endswith(".flv"):
            await send(connection, answer(404))
        else:
            self.connections += 1
            refusal = self._refusal(target)
            if refusal is not None or method == "HEAD":
                self._signal.changed()
                await send(connection, refusal or _STREAM_HEAD)
            else:
                await self._serve_stream(connection)

    def _refusal(self, target: str) -> bytes | None:
        if self._status is not None:
            return answer(self._status)
        if self._location is not None:
            return answer(302, location=self._location)
        return None if self._signer.admits(target) else answer(403)

    async def _serve_stream(self, connection: socket.socket) -> None:
        viewer = _Viewer(connection, self._view())
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

    def _view(self) -> Viewing:
        """From the burst on, but nothing of a programme that is over."""
        now_ms = self.position_ms()
        on_air = [programme for programme in self._programmes if programme.from_ms <= now_ms]
        behind_ms = round(self._burst_s * 1000)
        return Viewing(self._programmes, len(on_air) - 1, max(0, now_ms - behind_ms))

    async def _broadcast(self, viewer: _Viewer) -> None:
        """Send the stream to one viewer until its scope is cancelled."""
        viewing = viewer.viewing
        head = b"".join((_STREAM_HEAD, viewing.clip.flv_header, _encode(viewing.headers())))
        await send(viewer.connection, head)
        while True:
            until_ms = viewer.delivered(self.position_ms(), self._flow())
            await send(viewer.connection, _encode(viewing.take(until_ms)))
            due_s = (viewing.at_ms - self.position_ms()) / 1000
            await anyio.sleep(max(_TICK_S, due_s))

    def _flow(self) -> float | None:
        """How much of real time gets through; None is all that is due."""
        return self._share if self._stalled_s is None else 0


class _Viewer:
    """One connection that receives the stream while `scope` lasts."""

    def __init__(self, connection: socket.socket, viewing: Viewing) -> None:
        self.connection = connection
        self.viewing = viewing
        self.scope = anyio.CancelScope()
        self._until_ms = viewing.at_ms - 1.0
        self._looked_s = time.monotonic()

    def delivered(self, live_ms: int, flow: float | None) -> int:
        """Up to what moment of the broadcast the network has let through."""
        now_s = time.monotonic()
        if flow is None:
            self._until_ms = live_ms
        else:
            slowly_ms = self._until_ms + flow * (now_s - self._looked_s) * 1000
            self._until_ms = min(live_ms, slowly_ms)
        self._looked_s = now_s
        return int(self._until_ms)

    def cut(self, how: Literal["eof", "reset"]) -> None:
        if how == "reset":  # closing with linger 0 sends RST instead of FIN
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.scope.cancel()

    async def notice_end(self) -> None:
        """End the scope when the viewer leaves, which a stalled sender would not notice."""
        with suppress(anyio.BrokenResourceError):
            while True:
                await receive(self.connection)
        self.scope.cancel()


def _encode(tags: Iterable[tuple[int, Tag]]) -> bytes:
    return b"".join(tag.encode(at_ms) for at_ms, tag in tags)


_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nCache-Control: no-cache\r\n"
    b"Connection: close\r\n\r\n"
)
