"""The processes of a measurement: a pretend room, the server, and what ends them."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, cast

import anyio
from anyio.abc import ByteReceiveStream, Process
from anyio.streams.buffered import BufferedByteReceiveStream

from hostcue.cli.client import Client, Json

_READY_WITHIN_S = 60
_LEAVE_S = 10
_LISTENS = b"hostcue listens on "
_KEPT = ("PATH", "HOME", "LANG", "PYTHONPATH")  # the last to measure another checkout


@dataclass(frozen=True, slots=True)
class Room:
    """A live room that exists only here: its link, its stream, and hostcue's settings for it."""

    link: str
    flv_url: str
    environment: dict[str, str]

    def links(self, count: int) -> list[str]:
        """Different links: the room's own, and more addresses of its stream."""
        server = self.flv_url.removesuffix("/room.flv")
        return [self.link, *(f"{server}/{number}.flv" for number in range(1, count))]


@dataclass(frozen=True, slots=True)
class Server:
    """`hostcue serve`, and a client of it."""

    pid: int
    client: Client

    async def record(self, link: str, segment_s: int) -> str:
        """Start recording a room; gives the recording's id."""
        body: Json = {"live_url": link, "segment_time": segment_s}
        return str((await self.client.post("/api/recording/start", body))["recording_id"])

    async def stop(self, recording_id: str) -> None:
        """Stop recording; the last segment is closed and announced then."""
        await self.client.post("/api/recording/stop", {"recording_id": recording_id})


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event, and when it came, in nanoseconds since 1970 as files have them."""

    at_ns: int
    data: Json


@dataclass(slots=True)
class Arrivals:
    """What comes from the event stream of all recordings, by type and number of the segment."""

    found: dict[str, dict[int, Arrival]] = field(default_factory=lambda: defaultdict(dict))
    _news: anyio.Event = field(default_factory=anyio.Event)

    @classmethod
    @asynccontextmanager
    async def of(cls, server: Server) -> AsyncIterator[Self]:
        """Listen to a server that records one room."""
        arrivals = cls()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(arrivals._listen, server.client)
            yield arrivals
            tasks.cancel_scope.cancel()

    async def until(self, kind: str, count: int, *, within_s: float) -> None:
        """Wait until there are so many of a type."""
        with anyio.fail_after(within_s):
            while len(self.found[kind]) < count:
                await self._news.wait()

    async def _listen(self, client: Client) -> None:
        async for kind, data in client.events("/api/recording/events"):
            arrival = Arrival(time.time_ns(), data)
            if "seq" in data:
                self.found[kind][cast("int", data["seq"])] = arrival
            self._news.set()
            self._news = anyio.Event()


@asynccontextmanager
async def pretend_room(arguments: Sequence[str]) -> AsyncIterator[Room]:
    """A pretend room as a process of its own, with these options of `python -m hostcue.sim`."""
    command = [sys.executable, "-m", "hostcue.sim", *arguments]
    async with started(command, environment={}) as process:
        facts = json.loads(await _line(process.stdout, b"{"))
        yield Room(facts["link"], facts["flv_url"], facts["environment"])


@asynccontextmanager
async def hostcue_server(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[Server]:
    """A server with default settings, but for the folders and the pretend room's addresses."""
    folders = {"HOSTCUE_DATA_DIR": str(folder / "data"), "RECORDS_ROOT": str(folder / "records")}
    command = [sys.executable, "-m", "hostcue", "serve", "--port", "0"]
    async with started(command, environment={**environment, **folders}, cwd=folder) as process:
        address = (await _line(process.stderr, _LISTENS)).removeprefix(_LISTENS).decode().strip()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_drain, process.stderr)
            async with Client.open(address, None) as client:
                yield Server(process.pid, client)
            tasks.cancel_scope.cancel()


@asynccontextmanager
async def started(
    command: Sequence[str], *, environment: Mapping[str, str], cwd: Path | None = None
) -> AsyncIterator[Process]:
    """A process that sees nothing of this machine's settings; ended with the context."""
    clean = {name: os.environ[name] for name in _KEPT if name in os.environ}
    process = await anyio.open_process(command, env={**clean, **environment}, cwd=cwd)
    async with process:
        try:
            yield process
        finally:
            with anyio.CancelScope(shield=True):
                await _end(process)


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
        with anyio.move_on_after(_LEAVE_S):
            await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()


async def _line(stream: ByteReceiveStream | None, start: bytes) -> bytes:
    """The first line that begins like this.

    Raises:
        RuntimeError: the process ended without saying it; what it said instead.
    """
    if stream is None:
        raise TypeError("the process was started without pipes")
    lines = BufferedByteReceiveStream(stream)
    said: list[bytes] = []
    with anyio.fail_after(_READY_WITHIN_S):
        while not said or not said[-1].startswith(start):
            try:
                said.append(await lines.receive_until(b"\n", 1 << 20))
            except anyio.IncompleteRead:
                words = b"\n".join(said[-20:]).decode(errors="replace")
                raise RuntimeError(f"a process ended early: {words}") from None
    return said[-1]


async def _drain(stream: ByteReceiveStream | None) -> None:
    """Take what a process says, so that it never waits for us."""
    if stream is not None:
        async for _ in stream:
            pass
