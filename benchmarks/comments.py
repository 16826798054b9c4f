"""Comments: how fast they are decoded, stored, found, condensed and passed on; how a stall ends.

Decoding and condensing are measured in this process, by its own CPU time; the store in one that
is given its comments by this one. The relay and the stall are those of `hostcue serve` as a
process, with a pretend room as another. See `docs/benchmarks.md`.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.benchmark import Benchmark, progress
from benchmarks.comment_browser import browsing
from benchmarks.comment_parts import condensing, decoding
from benchmarks.comment_relay import Load, serving, stalling
from benchmarks.comment_store import storing
from benchmarks.options import adds, chosen
from benchmarks.report import Report, Result
from benchmarks.scene import hostcue_server
from benchmarks.sim import Sim
from hostcue import log

_PARTS = ("decode", "store", "digest", "relay", "stall", "browser")
_SMALL = ["--seconds", "4", "--width", "96", "--height", "160"]  # nobody looks


@dataclass(frozen=True, slots=True)
class Options:
    """What can be chosen; all above 0."""

    frames: int = 2000
    rows_per_s: int = 10_000
    store_s: float = 60.0
    rows: int = 1_000_000
    comments: int = 10_000
    clients: int = 50
    events_per_s: int = 100
    settle_s: float = 3.0
    watch_s: float = 30.0
    stalls: int = 3
    browser_frames: int = 500


_QUICK = Options(frames=200, store_s=5.0, rows=100_000, watch_s=5.0, stalls=1, browser_frames=200)
_HELP = {
    "frames": "how many frames of twenty chats are decoded",
    "rows_per_s": "how many comments are stored a second",
    "store_s": "for how many seconds",
    "rows": "among how many rows a window is looked for",
    "comments": "how many comments are condensed",
    "clients": "how many read the stream",
    "events_per_s": "how many comments come a second meanwhile",
    "settle_s": "seconds to wait before CPU is counted",
    "watch_s": "seconds in which CPU is counted",
    "stalls": "how often a connection falls silent",
    "browser_frames": "how many frames of twenty chats come through a browser at once",
}


def _add_options(parser: argparse.ArgumentParser) -> None:
    adds(Options(), _HELP, "about 2 minutes")(parser)
    parser.add_argument(
        "--only", choices=_PARTS, nargs="+", default=_PARTS, help="these parts of it"
    )


async def _measure(given: Mapping[str, object]) -> Report:
    options = chosen(given, Options(), _QUICK)
    parts = given["only"]
    if not isinstance(parts, Sequence):
        raise TypeError("parts are several")
    log.setup(logging.WARNING)  # the measured parts log to standard error, like a server
    results: list[Result] = []
    if "decode" in parts:
        results += decoding(options.frames)
    if "digest" in parts:
        results += condensing(options.comments)
    with tempfile.TemporaryDirectory(prefix="hostcue-benchmark-") as place:
        if "store" in parts:
            rate, for_s = options.rows_per_s, options.store_s
            results += await storing(Path(place), rate, for_s, options.rows)
        if {"relay", "stall", "browser"} & set(parts):
            results += await _served(options, parts, Path(place))
    return Report("comments", {**asdict(options), "only": list(parts)}, results)


async def _served(options: Options, parts: Sequence[str], folder: Path) -> list[Result]:
    """What takes a pretend room."""
    results: list[Result] = []
    progress("draw and encode the pretend room")
    async with Sim.open(_SMALL) as sim:
        if "browser" in parts:
            results += await browsing(sim, folder, options.browser_frames)
        if not {"relay", "stall"} & set(parts):
            return results
        async with hostcue_server(folder, sim.environment) as server:
            await server.client.post("/api/douyin/web/start", {"live_url": sim.rooms[0].link})
            if "relay" in parts:
                load = Load(
                    options.clients, options.events_per_s, options.settle_s, options.watch_s
                )
                results += await serving(server, sim, load)
            if "stall" in parts:
                results += await stalling(server, sim, options.stalls)
    return results


BENCHMARK = Benchmark(
    "comments: decoding, storing, finding, condensing and passing on; and how a stall ends",
    _add_options,
    _measure,
)
