"""The server's door for sound: workers bring it over loopback."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

import anyio
import structlog
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from hostcue.model.sound import Sound, SoundPlace
from hostcue.recording.sound_wire import (
    LONGEST_GREETING,
    TAKEN,
    BlockReader,
    WireBroken,
    parse_greeting,
)

_PIECE = 65536
_LEAVE_S = 2.0
_BROKEN = (
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
    anyio.IncompleteRead,
    anyio.DelimiterNotFound,
)

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Place:
    """Who takes the sound, and the last block that was taken of a line."""

    take: Callable[[Sound], Awaitable[None]]
    turn: anyio.Lock = field(default_factory=anyio.Lock)
    lines: set[anyio.CancelScope] = field(default_factory=set[anyio.CancelScope])
    line: str = ""
    number: int = -1


class SoundInlet:
    """Brings the sound of each worker to whoever expects it.

    Who doesn't greet with a known token within `greeting_s` is sent away; what makes no sense
    ends that connection alone.
    """

    def __init__(self, port: int, *, greeting_s: float) -> None:
        self._port = port
        self._greeting_s = greeting_s
        self._places: dict[str, _Place] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls, *, greeting_s: float = 5.0) -> AsyncIterator[Self]:
        """Open to this machine alone, until the context ends."""
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
        async with listener, anyio.create_task_group() as tasks:
            port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - not Django's
            inlet = cls(port, greeting_s=greeting_s)
            tasks.start_soon(listener.serve, inlet._welcome)
            try:
                yield inlet
            finally:
                tasks.cancel_scope.cancel()

    @asynccontextmanager
    async def expect(self, take: Callable[[Sound], Awaitable[None]]) -> AsyncIterator[SoundPlace]:
        """A place for one room's sound, until the context ends; `take` is not called after that.

        `take` is awaited for each stretch of sound, in order: while it waits, so does the worker.
        Workers may come and go, one at a time; each stretch is taken once.
        """
        token = secrets.token_hex(16)
        place = self._places[token] = _Place(take)
        try:
            yield SoundPlace(self._port, token)
        finally:
            del self._places[token]
            for line in place.lines:
                line.cancel()
            with anyio.CancelScope(shield=True), anyio.move_on_after(_LEAVE_S):
                async with place.turn:
                    pass

    async def _welcome(self, stream: SocketStream) -> None:
        async with stream:
            try:
                await self._serve(stream)
            except (WireBroken, TimeoutError, *_BROKEN):
                pass
            except Exception as exc:
                log.error("sound_not_taken", exc_info=exc)

    async def _serve(self, stream: SocketStream) -> None:
        received = BufferedByteReceiveStream(stream)
        with anyio.fail_after(self._greeting_s):
            text = await received.receive_until(b"\n", LONGEST_GREETING)
        token, line = parse_greeting(text)
        place = self._find(token)
        if place is None:
            return
        with anyio.CancelScope() as scope:
            place.lines.add(scope)
            try:
                async with place.turn:  # who was here before is gone, or about to be
                    await _receive(place, line, received, stream)
            finally:
                place.lines.discard(scope)

    def _find(self, token: str) -> _Place | None:
        found = None
        for known, place in self._places.items():
            if hmac.compare_digest(known, token):
                found = place
        return found


async def _receive(
    place: _Place, line: str, received: BufferedByteReceiveStream, stream: SocketStream
) -> None:
    if line != place.line:
        place.line, place.number = line, -1
    blocks = BlockReader()
    while True:
        for number, sound in blocks.feed(await received.receive(_PIECE)):
            if number > place.number:  # else it was taken, and the line broke before it was told
                await place.take(sound)
                place.number = number
            await stream.send(TAKEN)
