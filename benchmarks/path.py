"""The whole path for one room: what it costs, and how fast lines follow a closed segment.

A pretend room, `hostcue serve` and this client are processes of their own; all figures are taken
from outside: through `/proc`, the file system and the event stream. See `docs/benchmarks.md`.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import cast

import anyio

from benchmarks import processes
from benchmarks.benchmark import Benchmark, progress
from benchmarks.options import adds, chosen
from benchmarks.peers import Ffmpeg
from benchmarks.processes import Process, Usage, family, watch
from benchmarks.report import Json, Peer, Report, Result
from benchmarks.scene import Arrivals, Server, hostcue_server, when_named_ns
from benchmarks.sim import Room, Sim

_NO_CUT_S = 3600  # the longest segment: none is closed while CPU is counted
_BRIEF_MS = 1100  # a segment of a second or less may get no lines
_LOOP_S = 8  # drawing the picture takes as long


@dataclass(frozen=True, slots=True)
class Options:
    """What can be chosen; all above 0."""

    runs: int = 1
    rooms: int = 1
    segments: int = 12
    segment_time: int = 2
    settle_s: float = 10.0
    watch_s: float = 30.0
    width: int = 720
    height: int = 1280
    fps: int = 30
    kbps: int = 2500
    pace: float = 1.0


_QUICK = replace(Options(), segments=4, settle_s=2, watch_s=5)
_HELP = {
    "runs": "how often all of it is measured",
    "rooms": "how many rooms are recorded while CPU is counted; the first has comments",
    "segments": "how many segments are timed in a run, of one room",
    "segment_time": "their length in seconds",
    "settle_s": "seconds to wait before CPU is counted",
    "watch_s": "seconds in which CPU is counted",
    "width": "of the picture",
    "height": "of the picture",
    "fps": "pictures a second",
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
    """What one server showed; workers are some of the helpers, and these belong to the server."""

    rest: Usage
    latencies: list[_Latency]
    workers: Usage
    helpers: Usage
    server: Usage
    peer: Usage | None


async def _measure(given: Mapping[str, object]) -> Report:
    options = chosen(given, Options(), _QUICK)
    peer = Ffmpeg.find()
    runs = []
    with tempfile.TemporaryDirectory(prefix="hostcue-benchmark-") as place:
        fresh = Path(place) / "fresh"
        progress("draw and encode the pretend room")
        async with Sim.open(_arguments(options)) as sim:
            progress("create the database")
            fresh.mkdir()
            async with hostcue_server(fresh, sim.environment):
                pass
            for number in range(1, options.runs + 1):
                progress(f"run {number} of {options.runs}")
                folder = shutil.copytree(fresh, fresh.with_name(f"run{number}"))
                runs.append(await _run(options, sim, folder, peer))
    return Report("path", asdict(options), _results(options.rooms, runs, peer))


def _arguments(options: Options) -> list[str]:
    same = ("rooms", "width", "height", "fps", "kbps", "pace")
    pairs = {"seconds": _LOOP_S, **{key: getattr(options, key) for key in same}}.items()
    return [text for key, value in pairs for text in (f"--{key}", str(value))]


async def _run(options: Options, sim: Sim, folder: Path, peer: Ffmpeg | None) -> _Run:
    async with hostcue_server(folder, sim.environment) as server:
        progress("  the server at rest")
        (rest,) = await _watched(options, lambda: family(server.pid))
        progress(f"  {options.segments} segments of {options.segment_time} s")
        latencies = await _timed(options, sim.rooms[0], server)
        progress(f"  {options.rooms} recorded by hostcue")
        for link in sim.links:
            await server.record(link, _NO_CUT_S)
        workers, helpers, whole = await _watched(
            options,
            lambda: processes.workers(server.pid),
            lambda: family(server.pid)[1:],
            lambda: family(server.pid),
        )
    beside = None
    if peer is not None:
        progress(f"  {options.rooms} recorded by {peer.name}")
        beside = await _beside(options, sim, folder, peer)
    return _Run(rest, latencies, workers, helpers, whole, beside)


async def _watched(options: Options, *groups: Callable[[], list[Process]]) -> list[Usage]:
    await anyio.sleep(options.settle_s)
    return await watch(*groups, for_s=options.watch_s)


async def _beside(options: Options, sim: Sim, folder: Path, peer: Ffmpeg) -> Usage:
    async with AsyncExitStack() as stack:
        pids = [
            await stack.enter_async_context(
                peer.recording(room.flv_url, folder / f"{number}-%03d.mp4", _NO_CUT_S)
            )
            for number, room in enumerate(sim.rooms)
        ]
        (usage,) = await _watched(options, lambda: [p for pid in pids for p in family(pid)])
        return usage


async def _timed(options: Options, room: Room, server: Server) -> list[_Latency]:
    wait_s = options.segments * options.segment_time + 60
    async with Arrivals.of(server) as arrivals:
        recording_id = await server.record(room.link, options.segment_time)
        await arrivals.until("tips_ready", recording_id, options.segments, within_s=wait_s)
        await server.stop(recording_id)
        ready = arrivals.by_seq("segment_ready", recording_id)
        # Nothing may go on behind; the last may be too short to be analysed.
        spans_ms = (
            cast("int", o.data["end_ts"]) - cast("int", o.data["start_ts"]) for o in ready.values()
        )
        long = sum(span_ms > _BRIEF_MS for span_ms in spans_ms)
        await arrivals.until("tips_ready", recording_id, long, within_s=60)
        tips = arrivals.by_seq("tips_ready", recording_id)
    found = []
    for seq in sorted(ready)[: options.segments]:
        named_ns = when_named_ns(str(ready[seq].data["path"]))
        model_s = await _model_s(server, recording_id, seq)
        found.append(
            _Latency(
                event_ms=(ready[seq].at_ns - named_ns) / 1e6,
                tips_s=(tips[seq].at_ns - named_ns) / 1e9 - model_s,
            )
        )
    return found


async def _model_s(server: Server, recording_id: str, seq: int) -> float:
    """How long the model took.

    Raises:
        RuntimeError: the lines are not the model's.
    """
    found = await server.client.get("/api/analysis/status", recording_id=recording_id, seq=seq)
    status = cast("Json", found)
    if status["mode"] != "ai":
        raise RuntimeError(f"segment {seq} got no lines from the model: {status['reason']}")
    return cast("int", status["model_ms"]) / 1000


def _results(rooms: int, runs: Sequence[_Run], peer: Ffmpeg | None) -> list[Result]:
    at = {"rooms": rooms}
    beside = [run.peer.share(rooms) for run in runs if run.peer is not None]
    peers = (peer.name, beside) if peer is not None else None
    workers = [run.workers.share(rooms) for run in runs]
    return [
        *_latencies([latency for run in runs for latency in run.latencies]),
        *_costs("rest", [run.rest for run in runs], goals=(2, 150)),
        *_costs("recording", workers, at=at, goals=(1, 15), peers=peers),
        *_costs("recording_helpers", [run.helpers for run in runs], at=at),
        *_costs("recording_server", [run.server for run in runs], at=at),
    ]


def _latencies(found: Sequence[_Latency]) -> Iterator[Result]:
    """Over the segments of all runs; the first of each finds libraries that are not loaded yet."""
    kinds = (
        ("closed_to_event_ms", "ms", 100, [latency.event_ms for latency in found]),
        ("closed_to_tips_minus_model_s", "s", 1.5, [latency.tips_s for latency in found]),
    )
    for metric, unit, goal, values in kinds:
        for of, value in (("median", median(values)), ("max", max(values))):
            yield Result(metric, value, unit, {"of": of, "segments": len(values)}, goal)


def _costs(
    what: str,
    usages: Sequence[Usage],
    *,
    at: Mapping[str, int] | None = None,
    goals: tuple[float | None, float | None] = (None, None),
    peers: tuple[str, Sequence[Usage]] | None = None,
) -> Iterator[Result]:
    """CPU and memory, medians over the runs; `goals` in this order."""
    memory = f"{what}_mib" if what == "rest" else f"{what}_pss_mib"
    ours, theirs = _median(usages), None if peers is None else _median(peers[1])
    cpu_peer = None if peers is None or theirs is None else Peer(peers[0], theirs.cpu_percent)
    pss_peer = None if peers is None or theirs is None else Peer(peers[0], theirs.pss_mib)
    yield Result(f"{what}_cpu_percent", ours.cpu_percent, "%", at or {}, goals[0], peer=cpu_peer)
    yield Result(memory, ours.pss_mib, "MiB", at or {}, goals[1], peer=pss_peer)


def _median(usages: Sequence[Usage]) -> Usage:
    return Usage(
        median([usage.cpu_percent for usage in usages]), median([usage.pss_mib for usage in usages])
    )


BENCHMARK = Benchmark(
    "one room: what resting and recording cost, and how fast lines follow a closed segment",
    adds(Options(), _HELP, "about 40 s"),
    _measure,
)
