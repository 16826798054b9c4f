"""Comments inside one process: decoding, storing, finding and condensing them."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median

import anyio

from benchmarks.benchmark import progress
from benchmarks.comment_frames import CHATS_PER_FRAME, ROOM_ID, comments, frames
from benchmarks.independent_client import PEERS, environment
from benchmarks.processes import Process, pss_mib
from benchmarks.report import Peer, Result
from hostcue.comments.digest import digest
from hostcue.comments.douyin.inbox import Inbox
from hostcue.model.clock import now_ms
from hostcue.model.comment import Comment
from hostcue.storage.comments import Comments
from hostcue.storage.database import Database

_BATCH_S = 0.2  # how often a room's comments are stored
_PEER_FRAMES = 50  # the peer is slow
_QUERIES = 20
_DIGESTS = 5
_WINDOW = 5000


def decoding(count: int) -> Iterator[Result]:
    """Chats a second on one core, beside betterproto's on the first of the same frames."""
    progress(f"decode {count} frames of {CHATS_PER_FRAME} chats")
    given = frames(count)
    inbox = Inbox(ROOM_ID)
    inbox.read_frame(frames(1)[0], now_ms())
    began_s = time.process_time()
    events = sum(len(inbox.read_frame(frame, now_ms()).events) for frame in given)
    took_s = time.process_time() - began_s
    yield Result(
        "decode_chats_per_s_core",
        events / took_s,
        "",
        {"chats": events},
        150_000,
        "higher",
        _betterproto(given[:_PEER_FRAMES]),
    )


def _betterproto(given: list[bytes]) -> Peer | None:
    client = next(peer for peer in PEERS if peer.package == "douyin-live-chat")
    python = environment(client)
    if python is None:
        return None
    progress("the same with betterproto")
    with tempfile.TemporaryDirectory(prefix="hostcue-benchmark-") as place:
        path = Path(place) / "frames"
        path.write_bytes(b"".join(len(frame).to_bytes(4) + frame for frame in given))
        driver = Path(__file__).parent / "clients" / "betterproto_decodes.py"
        command = [str(python), str(driver), str(path)]
        with suppress(subprocess.SubprocessError):
            done = subprocess.run(command, capture_output=True, check=True, timeout=300)  # noqa: S603 - of this file
            found = json.loads(done.stdout)
            return Peer("betterproto 2.0.0b7", found["chats"] / found["cpu_s"])
    return None


async def storing(folder: Path, rate: int, for_s: float, rows: int) -> list[Result]:
    """What storing at a rate costs, and how long a window takes to read among so many rows."""
    async with Database.open(f"sqlite:///{folder / 'comments.db'}") as database:
        table = Comments(database)
        progress(f"store {rate} comments a second for {for_s:g} s")
        at: dict[str, str | int] = {"rows_per_s": rate, "seconds": round(for_s)}
        given, cpu_s, took_s, memory = await _store(table, rate, for_s)
        kept = await _count(database)
        progress(f"fill up to {rows} rows")
        start_ms = await _fill(table, given, rows)
        found = await _query_ms(table, start_ms)
    return [
        Result("rows_lost", given - kept, "", at, 0),
        Result("store_rows_per_s", given / took_s, "", at, better="higher"),
        # At the rate asked for, also where the machine was too busy to keep it.
        Result("store_cpu_percent", 100 * cpu_s * rate / given, "%", at, 15),
        Result("store_memory_growth_mib", memory, "MiB", at),
        Result("window_query_ms", found, "ms", {"rows": rows, "found": _WINDOW}, 20),
    ]


async def _store(table: Comments, rate: int, for_s: float) -> tuple[int, float, float, float]:
    """How many were given, the CPU and the wall time of storing them, and what memory grew."""
    batch = round(rate * _BATCH_S)
    given, made_s, memory = 0, 0.0, 0.0
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    for number in range(max(1, round(for_s / _BATCH_S))):
        await anyio.sleep_until(anyio.current_time())
        begun_s = time.thread_time()
        some = comments(batch, first=given, start_ms=now_ms(), span_ms=round(_BATCH_S * 1000))
        made_s += time.thread_time() - begun_s
        await table.take(some)
        given += len(some)
        if number == round(for_s / _BATCH_S) // 4:  # caches are warm then
            memory = _memory_mib()
        due_s = began_s + (number + 1) * _BATCH_S
        await anyio.sleep(max(0.0, due_s - time.monotonic()))
    cpu_s = time.process_time() - began_cpu_s - made_s
    return given, cpu_s, time.monotonic() - began_s, _memory_mib() - memory


async def _fill(table: Comments, given: int, rows: int) -> int:
    """The last rows are the window's: an hour of other comments lies before it."""
    start_ms = now_ms() + 3_600_000
    left = max(0, rows - given - _WINDOW)
    while left:
        some = comments(min(left, 5000), first=given, start_ms=now_ms(), span_ms=1000)
        await table.take(some)
        given += len(some)
        left -= len(some)
    await table.take(comments(_WINDOW, first=given, start_ms=start_ms, span_ms=300_000))
    return start_ms


async def _query_ms(table: Comments, start_ms: int) -> float:
    times: list[float] = []
    for _ in range(_QUERIES):
        began_s = time.perf_counter()
        found = await table.get_comments_between(
            ROOM_ID, start_ms, start_ms + 300_000, limit=_WINDOW
        )
        times.append(1000 * (time.perf_counter() - began_s))
        if len(found) != _WINDOW:
            raise RuntimeError(f"{len(found)} of {_WINDOW} comments were found")
    return median(times)


async def _count(database: Database) -> int:
    from sqlalchemy import text

    async with database.read() as connection:
        return int((await connection.execute(text("SELECT count(*) FROM comments"))).scalar_one())


def condensing(count: int) -> Iterator[Result]:
    """What a window of so many comments costs; its words go to a prompt."""
    progress(f"condense {count} comments")
    given: list[Comment] = comments(count, start_ms=now_ms(), span_ms=300_000)
    times: list[float] = []
    for _ in range(_DIGESTS):
        began_s = time.perf_counter()
        digest(given)
        times.append(1000 * (time.perf_counter() - began_s))
    yield Result("digest_ms", median(times), "ms", {"comments": count}, 150)


def _memory_mib() -> float:
    return pss_mib([Process(os.getpid(), 0, "", 0)])
