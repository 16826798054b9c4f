"""The whole path for one room: what it costs, and how fast lines follow a closed segment.

A pretend room, `hostcue serve` and this client are processes of their own; all figures are taken
from outside, through `/proc`, the file system and the event stream.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from statistics import median
from typing import cast

import anyio

from benchmarks.benchmark import Benchmark, progress
from benchmarks.peers import Ffmpeg
from benchmarks.processes import Process, Usage, family, watch
from benchmarks.report import Json, Peer, Report, Result
from benchmarks.scene import Arrivals, Room, Server, hostcue_server, pretend_room

_NO_CUT_S = 3600  # the longest segment: none is closed while CPU is counted


@dataclass(frozen=True, slots=True)
class Options:
    """What can be chosen."""

    runs: int = 1
    segments: int = 12
    segment_time: int = 2
    settle_s: int = 10
    watch_s: int = 30
    width: int = 720
    height: int = 1280
    fps: int = 30
    kbps: int = 2500
    pace: float = 1.0


_QUICK = replace(Options(), segments=4, settle_s=2, watch_s=5)
_HELP = {
    "runs": "how often all of it is measured; the figures are medians",
    "segments": "how many segments are timed in a run",
    "segment_time": "their length in seconds",
    "settle_s": "seconds to wait before CPU is counted",
    "watch_s": "seconds in which CPU is counted",
    "width": "of the picture",
    "height": "of the picture",
    "fps": "pictures per second",
    "kbps": "constant rate of the picture",
    "pace": "how fast viewers comment; 1 is more than one comment a second",
}


@dataclass(frozen=True, slots=True)
class _Latency:
    """From a file's final name to its event, and to its lines without the model's share."""

    event_ms: float
    tips_s: float


@dataclass(frozen=True, slots=True)
class _Run:
    """What one server showed; `worker` is part of `helpers`, and these are part of `server`."""

    rest: Usage
    latencies: list[_Latency]
    worker: Usage
    helpers: Usage
    server: Usage
    peer: Usage | None


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="less of everything, about 40 s")
    for option in fields(Options):
        parser.add_argument(
            f"--{option.name.replace('_', '-')}",
            type=type(option.default),
            metavar="N",
            help=f"{_HELP[option.name]} ({option.default})",
        )


async def _measure(given: Mapping[str, object]) -> Report:
    known = {option.name for option in fields(Options)}
    chosen = {key: value for key, value in given.items() if key in known and value is not None}
    options = replace(_QUICK if given["quick"] else Options(), **chosen)  # type: ignore[arg-type] # of argparse
    peer = Ffmpeg.find()
    progress("path: drawing and encoding the pretend room")
    picture = ("width", "height", "fps", "kbps", "pace")
    arguments = [text for key in picture for text in (f"--{key}", str(getattr(options, key)))]
    with tempfile.TemporaryDirectory(prefix="hostcue-benchmark-") as place:
        folder = Path(place)
        async with pretend_room(["--seconds", "8", *arguments]) as room:
            progress("path: creating the database")
            async with hostcue_server(folder, room.environment):
                pass
            runs = [await _run(options, room, folder, peer) for _ in range(options.runs)]
    return Report("path", asdict(options), _results(runs, peer))


async def _run(options: Options, room: Room, folder: Path, peer: Ffmpeg | None) -> _Run:
    async with hostcue_server(folder, room.environment) as server:
        progress("path: the server at rest")
        (rest,) = await _watched(options, lambda: family(server.pid))
        progress(f"path: {options.segments} segments of {options.segment_time} s")
        latencies = await _timed(options, room, server)
        progress("path: one room is recorded")
        recording_id = await server.record(room.link, _NO_CUT_S)
        worker, helpers, whole = await _watched(
            options,
            lambda: _workers(server.pid),
            lambda: family(server.pid)[1:],
            lambda: family(server.pid),
        )
        await server.stop(recording_id)
    beside = None
    if peer is not None:
        progress(f"path: {peer.name} records the same stream")
        async with peer.recording(room.flv_url, _NO_CUT_S, folder) as pid:
            (beside,) = await _watched(options, lambda: family(pid))
    return _Run(rest, latencies, worker, helpers, whole, beside)


async def _watched(options: Options, *groups: Callable[[], list[Process]]) -> list[Usage]:
    await anyio.sleep(options.settle_s)
    return await watch(*groups, for_s=options.watch_s)


def _workers(server: int) -> list[Process]:
    """What the server's helper forked: one process per room."""
    helper, *rest = family(server)[1:]
    return [process for process in rest if process.parent == helper.pid]


async def _timed(options: Options, room: Room, server: Server) -> list[_Latency]:
    wait_s = options.segments * options.segment_time + 60
    async with Arrivals.of(server) as arrivals:
        recording_id = await server.record(room.link, options.segment_time)
        await arrivals.until("tips_ready", options.segments, within_s=wait_s)
        await server.stop(recording_id)
        ready, tips = arrivals.found["segment_ready"], arrivals.found["tips_ready"]
        await arrivals.until("tips_ready", len(ready), within_s=60)  # nothing may go on behind
    found = []
    for seq in sorted(ready)[: options.segments]:
        closed_ns = _named_ns(str(ready[seq].data["path"]))
        model_s = await _model_s(server, recording_id, seq)
        found.append(
            _Latency(
                event_ms=(ready[seq].at_ns - closed_ns) / 1e6,
                tips_s=(tips[seq].at_ns - closed_ns) / 1e9 - model_s,
            )
        )
    return found


def _named_ns(path: str) -> int:
    """When a file got its name: nothing changes its inode after that."""
    return Path(path).stat().st_ctime_ns


async def _model_s(server: Server, recording_id: str, seq: int) -> float:
    """How long the model took.

    Raises:
        RuntimeError: the lines are not the model's.
    """
    status = cast(
        "Json",
        await server.client.get("/api/analysis/status", recording_id=recording_id, seq=seq),
    )
    if status["mode"] != "ai":
        raise RuntimeError(f"segment {seq} got no lines from the model: {status['reason']}")
    return float(str(status["model_ms"])) / 1000


def _results(runs: list[_Run], peer: Ffmpeg | None) -> list[Result]:
    return [
        *_latencies([latency for run in runs for latency in run.latencies]),
        *_costs("rest", [run.rest for run in runs], {}, mib=150, percent=2),
        *_costs(
            "recording",
            [run.worker for run in runs],
            {"processes": "worker"},
            mib=15,
            percent=1,
            peer=peer,
            beside=[run.peer for run in runs if run.peer],
        ),
        *_costs("recording", [run.helpers for run in runs], {"processes": "worker, forker"}),
        *_costs("recording_server", [run.server for run in runs], {"processes": "all"}),
    ]


def _latencies(found: list[_Latency]) -> Iterator[Result]:
    """Over the segments of all runs; the first segment of a run finds libraries not yet loaded."""
    for of, choose in (("median", median), ("max", max)):
        at: dict[str, str | int] = {"of": of, "segments": len(found)}
        event_ms = choose([latency.event_ms for latency in found])
        tips_s = choose([latency.tips_s for latency in found])
        yield Result("closed_to_event_ms", event_ms, "ms", at, goal=100)
        yield Result("closed_to_tips_minus_model_s", tips_s, "s", at, goal=1.5)


def _costs(
    what: str,
    usages: list[Usage],
    at: Mapping[str, str | int],
    *,
    mib: float | None = None,
    percent: float | None = None,
    peer: Ffmpeg | None = None,
    beside: Sequence[Usage] = (),
) -> Iterator[Result]:
    """Medians over the runs."""

    def of_peer(values: list[float]) -> Peer | None:
        return Peer(peer.name, median(values)) if peer and values else None

    cpu = median([usage.cpu_percent for usage in usages])
    cpu_peer = of_peer([usage.cpu_percent for usage in beside])
    yield Result(f"{what}_cpu_percent", cpu, "%", at, percent, peer=cpu_peer)
    pss = median([usage.pss_mib for usage in usages])
    pss_peer = of_peer([usage.pss_mib for usage in beside])
    memory = f"{what}_mib" if what == "rest" else f"{what}_pss_mib"
    yield Result(memory, pss, "MiB", at, mib, peer=pss_peer)


BENCHMARK = Benchmark(
    "one room: cost of resting and recording, and the time from a closed segment to its lines",
    _add_options,
    _measure,
)
