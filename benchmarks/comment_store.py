"""The store of comments: what it costs to fill, and how fast a window is found in it.

The process that is measured, `python -m benchmarks.comment_store`, is given its comments by this
one and does what a server does between its sources and its clients, of whom there are none: it
veils who wrote, stores, counts and hands the events to the hub.
"""

from __future__ import annotations

import gc
import json
import logging
import marshal
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream
from anyio.streams.buffered import BufferedByteReceiveStream

from benchmarks.benchmark import progress
from benchmarks.comment_frames import ROOM_ID, Crowd
from benchmarks.processes import Process, pss_mib
from benchmarks.report import Result
from benchmarks.scene import first_line, started
from hostcue import log
from hostcue.comments.pseudonyms import Pseudonyms
from hostcue.events.hub import Hub
from hostcue.model.clock import now_ms
from hostcue.model.comment import Comment, comment_of
from hostcue.storage.comments import Comments
from hostcue.storage.database import Database

_BATCH_S = 0.2  # how often a room's comments are stored
_FILL = 5000
_FILL_FROM_MS = 4_000_000_000_000  # apart from what comes in time
_WINDOW, _SPACING_MS = 5000, 60
"""What a window holds, and how far apart its comments are: five minutes of a crowded room."""
_QUERIES = 20
_READY = "ready"


@dataclass(slots=True)
class Found:
    """What the measured process says; seconds, MiB and, of each query, milliseconds."""

    cpu_s: float = 0.0
    took_s: float = 0.0
    memory_growth: float = 0.0
    given: int = 0
    kept: int = 0
    query_ms: list[float] = field(default_factory=list[float])
    query_cpu_ms: list[float] = field(default_factory=list[float])


async def storing(folder: Path, rate: int, for_s: float, rows: int) -> list[Result]:
    """What storing at a rate costs, and how long a window takes to read among so many rows."""
    batches = max(1, round(for_s / _BATCH_S))
    command = [sys.executable, "-m", "benchmarks.comment_store", str(folder), str(batches)]
    async with (
        started(command, environment={}, cwd=Path(__file__).parents[1]) as process,
        anyio.create_task_group() as tasks,
    ):
        if process.stdin is None or process.stdout is None:
            raise TypeError("the process was started without pipes")
        tasks.start_soon(_pass_on, process.stderr)
        answers = BufferedByteReceiveStream(process.stdout)
        await first_line(answers, _READY.encode())
        async with process.stdin:
            await _give(process.stdin, batches, round(rate * _BATCH_S), rows)
        said = b"".join([piece async for piece in answers])
        if await process.wait():
            raise RuntimeError("the process that stores ended early")
    found = Found(**json.loads(said))
    at: dict[str, str | int] = {"rows_per_s": rate, "seconds": round(for_s)}
    there: dict[str, str | int] = {"rows": max(rows, found.given), "found": _WINDOW}
    return [
        Result("rows_lost", found.given - found.kept, "", at, 0),
        Result("store_rows_per_s", found.given / found.took_s, "", at, better="higher"),
        # At the rate asked for, also where the machine was too busy to keep it.
        Result("store_cpu_percent", 100 * found.cpu_s * rate / found.given, "%", at, 15),
        Result("store_memory_growth_mib", found.memory_growth, "MiB", at),
        Result("window_query_ms", median(found.query_ms), "ms", there, 20),
        Result("window_query_cpu_ms", median(found.query_cpu_ms), "ms", there),
    ]


async def _pass_on(said: ByteReceiveStream | None) -> None:
    """What the process complains of."""
    if said is not None:
        async for piece in said:
            sys.stderr.write(piece.decode(errors="replace"))


async def _give(stream: ByteSendStream, batches: int, size: int, rows: int) -> None:
    """Batches in time, then as many rows as are missing, as fast as they are taken."""
    progress(f"store {batches} batches of {size} comments, one each {_BATCH_S} s")
    crowd, began_s = Crowd(), time.monotonic()
    for number in range(batches):
        some = crowd.write(size, start_ms=now_ms(), span_ms=round(_BATCH_S * 1000))
        await anyio.sleep(max(0.0, began_s + number * _BATCH_S - time.monotonic()))
        await stream.send(_packed(some))
    progress(f"fill up to {rows} rows")
    left, at_ms = max(rows - batches * size, _WINDOW), _FILL_FROM_MS
    while left:
        count = min(left, _FILL)
        await stream.send(_packed(crowd.write(count, start_ms=at_ms, span_ms=count * _SPACING_MS)))
        left, at_ms = left - count, at_ms + count * _SPACING_MS


def _packed(comments: list[Comment]) -> bytes:
    rows = [
        (
            one.id,
            one.platform,
            one.room_id,
            one.user,
            one.content,
            one.ts_ms,
            one.kind,
            dict(one.metadata),
            one.viewer,
        )
        for one in comments
    ]
    packed = marshal.dumps(rows, 2)  # without references: each comment comes with its own texts
    return len(packed).to_bytes(4) + packed


def _batches() -> Iterator[list[Comment]]:
    """What standard input brings, until it ends."""
    while head := sys.stdin.buffer.read(4):
        rows = marshal.loads(sys.stdin.buffer.read(int.from_bytes(head)))  # noqa: S302 - our own
        yield [comment_of(*row) for row in rows]


async def _measured(folder: Path, count: int) -> Found:
    """The process itself: `count` batches are looked at, the others only stored."""
    async with Database.open(f"sqlite:///{folder / 'comments.db'}") as database:
        database.on_commit(Hub().publish)
        table, pseudonyms = Comments(database), Pseudonyms(b"benchmark")

        async def take(batch: list[Comment]) -> None:
            await table.take([pseudonyms.veil(comment) for comment in batch])

        found, batches = Found(), _batches()
        await _store(found, take, batches, count)
        found.kept = await _count(database)
        filled = 0
        for batch in batches:
            await take(batch)
            filled += len(batch)
        await _query(found, table, filled)
    return found


async def _store(
    found: Found,
    take: Callable[[list[Comment]], Awaitable[None]],
    batches: Iterator[list[Comment]],
    count: int,
) -> None:
    """What is read in and made a comment again is the source's part, and not counted."""
    gc.collect()
    gc.freeze()  # as `hostcue serve` does
    sys.stdout.write(f"{_READY}\n")
    sys.stdout.flush()
    began_s = time.monotonic()
    began_cpu_s, read_s, memory = time.process_time(), 0.0, 0.0
    for number in range(count):
        begun_s = time.thread_time()
        batch = next(batches)
        read_s += time.thread_time() - begun_s
        await take(batch)
        found.given += len(batch)
        if number == count // 4:  # caches are warm then
            memory = _memory_mib()
    found.cpu_s = time.process_time() - began_cpu_s - read_s
    found.took_s = time.monotonic() - began_s
    found.memory_growth = _memory_mib() - memory


async def _query(found: Found, table: Comments, filled: int) -> None:
    """Windows all over the table, each once: none is in a cache because it was just read."""
    for number in range(_QUERIES):
        start_ms = _FILL_FROM_MS + number * (filled - _WINDOW) // _QUERIES * _SPACING_MS
        end_ms = start_ms + _WINDOW * _SPACING_MS
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        rows = await table.get_comments_between(ROOM_ID, start_ms, end_ms, limit=_WINDOW)
        found.query_ms.append(1000 * (time.perf_counter() - began_s))
        found.query_cpu_ms.append(1000 * (time.process_time() - began_cpu_s))
        if len(rows) != _WINDOW:
            raise RuntimeError(f"{len(rows)} of {_WINDOW} comments were found")


async def _count(database: Database) -> int:
    ((count,),) = await database.fetch("SELECT count(*) FROM comments", ())
    return int(count)


def _memory_mib() -> float:
    return pss_mib([Process(os.getpid(), 0, "", 0)])


if __name__ == "__main__":
    log.setup(logging.WARNING)  # to standard error: the answer alone goes to standard output
    sys.stdout.write(json.dumps(asdict(anyio.run(_measured, Path(sys.argv[1]), int(sys.argv[2])))))
