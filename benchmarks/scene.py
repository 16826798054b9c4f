"""The processes of a measurement: the server, what it tells, and what ends them all."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
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
class Server:
    """`hostcue serve`, and a client of it."""

    pid: int
    client: Client
    address: str

    async def record(self, link: str, segment_s: int, save_format: str = "mp4") -> str:
        """Start recording a room; gives the recording's id."""
        body: Json = {"live_url": link, "segment_time": segment_s, "save_format": save_format}
        return str((await self.client.post("/api/recording/start", body))["recording_id"])

    async def stop(self, recording_id: str) -> None:
        """Stop recording; the last segment is closed and announced then."""
        await self.client.post("/api/recording/stop", {"recording_id": recording_id})

    async def status(self, recording_id: str) -> Json:
        """One recording as it stands."""
        found = await self.client.get("/api/recording/status", recording_id=recording_id)
        return cast("list[Json]", found)[0] if isinstance(found, list) else cast("Json", found)


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event, and when it came, in nanoseconds since 1970 as files have them."""

    at_ns: int
    kind: str
    data: Json

    @property
    def recording_id(self) -> str:
        """The recording it is about."""
        return str(self.data.get("recording_id", ""))


@dataclass(slots=True)
class Arrivals:
    """What comes from the event stream of all recordings."""

    all: list[Arrival] = field(default_factory=list)
    _news: anyio.Event = field(default_factory=anyio.Event)

    @classmethod
    @asynccontextmanager
    async def of(cls, server: Server) -> AsyncIterator[Self]:
        """Listen to a server."""
        arrivals = cls()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(arrivals._listen, server.client)
            yield arrivals
            tasks.cancel_scope.cancel()

    def by_seq(self, kind: str, recording_id: str) -> dict[int, Arrival]:
        """The events of a type about the segments of a recording, by number."""
        return {cast("int", one.data["seq"]): one for one in self._of(kind, recording_id)}

    async def until(self, kind: str, recording_id: str, count: int, *, within_s: float) -> None:
        """Wait until there are events of a type about so many segments."""
        with anyio.fail_after(within_s):
            while len(self.by_seq(kind, recording_id)) < count:
                await self._news.wait()

    async def after(
        self, at_ms: float, kind: str, recording_id: str, *, within_s: float, **values: str
    ) -> Arrival:
        """The first event of a type after a moment that has these values; waits for it."""
        with anyio.fail_after(within_s):
            while True:
                for one in self._of(kind, recording_id):
                    late = one.at_ns / 1e6 > at_ms
                    if late and values.items() <= one.data.items():
                        return one
                await self._news.wait()

    def _of(self, kind: str, recording_id: str) -> Iterator[Arrival]:
        return (one for one in self.all if (one.kind, one.recording_id) == (kind, recording_id))

    async def _listen(self, client: Client) -> None:
        async for kind, data in client.events("/api/recording/events"):
            self.all.append(Arrival(time.time_ns(), kind, data))
            self._news.set()
            self._news = anyio.Event()


def when_named_ns(path: str) -> int:
    """When a file got its final name: nothing changes its inode after that."""
    return Path(path).stat().st_ctime_ns


@asynccontextmanager
async def hostcue_server(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[Server]:
    """A server with default settings, but for the folders and the pretend room's addresses."""
    folders = {"HOSTCUE_DATA_DIR": str(folder / "data"), "RECORDS_ROOT": str(folder / "records")}
    command = [sys.executable, "-m", "hostcue", "serve", "--port", "0"]
    async with started(command, environment={**environment, **folders}, cwd=folder) as process:
        if process.stderr is None:
            raise TypeError("the process was started without pipes")
        line = await first_line(BufferedByteReceiveStream(process.stderr), _LISTENS)
        address = line.removeprefix(_LISTENS).decode().strip()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(drain, process.stderr)
            async with Client.open(address, None) as client:
                yield Server(process.pid, client, address)
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


async def first_line(lines: BufferedByteReceiveStream, start: bytes) -> bytes:
    """The first line that begins like this.

    Raises:
        RuntimeError: the process ended without saying it; what it said instead.
    """
    said: list[bytes] = []
    with anyio.fail_after(_READY_WITHIN_S):
        while not said or not said[-1].startswith(start):
            try:
                said.append(await lines.receive_until(b"\n", 1 << 20))
            except anyio.IncompleteRead:
                words = b"\n".join(said[-20:]).decode(errors="replace")
                raise RuntimeError(f"a process ended early: {words}") from None
    return said[-1]


async def drain(stream: ByteReceiveStream | None) -> None:
    """Take what a process says, so that it never waits for us."""
    if stream is not None:
        async for _ in stream:
            pass
