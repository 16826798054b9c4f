"""A long run of many rooms with random faults: what grows, and what is missing in the end.

The same seed gives the same faults. See `docs/benchmarks.md`.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median, mode
from typing import cast

import anyio
import anyio.to_thread

from benchmarks.benchmark import Benchmark, progress
from benchmarks.options import adds, chosen
from benchmarks.processes import family, open_files, pss_mib
from benchmarks.report import Report, Result
from benchmarks.scene import Arrivals, Server, hostcue_server
from benchmarks.sim import Moment, Sim
from benchmarks.truth import Piece, Timeline, Verdict, judge
from hostcue.sim.media import Clip, Picture, make_clip

_PICTURE: Picture = {"width": 180, "height": 320, "fps": 10}
_BURST_S = 2.0  # what a viewer who comes back gets of the past
_AGAIN_S = 2.0  # what coming back may cost
_STALL_S = 8.0  # a longer silence is a stall, and the connection is given up


@dataclass(frozen=True, slots=True)
class Options:
    """What can be chosen; all above 0."""

    minutes: float = 20.0
    rooms: int = 8
    seed: int = 1
    calm_s: float = 40.0
    segment_time: int = 30
    sample_s: float = 10.0
    loop_s: int = 60


_QUICK = replace(Options(), minutes=0.5, rooms=3, calm_s=4, segment_time=5, sample_s=1)
_HELP = {
    "minutes": "how long faults go on",
    "rooms": "recorded at the same time; the first is a Douyin room with comments",
    "seed": "of the faults",
    "calm_s": "seconds between two faults of a room, on average",
    "segment_time": "in seconds",
    "sample_s": "seconds between two looks at memory, file handles and processes",
    "loop_s": "after which the picture repeats: more than twice any gap, or frames look alike",
}


@dataclass(frozen=True, slots=True)
class _Sample:
    pss_mib: float
    files: int
    processes: int


@dataclass(slots=True)
class _Room:
    """One room's faults; `away_s` is what they take from any recorder."""

    sim: Sim
    number: int
    rng: random.Random
    moments: list[Moment] = field(default_factory=list)
    away_s: float = 0.0
    faults: int = 0

    async def live(self, calm_s: float) -> None:
        """Have faults until cancelled."""
        kinds: list[Callable[[], Awaitable[None]]] = [
            *(self._drop, self._stamps, self._slow, self._pause, self._stall, self._outage),
            *([self._flap] if self.number == 0 else []),
        ]
        while True:
            await anyio.sleep(self.rng.uniform(0.5, 1.5) * calm_s)
            kind = self.rng.choice(kinds)
            with anyio.CancelScope(shield=True):  # a fault that began also ends
                await kind()
            self.faults += 1

    async def do(self, what: str, **values: object) -> Moment:
        return await self.sim.do(what, self.number, **values)

    async def note(self, what: str, **values: object) -> Moment:
        """Do it, and remember where the broadcast was."""
        self.moments.append(moment := await self.do(what, **values))
        return moment

    async def _drop(self) -> None:
        await self.do("drop_line", how=self.rng.choice(("eof", "reset")))
        self.away_s += _AGAIN_S

    async def _stamps(self) -> None:
        match self.rng.randrange(3):
            case 0:
                await self.do("shift_timestamps", by_ms=3_600_000)
            case 1:
                await self.do("reset_timestamps")
            case _:
                await self.do("repeat_gop")

    async def _slow(self) -> None:
        await self.do("trickle", share=0.5)
        await anyio.sleep(self.rng.uniform(2, 5))
        await self.do("trickle", share=None)

    async def _pause(self) -> None:
        await self.note("stall")
        await anyio.sleep(self.rng.uniform(1, 4))
        await self.note("resume", catch_up=False)

    async def _stall(self) -> None:
        lasts_s = self.rng.choice((3.0, 12.0))
        await self.do("stall")
        await anyio.sleep(lasts_s)
        await self.do("resume", catch_up=True)
        self.away_s += lasts_s + _AGAIN_S if lasts_s > _STALL_S else 0

    async def _outage(self) -> None:
        lasts_s = self.rng.uniform(1, 6)
        await self.do("refuse", status=self.rng.choice((403, 404, 502)))
        await self.do("drop_line")
        await anyio.sleep(lasts_s)
        await self.do("refuse", status=None)
        self.away_s += max(0, lasts_s - _BURST_S) + _AGAIN_S

    async def _flap(self) -> None:
        await self.do("flap", answers=1)
        await self._outage()


async def _measure(given: Mapping[str, object]) -> Report:
    options = chosen(given, Options(), _QUICK)
    progress("draw and encode the pretend rooms")
    picture: Picture = {"seconds": options.loop_s, **_PICTURE}
    clip = await anyio.to_thread.run_sync(partial(make_clip, **picture))
    told = {"rooms": options.rooms, **picture}
    arguments = [text for name, value in told.items() for text in (f"--{name}", str(value))]
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hostcue-benchmark-")))
        sim = await stack.enter_async_context(Sim.open(arguments))
        environment = {**sim.environment, "HOSTCUE_MAX_RECORDINGS": str(options.rooms)}
        server = await stack.enter_async_context(hostcue_server(folder, environment))
        arrivals = await stack.enter_async_context(Arrivals.of(server))
        results = await _soak(options, sim, server, arrivals, clip)
    return Report("soak", asdict(options), results)


async def _soak(
    options: Options, sim: Sim, server: Server, arrivals: Arrivals, clip: Clip
) -> list[Result]:
    ids = [await server.record(link, options.segment_time) for link in sim.links]
    rooms = [
        _Room(sim, number, random.Random(options.seed * 1000 + number))  # noqa: S311 - a script
        for number in range(options.rooms)
    ]
    began = [await room.note("look") for room in rooms]
    samples: list[_Sample] = []
    progress(f"{options.minutes:g} minutes of {options.rooms} rooms with faults")
    async with _faulty(rooms, options):
        await _sample(server, samples, options)
    await anyio.sleep(2 * _AGAIN_S)
    ended = [await room.note("look") for room in rooms]
    statuses = [await server.status(recording_id) for recording_id in ids]
    for recording_id in ids:
        await server.stop(recording_id)
    progress("look at what was recorded")
    verdicts = []
    for room, recording_id, first, last in zip(rooms, ids, began, ended, strict=True):
        pieces = _pieces(arrivals, recording_id)
        look = partial(judge, pieces, clip, Timeline(room.moments), first.position_ms)
        verdicts.append(await anyio.to_thread.run_sync(look, last.position_ms))
    return [
        Result("faults", sum(room.faults for room in rooms), ""),
        *_growth(samples),
        *_coverage(rooms, verdicts, statuses),
        *_quality(verdicts, statuses),
    ]


@asynccontextmanager
async def _faulty(rooms: Sequence[_Room], options: Options) -> AsyncIterator[None]:
    """Faults while the context lasts; those that began end with it."""
    async with anyio.create_task_group() as tasks:
        for room in rooms:
            tasks.start_soon(room.live, options.calm_s)
        yield
        tasks.cancel_scope.cancel()


async def _sample(server: Server, samples: list[_Sample], options: Options) -> None:
    for _ in range(round(options.minutes * 60 / options.sample_s)):
        await anyio.sleep(options.sample_s)
        running = family(server.pid)
        samples.append(_Sample(pss_mib(running), open_files(running), len(running)))


def _pieces(arrivals: Arrivals, recording_id: str) -> list[Piece]:
    ready = arrivals.by_seq("segment_ready", recording_id)
    return [Piece.of(one.data) for _, one in sorted(ready.items())]


def _growth(samples: Sequence[_Sample]) -> list[Result]:
    """From the second quarter, when all is loaded, to the last.

    While a room is being reconnected it has no worker: moments with the usual number of processes
    are compared.
    """
    quarter = max(1, len(samples) // 4)
    parts = samples[quarter : 2 * quarter], samples[-quarter:]
    usual = mode(sample.processes for sample in samples)
    early, late = (
        [sample for sample in part if sample.processes == usual] or part for part in parts
    )

    def medians(of: Callable[[_Sample], float]) -> tuple[float, float]:
        return median(map(of, early)), median(map(of, late))

    memory, files = medians(lambda s: s.pss_mib), medians(lambda s: s.files)
    # what leaks is there all the time: not so what is there while a worker is replaced
    files_lowest = min(sample.files for sample in late)
    lowest = min(sample.processes for sample in parts[1])
    return [
        Result("memory_mib", memory[1], "MiB"),
        Result("memory_growth_percent", 100 * (memory[1] / memory[0] - 1), "%", goal=5),
        Result("file_handles", files[1], ""),
        Result("file_handles_growth", files_lowest - files[0], "", goal=0),
        Result("processes", usual, ""),
        Result("processes_growth", lowest - usual, "", goal=0),
    ]


def _coverage(
    rooms: Sequence[_Room], verdicts: Sequence[Verdict], statuses: Sequence[Mapping[str, object]]
) -> Iterator[Result]:
    """Shares of the time: what is in files, beside what could be, and what the server says."""
    for room, verdict, status in zip(rooms, verdicts, statuses, strict=True):
        first, last = room.moments[0], room.moments[-1]
        live_s = (last.position_ms - first.position_ms) / 1000  # without pauses of the source
        percent_per_s = 100_000 / (last.at_ms - first.at_ms)
        found = (live_s - verdict.lost_s) * percent_per_s
        possible = (live_s - room.away_s) * percent_per_s
        told = 100 * cast("float", status["coverage"])
        at = {"room": room.number}
        yield Result("coverage_percent", found, "%", at, possible, "higher")
        yield Result("coverage_told_error_percent", abs(told - found), "%", at, 1)


def _quality(verdicts: Sequence[Verdict], statuses: Sequence[Mapping[str, object]]) -> list[Result]:
    errors_ms = [error for verdict in verdicts for error in verdict.errors_ms]
    recording = sum(status["state"] == "recording" for status in statuses)
    return [
        Result("window_error_ms", median(errors_ms), "ms", {"of": "median"}, 200),
        Result("window_error_ms", max(errors_ms), "ms", {"of": "max"}, 200),
        Result("seconds_doubled", sum(verdict.doubled_s for verdict in verdicts), "s", goal=0),
        Result("frames_damaged", sum(verdict.damaged for verdict in verdicts), "frames", goal=0),
        Result("rooms_recording", recording, "", goal=len(statuses), better="higher"),
    ]


BENCHMARK = Benchmark(
    "many rooms with random faults for long: what grows, and what is missing in the end",
    adds(Options(), _HELP, "about 50 s"),
    _measure,
)
