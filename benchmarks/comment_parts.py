"""Comments inside this process: decoding and condensing them."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median

from benchmarks.benchmark import progress
from benchmarks.comment_frames import CHATS_PER_FRAME, ROOM_ID, Crowd, frames
from benchmarks.independent_client import PEERS, environment
from benchmarks.report import Peer, Result
from hostcue.comments.digest import digest
from hostcue.comments.douyin.inbox import Inbox
from hostcue.comments.pseudonyms import Pseudonyms
from hostcue.model.clock import now_ms

_PEER_FRAMES = 50  # the peer is slow
_DIGESTS = 5
_WINDOW_MS = 300_000


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


def condensing(count: int) -> Iterator[Result]:
    """What a window of so many comments costs beside the one before; its words go to a prompt."""
    progress(f"condense {count} comments")
    crowd, pseudonyms, start_ms = Crowd(), Pseudonyms(b"benchmark"), now_ms()
    before, given = (
        [pseudonyms.veil(one) for one in crowd.write(count, start_ms=at_ms, span_ms=_WINDOW_MS)]
        for at_ms in (start_ms - _WINDOW_MS, start_ms)
    )
    span_s = _WINDOW_MS / 1000
    times: list[tuple[float, float]] = []
    for _ in range(_DIGESTS):
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        digest(given, span_s=span_s, before=before, before_span_s=span_s)
        times.append((time.perf_counter() - began_s, time.process_time() - began_cpu_s))
    took_s, cpu_s = map(median, zip(*times, strict=True))
    at: dict[str, str | int] = {"comments": count, "before": count}
    yield Result("digest_ms", 1000 * took_s, "ms", at, 150)
    yield Result("digest_cpu_ms", 1000 * cpu_s, "ms", at)
