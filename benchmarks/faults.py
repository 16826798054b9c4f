"""One faulty stream, recorded by hostcue and its peers at the same time.

A peer that ends is started again after a second, which is more than those who use it so do:
StreamCap looks again after 180 s. A peer says nothing of when its media was live; what counts for
it is the time at which it was started, and the media it wrote since. See `docs/benchmarks.md`.
"""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median

import anyio
import anyio.to_thread

from benchmarks.benchmark import Benchmark, progress
from benchmarks.options import adds, chosen
from benchmarks.peers import Ffmpeg, Recorder, streamcap, streamlink
from benchmarks.report import Report, Result
from benchmarks.scene import Arrivals, Server, drain, hostcue_server, started
from benchmarks.sim import Moment, Room, Sim
from benchmarks.truth import Piece, Timeline, Verdict, judge, length_s
from hostcue.sim.media import Clip, Picture, make_clip

_BURST_S = 2.0  # what a viewer who comes back gets of the past
# A hole may begin a little after its fault, whose time is taken when the answer comes, and end
# before it: what was on its way or in a buffer is lost, and the burst is of the past.
_SOON_MS, _PAST_MS = 500, 3000
_AGAIN_S = 1.0  # after which a peer that ended is started again
_PICTURE: Picture = {"width": 180, "height": 320, "fps": 15}
_Command = tuple[str, dict[str, object]]
_OTHER: Picture = {"seconds": 20, "width": 320, "height": 180, "fps": 15}


@dataclass(frozen=True, slots=True)
class Options:
    """What can be chosen; all above 0."""

    segment_time: int = 10
    calm_s: float = 8.0
    stall_s: float = 12.0
    pause_s: float = 3.0
    outage_s: float = 5.0
    trickle_s: float = 6.0
    loop_s: int = 60


_QUICK = replace(Options(), segment_time=4, calm_s=2, stall_s=9, pause_s=2, outage_s=2, trickle_s=2)
_HELP = {
    "segment_time": "of who cuts, in seconds",
    "calm_s": "seconds without a fault before each fault, and after the last",
    "stall_s": "how long the line is silent",
    "pause_s": "how long the source itself pauses",
    "outage_s": "how long new connections get 403 after a drop",
    "trickle_s": "how long half of real time comes through",
    "loop_s": "after which the picture repeats: more than twice any gap, or frames look alike",
}


@dataclass(frozen=True, slots=True)
class _Fault:
    """Commands that begin it and that end it, and which option says how long it lasts."""

    name: str
    begin: tuple[_Command, ...]
    lasts: str = ""
    end: tuple[_Command, ...] = ()


_FAULTS = (
    _Fault("eof", (("drop_line", {"how": "eof"}),)),
    _Fault("reset", (("drop_line", {"how": "reset"}),)),
    _Fault("repeated group", (("repeat_gop", {}),)),
    _Fault("trickle", (("trickle", {"share": 0.5}),), "trickle_s", (("trickle", {"share": None}),)),
    _Fault("paused source", (("stall", {}),), "pause_s", (("resume", {"catch_up": False}),)),
    _Fault("stall", (("stall", {}),), "stall_s", (("resume", {"catch_up": True}),)),
    _Fault(
        "403 after a drop",
        (("refuse", {"status": 403}), ("drop_line", {})),
        "outage_s",
        (("refuse", {"status": None}),),
    ),
    _Fault("stamps from 0", (("reset_timestamps", {}),)),
    _Fault("stamps + 1 h", (("shift_timestamps", {"by_ms": 3_600_000}),)),
)


@dataclass(slots=True)
class _Broadcast:
    """What was done to the stream, and when; `faults` are where each begins."""

    sim: Sim
    moments: list[Moment] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)

    async def begin(self, fault: str, what: str, values: Mapping[str, object]) -> Moment:
        """A fault that has this name."""
        progress(f"  {fault}")
        moment = await self.note(what, values)
        self.faults.append((moment.position_ms, fault))
        return moment

    async def do(self, commands: Iterable[_Command]) -> None:
        """What belongs to a fault that began."""
        for what, values in commands:
            await self.note(what, values)

    async def note(self, what: str, values: Mapping[str, object]) -> Moment:
        """One command; when it was done tells how the broadcast's clock goes."""
        self.moments.append(moment := await self.sim.do(what, 0, **values))
        return moment

    def fault(self, hole: tuple[float, float]) -> str:
        """What a hole in a recording comes from: what began in it first, or last before."""
        began = [(at_ms, name) for at_ms, name in self.faults if at_ms <= hole[1] + _PAST_MS]
        inside = [name for at_ms, name in began if at_ms >= hole[0] - _SOON_MS]
        return inside[0] if inside else began[-1][1]


@dataclass(frozen=True, slots=True)
class _Take:
    """Files of one run of a peer, and when it was started."""

    folder: Path
    started_ms: int

    def pieces(self) -> list[Piece]:
        """Each begins where the media of those before ends."""
        at_ms, found = float(self.started_ms), []
        for path in sorted(self.folder.iterdir()):
            found.append(Piece(path, round(at_ms)))
            at_ms += 1000 * length_s(path)
        return found


async def _measure(given: Mapping[str, object]) -> Report:
    options = chosen(given, Options(), _QUICK)
    peers = await anyio.to_thread.run_sync(_peers, options)
    progress("draw and encode the pretend room")
    picture: Picture = {"seconds": options.loop_s, **_PICTURE}
    clip = await anyio.to_thread.run_sync(partial(make_clip, **picture))
    other = await anyio.to_thread.run_sync(partial(make_clip, **_OTHER))
    told = [text for name, value in picture.items() for text in (f"--{name}", str(value))]
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hostcue-benchmark-")))
        sim = await stack.enter_async_context(Sim.open(told))
        server = await stack.enter_async_context(hostcue_server(folder, sim.environment))
        results = await _compare(options, server, _Broadcast(sim), (clip, other), folder, peers)
    return Report("faults", asdict(options), results)


def _peers(options: Options) -> list[Recorder]:
    ffmpeg, other = Ffmpeg.find(), streamlink()
    found = [] if ffmpeg is None else [streamcap(ffmpeg, options.segment_time)]
    found += [] if other is None else [other]
    if not found:
        progress("no peer is here, and none can be had: hostcue alone is measured")
    return found


async def _compare(
    options: Options,
    server: Server,
    broadcast: _Broadcast,
    clips: tuple[Clip, Clip],
    folder: Path,
    peers: Sequence[Recorder],
) -> list[Result]:
    room = broadcast.sim.rooms[0]
    takes: dict[str, list[_Take]] = {peer.name: [] for peer in peers}
    async with Arrivals.of(server) as arrivals, anyio.create_task_group() as tasks:
        await broadcast.note("look", {})
        for peer in peers:
            tasks.start_soon(_keep, peer, room, folder, takes[peer.name])
        recording_id = await server.record(room.link, options.segment_time)
        while (await broadcast.sim.do("look")).viewers < 1 + len(peers):  # noqa: ASYNC110 - elsewhere
            await anyio.sleep(0.2)
        began, switched, ended = await _act(options, broadcast)
        tasks.cancel_scope.cancel()
        with anyio.CancelScope(shield=True), anyio.fail_after(30):
            await server.stop(recording_id)
            ready = arrivals.by_seq("segment_ready", recording_id)
    ours = [Piece.of(one.data) for _, one in sorted(ready.items())]
    timeline = Timeline(broadcast.moments)
    spans = (began.position_ms, switched.begins_ms or 0, ended.position_ms)
    results = [Result("seconds_source_away", max(0, options.outage_s - _BURST_S), "s")]
    for name, pieces in (
        ("hostcue", ours),
        *((name, [p for take in found for p in take.pieces()]) for name, found in takes.items()),
    ):
        progress(f"look at what {name} has")
        verdicts = await anyio.to_thread.run_sync(
            partial(_judge, pieces, clips, timeline, spans, trusted=name == "hostcue")
        )
        results += _told(name, broadcast, *verdicts)
    return results


async def _act(options: Options, broadcast: _Broadcast) -> tuple[Moment, Moment, Moment]:
    """All faults, one after the other; gives the beginning, the switch of clips, and the end."""
    await anyio.sleep(options.calm_s)
    began = await broadcast.note("look", {})
    for fault in _FAULTS:
        first, *more = fault.begin
        await broadcast.begin(fault.name, *first)
        await broadcast.do(more)
        if fault.lasts:
            await anyio.sleep(getattr(options, fault.lasts))
        await broadcast.do(fault.end)
        await anyio.sleep(options.calm_s)
    switched = await broadcast.begin("another size", "switch", _OTHER)
    await anyio.sleep(options.calm_s)
    return began, switched, await broadcast.note("look", {})


async def _keep(peer: Recorder, room: Room, folder: Path, takes: list[_Take]) -> None:
    """Run a peer again and again."""
    while True:
        place = folder / f"{peer.name.replace(' ', '-')}-{len(takes)}"
        place.mkdir()
        takes.append(_Take(place, time.time_ns() // 1_000_000))
        command = peer.start(room.flv_url, place)
        async with (
            started(command, environment=peer.environment) as process,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(drain, process.stdout)
            tasks.start_soon(drain, process.stderr)
            await process.wait()
            tasks.cancel_scope.cancel()
        await anyio.sleep(_AGAIN_S)


def _judge(
    pieces: Sequence[Piece],
    clips: tuple[Clip, Clip],
    timeline: Timeline,
    spans: tuple[int, int, int],
    *,
    trusted: bool,
) -> tuple[Verdict, Verdict]:
    """What a recorder has of each clip."""
    began_ms, switched_ms, ended_ms = spans
    look = partial(judge, pieces, timeline=timeline, trusted=trusted)
    return (
        look(clip=clips[0], from_ms=began_ms, until_ms=switched_ms),
        look(clip=clips[1], from_ms=switched_ms, until_ms=ended_ms, begin_ms=switched_ms),
    )


def _told(name: str, broadcast: _Broadcast, first: Verdict, second: Verdict) -> Iterator[Result]:
    at, ours = {"recorder": name}, name == "hostcue"
    yield Result("seconds_lost", first.lost_s + second.lost_s, "s", at)
    lost_s: dict[str, float] = defaultdict(float)
    for hole in (*first.holes, *second.holes):
        lost_s[broadcast.fault(hole)] += (hole[1] - hole[0]) / 1000
    for fault, seconds in lost_s.items():
        yield Result("seconds_lost", seconds, "s", {**at, "fault": fault})
    yield Result("seconds_doubled", first.doubled_s + second.doubled_s, "s", at)
    damaged = max(0, first.damaged - second.frames)  # the second clip's are not the first's
    yield Result("frames_damaged", damaged, "frames", at, 0 if ours else None)
    if errors_ms := (*first.errors_ms, *second.errors_ms):
        goal = 200 if ours else None
        yield Result("window_error_ms", median(errors_ms), "ms", {**at, "of": "median"}, goal)
        yield Result("window_error_ms", max(errors_ms), "ms", {**at, "of": "max"}, goal)


BENCHMARK = Benchmark(
    "one faulty stream, recorded by hostcue, StreamCap's ffmpeg and streamlink: what each lost",
    adds(Options(), _HELP, "about 55 s"),
    _measure,
)
