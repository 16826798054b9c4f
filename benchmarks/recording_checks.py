"""What becomes of the media: at cuts, when a worker is killed, when the source goes away."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import anyio
import anyio.to_thread

from benchmarks.peers import Ffmpeg
from benchmarks.processes import workers
from benchmarks.report import Peer, Result
from benchmarks.scene import Arrivals, Server, when_named_ns
from benchmarks.sim import Moment, Sim
from benchmarks.truth import Piece, Timeline, Verdict, judge
from hostcue.sim.media import Clip

FORMATS = ("mp4", "ts", "flv", "mkv")
_NO_CUT_S = 3600
_WITHIN_S = 60  # whatever has not happened by then is a failure of the measurement


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that takes part."""

    sim: Sim
    server: Server
    arrivals: Arrivals
    clip: Clip
    folder: Path
    peer: Ffmpeg | None

    async def judge(
        self, pieces: Sequence[Piece], since: Moment, until_ms: float, *, trusted: bool = True
    ) -> Verdict:
        """Hold the files of a broadcast without pauses against it, from a moment on."""
        timeline = Timeline([since])
        return await anyio.to_thread.run_sync(
            lambda: judge(pieces, self.clip, timeline, since.position_ms, until_ms, trusted=trusted)
        )

    def pieces(self, recording_id: str) -> list[Piece]:
        """The closed files of a recording."""
        ready = self.arrivals.by_seq("segment_ready", recording_id)
        return [Piece.of(ready[seq].data) for seq in sorted(ready)]

    @asynccontextmanager
    async def peer_recording(
        self, kind: str, segment_s: int, *, room: int = 0
    ) -> AsyncIterator[tuple[Path, int]]:
        """The peer records too, into this folder; gives that and its process id."""
        if self.peer is None:
            raise LookupError("there is no peer")
        into = self.folder / f"{self.peer.program.replace('/', '_')}-{kind}-{segment_s}"
        into.mkdir()
        async with self.peer.recording(
            self.sim.rooms[room].flv_url, into / f"%03d.{kind}", segment_s
        ) as pid:
            yield into, pid

    def peer_pieces(self, folder: Path) -> list[Piece]:
        """The peer's files; they claim nothing but their order."""
        return [Piece(path, _now_ms()) for path in sorted(folder.iterdir())]


async def cuts(scene: Scene, segments: int, segment_s: int) -> list[Result]:
    """Frames at cuts, the windows' truth, and how fast an event follows a closed file.

    The last file ends where recording was stopped, not at a cut: its frames are not looked at.
    """
    async with AsyncExitStack() as stack:
        folder = None
        if scene.peer is not None:
            folder, _ = await stack.enter_async_context(scene.peer_recording("mp4", segment_s))
        since = await scene.sim.do("look")
        recording_id = await scene.server.record(scene.sim.links[0], segment_s)
        within_s = segments * segment_s + _WITHIN_S
        await scene.arrivals.until("segment_ready", recording_id, segments, within_s=within_s)
        await scene.server.stop(recording_id)
    ready = scene.arrivals.by_seq("segment_ready", recording_id)
    events_ms = [
        (arrival.at_ns - when_named_ns(str(arrival.data["path"]))) / 1e6
        for arrival in ready.values()
    ]
    until_ms = since.position_ms + 1
    ours = await scene.judge(scene.pieces(recording_id)[:-1], since, until_ms)
    peer = None
    if scene.peer is not None and folder is not None:
        pieces = scene.peer_pieces(folder)[:-1]
        theirs = await scene.judge(pieces, since, until_ms, trusted=False)
        peer = Peer(scene.peer.name, theirs.missing + theirs.damaged)
    at = {"segments": len(ready) - 1}
    lost = ours.missing + ours.damaged
    return [
        Result("frames_lost_at_cuts", lost, "frames", at, 0, peer=peer),
        *_spread("window_error_ms", ours.errors_ms, at, 200),
        *_spread("closed_to_event_ms", events_ms, at, 100),
    ]


def _spread(
    metric: str, values: Sequence[float], at: Mapping[str, str | int], goal: float
) -> Iterator[Result]:
    for of, value in (("median", median(values)), ("max", max(values))):
        yield Result(metric, value, "ms", {**at, "of": of}, goal)


async def kills(scene: Scene, after_s: float) -> list[Result]:
    """What is lost of a segment that is open for a while when its recorder is killed."""
    async with AsyncExitStack() as stack:
        since = [await scene.sim.do("look", room) for room in range(len(FORMATS))]
        links = zip(scene.sim.links, FORMATS, strict=False)
        ours = [await scene.server.record(link, _NO_CUT_S, kind) for link, kind in links]
        theirs = (
            [
                await stack.enter_async_context(scene.peer_recording(kind, _NO_CUT_S, room=room))
                for room, kind in enumerate(FORMATS)
            ]
            if scene.peer is not None
            else []
        )
        await anyio.sleep(after_s)
        killed_ms = _kill(process.pid for process in workers(scene.server.pid))
        peer_killed_ms = _kill(pid for _, pid in theirs)
        for recording_id in ours:
            await scene.arrivals.until("segment_ready", recording_id, 1, within_s=_WITHIN_S)
        first = [scene.pieces(recording_id)[:1] for recording_id in ours]
        for recording_id in ours:
            await scene.server.stop(recording_id)
    results = []
    for room, kind in enumerate(FORMATS):
        lost = await _lost_s(scene, first[room], since[room], killed_ms)
        peer = None
        if scene.peer is not None:
            pieces = scene.peer_pieces(theirs[room][0])
            peer_lost = await _lost_s(scene, pieces, since[room], peer_killed_ms)
            peer = Peer(scene.peer.name, peer_lost)
        results.append(Result("kill9_seconds_lost", lost, "s", {"format": kind}, 1, peer=peer))
    return results


def _kill(pids: Iterator[int]) -> float:
    """When they were killed."""
    at_ms = _now_ms()
    for pid in list(pids):
        os.kill(pid, signal.SIGKILL)
    return at_ms


async def _lost_s(scene: Scene, pieces: Sequence[Piece], since: Moment, killed_ms: float) -> float:
    """From the last frame that can be played until the recorder was killed.

    From the beginning, if there is none.
    """
    verdict = await scene.judge(pieces, since, since.position_ms + 1)
    killed_at_ms = Timeline([since]).position_ms(killed_ms)
    end_ms = since.position_ms if verdict.end_ms is None else verdict.end_ms
    return max(0.0, killed_at_ms - end_ms) / 1000


async def outages(scene: Scene, down_s: float, calm_s: float) -> list[Result]:
    """How soon a stall is seen, and how soon recording goes on when the source is back.

    It refuses for so long, and for three times as long: who waits longer each time finds out late.
    """
    sim, link = scene.sim, scene.sim.links[1]
    recording_id = await scene.server.record(link, _NO_CUT_S)
    await anyio.sleep(calm_s)

    async def reached(state: str, since: Moment) -> float:
        arrival = await scene.arrivals.after(
            since.at_ms, "recording_state", recording_id, within_s=_WITHIN_S, state=state
        )
        return arrival.at_ns / 1e9 - since.at_ms / 1000

    stalled = await sim.do("stall", 1)
    seen_s = await reached("reconnecting", stalled)
    await anyio.sleep(down_s)
    again = {"stall": await reached("recording", await sim.do("resume", 1))}
    await anyio.sleep(calm_s)
    again["drop"] = await reached("recording", await sim.do("drop_line", 1, how="reset"))
    for away_s in (down_s, 3 * down_s):
        await anyio.sleep(calm_s)
        await sim.do("refuse", 1, status=503)
        await sim.do("drop_line", 1)
        await anyio.sleep(away_s)
        back = await sim.do("refuse", 1, status=None)
        again[f"503 for {away_s:g} s"] = await reached("recording", back)
    await scene.server.stop(recording_id)
    return [
        Result("stall_seen_s", seen_s, "s", goal=10),
        *(
            Result("recording_again_s", again_s, "s", {"after": fault}, 2)
            for fault, again_s in again.items()
        ),
    ]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
