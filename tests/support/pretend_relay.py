"""A relay of comments on loopback: another hostcue, or a collector of somebody else's."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from hostcue.model.clock import now_ms
from hostcue.sim.http import serve_app
from hostcue.sim.signal import Signal

_ids = itertools.count(7_576_912_345_678_900_000)


class PretendRelay:
    """Streams what a test says to all who listen, from after their `Last-Event-ID`.

    `requests` holds the headers of each subscription, `answers` what is answered in its place;
    with `replays` who comes without an id gets all that was said before.
    """

    def __init__(self) -> None:
        self.base_url = ""
        self.requests: list[dict[str, str]] = []
        self.answers: list[Callable[[], Response]] = []
        self.replays = False
        self._sent: list[bytes] = []
        self._lines = 0  # another number: those that are open end
        self.listeners = 0
        self._changed = Signal()

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[PretendRelay]:
        """Serve until the context ends."""
        relay = cls()
        app = FastAPI(openapi_url=None)
        app.add_api_route("/stream", relay._stream)
        async with serve_app(app) as relay.base_url:
            try:
                yield relay
            finally:
                relay.drop_line()

    @property
    def url(self) -> str:
        """What `HOSTCUE_RELAY_URL` would be."""
        return f"{self.base_url}/stream?live_id={{live_id}}"

    async def until_listeners(self, n: int) -> None:
        """Wait until exactly so many listen."""
        await self._changed.until(lambda: self.listeners == n)

    def say(self, text: str, **more: object) -> str:
        """Somebody comments; returns the comment's id."""
        name = str(next(_ids))
        self.send("chat", {"id": name, "user": "路人", "content": text, "ts": now_ms(), **more})
        return name

    def send(self, kind: str, data: dict[str, object]) -> None:
        """An event as hostcue sends them."""
        self.send_raw(json.dumps({"type": kind, "data": data}, ensure_ascii=False).encode())

    def send_raw(self, data: bytes) -> None:
        """A message with this after `data: `."""
        self.send_lines(b"data: %b\nid: %d\n\n" % (data, len(self._sent) + 1))

    def send_lines(self, lines: bytes) -> None:
        """Bytes as they are."""
        self._sent.append(lines)
        self._changed.changed()

    def say_again(self) -> None:
        """The last message once more."""
        self.send_lines(self._sent[-1])

    def drop_line(self) -> None:
        """Cut everybody's stream."""
        self._lines += 1
        self._changed.changed()

    def end(self) -> None:
        """The broadcast is over there."""
        self.send("status", {"state": "ended", "reason": ""})

    def refuse(self, status: int, code: str = "") -> None:
        """Answer every subscription with an error."""
        self.answers = [lambda: JSONResponse({"error": {"code": code}}, status)]

    def redirect(self, url: str) -> None:
        """Send every subscription elsewhere."""
        self.answers = [lambda: RedirectResponse(url)]

    async def _stream(self, request: Request) -> Response:
        self.requests.append(dict(request.headers))
        if self.answers:
            return self.answers[0]()
        after = request.headers.get("last-event-id", "")
        start = int(after) if after else 0 if self.replays else len(self._sent)
        return StreamingResponse(self._content(start), media_type="text/event-stream")

    async def _content(self, start: int) -> AsyncIterator[bytes]:
        line = self._lines
        self.listeners += 1
        self._changed.changed()
        try:
            yield b": connected\n\n"
            for place in itertools.count(start):
                await self._until_sent(place, line)
                if self._lines != line:
                    return
                yield self._sent[place]
        finally:
            self.listeners -= 1
            self._changed.changed()

    async def _until_sent(self, place: int, line: int) -> None:
        await self._changed.until(lambda: len(self._sent) > place or self._lines != line)
