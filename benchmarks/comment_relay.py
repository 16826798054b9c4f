"""Comments through a server: what many clients of its stream cost, and how a stall ends."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from urllib.parse import urlsplit

import anyio
from anyio.abc import SocketStream

from benchmarks.benchmark import progress
from benchmarks.processes import family, watch
from benchmarks.report import Result
from benchmarks.scene import Server
from benchmarks.sim import Sim
from hostcue.sim.signal import Signal

_STREAM = "/api/douyin/web/stream"
_STALL_WITHIN_S = 90


@dataclass(slots=True)
class Client:
    """One reader of the stream: how many comments it got."""

    chats: int = 0

    async def read(self, stream: SocketStream) -> None:
        """Until cancelled."""
        rest = b""
        async for data in stream:
            *whole, rest = (rest + data).split(b"\n")
            self.chats += sum(line.count(b'"type":"chat"') for line in whole)


@dataclass(frozen=True, slots=True)
class Load:
    """How many read how much, and how long that is looked at."""

    clients: int
    events_per_s: int
    settle_s: float
    watch_s: float


async def serving(server: Server, sim: Sim, load: Load) -> list[Result]:
    """CPU of a server that relays a room's comments, with clients and without."""
    progress(f"{load.events_per_s} comments a second to {load.clients} clients, and to none")
    await sim.do("comments.quiet")
    await sim.do("comments.rates", chat=load.events_per_s)
    await anyio.sleep(load.settle_s)
    (alone,) = await watch(lambda: family(server.pid), for_s=load.watch_s)
    at: dict[str, str | int] = {"clients": load.clients, "events_per_s": load.events_per_s}
    results = [Result("relay_cpu_percent", alone.cpu_percent, "%", {**at, "clients": 0})]
    for batch_ms in (0, 200):
        query = f"?batch_ms={batch_ms}" if batch_ms else ""
        async with _readers(server.address, _STREAM + query, load.clients) as readers:
            await anyio.sleep(load.settle_s)
            before = sum(reader.chats for reader in readers)
            (whole,) = await watch(lambda: family(server.pid), for_s=load.watch_s)
            got = sum(reader.chats for reader in readers) - before
        there = {**at, "batch_ms": batch_ms}
        results += [
            Result("sse_cpu_percent", whole.cpu_percent - alone.cpu_percent, "%", there, 10),
            Result("sse_events_per_s", got / load.watch_s, "", there, better="higher"),
        ]
    await sim.do("comments.rates")
    return results


@asynccontextmanager
async def _readers(address: str, target: str, count: int) -> AsyncIterator[list[Client]]:
    url = urlsplit(address)
    request = f"GET {target} HTTP/1.1\r\nHost: {url.netloc}\r\nAccept: text/event-stream\r\n\r\n"
    readers = [Client() for _ in range(count)]
    async with anyio.create_task_group() as tasks:
        for reader in readers:
            stream = await anyio.connect_tcp(url.hostname or "", url.port or 80)
            await stream.send(request.encode())
            tasks.start_soon(_read, stream, reader)
        yield readers
        tasks.cancel_scope.cancel()


async def _read(stream: SocketStream, reader: Client) -> None:
    async with stream:
        await reader.read(stream)


@dataclass(slots=True)
class _Watched:
    """When comments came, and when gaps were told."""

    chat_s: float = 0.0
    gap_s: float = 0.0


async def stalling(server: Server, sim: Sim, times: int) -> list[Result]:
    """From the last comment over a connection grown silent to the gap told; and to the next one."""
    watched, news = _Watched(), Signal()
    seen: list[float] = []
    mended: list[float] = []
    await sim.do("comments.rates", chat=5)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_listen, server, watched, news)
        for number in range(1, times + 1):
            progress(f"stall {number} of {times}")
            with anyio.fail_after(_STALL_WITHIN_S):
                found = await _stall(sim, watched, news)
            seen.append(found[0])
            mended.append(found[1])
        tasks.cancel_scope.cancel()
    await sim.do("comments.rates")
    return [
        *_times("stall_seen_s", seen, 45),
        *_times("stall_mended_s", mended, 5),
    ]


async def _stall(sim: Sim, watched: _Watched, news: Signal) -> tuple[float, float]:
    """How long it was unseen, and then unmended."""
    begun_s = time.monotonic()
    await news.until(lambda: watched.chat_s > begun_s)
    await sim.do("comments.freeze")
    frozen_s = time.monotonic()
    await news.until(lambda: watched.gap_s > frozen_s)
    await news.until(lambda: watched.chat_s > watched.gap_s)
    return watched.gap_s - frozen_s, watched.chat_s - watched.gap_s


def _times(metric: str, values: list[float], goal: float) -> list[Result]:
    at: dict[str, str | int] = {"stalls": len(values)}
    return [
        Result(metric, median(values), "s", {"of": "median", **at}, goal),
        Result(metric, max(values), "s", {"of": "max", **at}, goal),
    ]


async def _listen(server: Server, watched: _Watched, news: Signal) -> None:
    async for kind, data in server.client.events(_STREAM):
        if kind == "chat":
            watched.chat_s = time.monotonic()
        elif kind == "gap" and data.get("end_ts") is None:
            watched.gap_s = time.monotonic()
        news.changed()
