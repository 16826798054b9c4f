"""The recorder: what a room costs, and what becomes of its media when things go wrong.

Beside `ffmpeg -c copy -f segment` on the same streams, in turn with ours where CPU is counted.
See `docs/benchmarks.md`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

import anyio
import anyio.to_thread

from benchmarks.benchmark import Benchmark, progress
from benchmarks.options import adds, chosen
from benchmarks.peers import Ffmpeg
from benchmarks.processes import Usage, family, watch, workers
from benchmarks.recording_checks import FORMATS, Scene, cuts, kills, outages
from benchmarks.report import Peer, Report, Result
from benchmarks.scene import Arrivals, Server, hostcue_server
from benchmarks.sim import Sim
from hostcue.sim.media import make_clip

_LOOP_S = 8  # drawing the picture takes as long


@dataclass(frozen=True, slots=True)
class Options:
    """What can be chosen; all above 0."""

    rooms: tuple[int, ...] = (1, 4, 8, 16)
    runs: int = 1
    settle_s: float = 20.0
    watch_s: float = 30.0
    cost_segment_time: int = 60
    segments: int = 12
    segment_time: int = 2
    kill_after_s: float = 6.0
    down_s: float = 6.0
    calm_s: float = 2.0
    width: int = 720
    height: int = 1280
    fps: int = 30
    kbps: int = 2500


_QUICK = replace(
    Options(),
    rooms=(1,),
    settle_s=1,
    watch_s=2,
    segments=2,
    kill_after_s=3,
    down_s=1,
    width=360,
    height=640,
    fps=15,
    kbps=800,
)
_HELP = {
    "rooms": "how many rooms are recorded while CPU and memory are counted",
    "runs": "how often that is done; the median counts",
    "settle_s": "seconds to wait before each count",
    "watch_s": "seconds in which CPU is counted",
    "cost_segment_time": "length of segments meanwhile, in seconds",
    "segments": "how many are cut to look at frames, windows and events",
    "segment_time": "their length in seconds",
    "kill_after_s": "how long a segment is open when its recorder is killed",
    "down_s": "seconds a source stays away",
    "calm_s": "seconds without a fault before each",
    "width": "of the picture",
    "height": "of the picture",
    "fps": "pictures a second",
    "kbps": "constant rate of the picture",
}


async def _measure(given: Mapping[str, object]) -> Report:
    options = chosen(given, Options(), _QUICK)
    picture = {name: getattr(options, name) for name in ("width", "height", "fps", "kbps")}
    peer = Ffmpeg.find()
    rooms = max(*options.rooms, len(FORMATS))
    told = {"rooms": rooms, "seconds": _LOOP_S, **picture}
    progress("draw and encode the pretend rooms")
    clip = await anyio.to_thread.run_sync(partial(make_clip, seconds=_LOOP_S, **picture))
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hostcue-benchmark-")))
        arguments = [text for name, value in told.items() for text in (f"--{name}", str(value))]
        sim = await stack.enter_async_context(Sim.open(arguments))
        environment = {**sim.environment, "HOSTCUE_MAX_RECORDINGS": str(rooms)}
        server = await stack.enter_async_context(hostcue_server(folder, environment))
        arrivals = await stack.enter_async_context(Arrivals.of(server))
        scene = Scene(sim, server, arrivals, clip, folder, peer)
        results = await _checks(options, scene)
        results += await _costs(options, scene)
    return Report("recording", asdict(options), results)


async def _checks(options: Options, scene: Scene) -> list[Result]:
    progress(f"{options.segments} segments of {options.segment_time} s")
    results = await cuts(scene, options.segments, options.segment_time)
    progress("kill -9 in every format")
    results += await kills(scene, options.kill_after_s)
    progress("a stall, a drop, and a source that refuses")
    return results + await outages(scene, options.down_s, options.calm_s)


async def _costs(options: Options, scene: Scene) -> list[Result]:
    ours: list[dict[int, Usage]] = []
    theirs: list[dict[int, Usage]] = []
    for number in range(1, options.runs + 1):
        progress(f"run {number} of {options.runs}")
        ours.append(await _ours(options, scene.sim, scene.server))
        if scene.peer is not None:
            folder = scene.folder / f"peer{number}"
            folder.mkdir()
            theirs.append(await _theirs(options, scene.sim, scene.peer, folder))
    return [
        result
        for rooms in sorted(options.rooms)
        for result in _cost(
            rooms, [run[rooms] for run in ours], scene.peer, [run[rooms] for run in theirs]
        )
    ]


async def _ours(options: Options, sim: Sim, server: Server) -> dict[int, Usage]:
    """What each of so many rooms costs: the worker process alone."""
    recordings: list[str] = []
    found = {}
    for rooms in sorted(options.rooms):
        progress(f"  {rooms} recorded by hostcue")
        for room in range(len(recordings), rooms):
            recording_id = await server.record(sim.links[room], options.cost_segment_time)
            recordings.append(recording_id)
        await anyio.sleep(options.settle_s)
        (usage,) = await watch(lambda: workers(server.pid), for_s=options.watch_s)
        found[rooms] = usage.share(rooms)
    for recording_id in recordings:
        await server.stop(recording_id)
    return found


async def _theirs(options: Options, sim: Sim, peer: Ffmpeg, folder: Path) -> dict[int, Usage]:
    pids: list[int] = []
    found = {}
    async with AsyncExitStack() as stack:
        for rooms in sorted(options.rooms):
            progress(f"  {rooms} recorded by {peer.name}")
            for room in range(len(pids), rooms):
                recording = peer.recording(
                    sim.rooms[room].flv_url,
                    folder / f"{room}-%03d.mp4",
                    options.cost_segment_time,
                )
                pids.append(await stack.enter_async_context(recording))
            await anyio.sleep(options.settle_s)
            (usage,) = await watch(
                lambda: [process for pid in pids for process in family(pid)],
                for_s=options.watch_s,
            )
            found[rooms] = usage.share(rooms)
    return found


def _cost(
    rooms: int, ours: Sequence[Usage], peer: Ffmpeg | None, theirs: Sequence[Usage]
) -> list[Result]:
    """The goal for memory is one for many rooms: those share what a few don't."""
    at = {"rooms": rooms}
    cpu, pss = _medians(ours)
    peers: tuple[Peer | None, Peer | None] = None, None
    if peer is not None:
        their_cpu, their_pss = _medians(theirs)
        peers = Peer(peer.name, their_cpu), Peer(peer.name, their_pss)
    goal = 15 if rooms >= 16 else None
    return [
        Result("cpu_percent_per_room", cpu, "%", at, 1, peer=peers[0]),
        Result("pss_mib_per_room", pss, "MiB", at, goal, peer=peers[1]),
    ]


def _medians(usages: Sequence[Usage]) -> tuple[float, float]:
    cpu = median(usage.cpu_percent for usage in usages)
    return cpu, median(usage.pss_mib for usage in usages)


BENCHMARK = Benchmark(
    "the recorder: CPU and memory per room, cuts, kill -9, stalls, truth of the windows",
    adds(Options(), _HELP, "about 55 s"),
    _measure,
)
