"""Every fault that a live FLV stream has shown, and exactly what it may cost.

Of each: each frame of the broadcast is in the segments once and as it was sent, but for those in
gaps; gaps lie exactly between the windows of their neighbours; windows are right by the
broadcast's own clock; sound stays with the picture. HLS has its own in `test_hls.py`.
"""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import anyio
import av
import pytest
from clip_frames import frames_in
from recording_studio import Studio, Take, live_room

from hostcue.errors import TransportFailed
from hostcue.model.comment import Gap
from hostcue.model.segment import ClosedFile
from hostcue.sim.flv import LiveFlv
from hostcue.sim.media import Clip, VideoCodec, make_clip

WINDOW_ERROR_MS = 500  # half a segment; how exact it is on a quiet machine, the benchmark tells
FPS = 15
SOUND = 8


def small(codec: VideoCodec = "h264", *, width: int = 160, height: int = 288) -> Clip:
    return make_clip(seconds=4, width=width, height=height, fps=FPS, video_codec=codec)


@dataclass
class Scene:
    """One stream that is being recorded."""

    flv: LiveFlv
    take: Take
    studio: Studio
    parts: list[tuple[Clip, int]]
    """What is broadcast, each from a moment of the broadcast on."""

    async def some_seconds(self, count: int = 2) -> None:
        """Until so many more segments are closed."""
        await self.take.until_closed(len(self.take.closed) + count)

    async def again(self) -> None:
        """Until it is recorded again, after it was lost."""
        await self.take.until(lambda: "reconnecting" in self.take.states)
        await self.take.until_state("recording")

    @property
    def gaps(self) -> list[Gap]:
        """As they are stored: by their start, the last word counts; and those with a length."""
        told = {gap.start_ms: gap for gap in self.take.gaps}
        assert all(gap.end_ms is not None for gap in told.values())
        return [gap for gap in told.values() if (gap.end_ms or 0) > gap.start_ms]


@dataclass(frozen=True)
class Fault:
    """What happens to a stream, and what may be missing after it, by cause."""

    happens: Callable[[Scene], Awaitable[None]]
    causes: list[str] = field(default_factory=list)
    codec: VideoCodec = "h264"
    burst_s: float = 1.0
    connections: int | None = None


async def _drop(scene: Scene) -> None:
    scene.flv.drop_line("eof")
    await scene.again()


async def _reset(scene: Scene) -> None:
    scene.flv.drop_line("reset")
    await scene.again()


async def _stall(scene: Scene) -> None:
    scene.flv.stall()
    await scene.take.until_state("reconnecting")
    scene.flv.resume()
    await scene.again()


async def _stall_and_resume(scene: Scene) -> None:
    scene.flv.stall()
    await anyio.sleep(0.7)  # the fault itself: shorter than what counts as a stall
    scene.flv.resume()


async def _refused(scene: Scene) -> None:
    scene.flv.refuse(403)
    scene.flv.drop_line()
    await scene.take.until(lambda: "http_403" in scene.take.reasons)
    scene.flv.refuse(None)
    await scene.again()


async def _expired(scene: Scene) -> None:
    """The address expires while it is in use; at first the platform gives no other."""
    scene.flv.sign_urls(60)
    fresh = live_room(scene.flv.sign(scene.flv.url))
    scene.studio.answers = [TransportFailed("no line"), fresh]
    scene.flv.drop_line()
    await scene.take.until(lambda: "transport_failed" in scene.take.reasons)
    await scene.again()


async def _hour_ahead(scene: Scene) -> None:
    scene.flv.shift_timestamps(3_600_000)


async def _hour_back(scene: Scene) -> None:
    scene.flv.shift_timestamps(-20_000)


async def _back_to_zero(scene: Scene) -> None:
    scene.flv.reset_timestamps()


async def _repeated_group(scene: Scene) -> None:
    scene.flv.repeat_gop()


async def _trickle(scene: Scene) -> None:
    scene.flv.trickle(0.1)
    await scene.take.until_state("reconnecting")
    scene.flv.trickle(None)
    await scene.again()


async def _new_size(scene: Scene) -> None:
    clip = small(width=192, height=160)
    scene.parts.append((clip, scene.flv.switch(clip)))


async def _new_codec(scene: Scene) -> None:
    clip = small("h265")
    scene.parts.append((clip, scene.flv.switch(clip)))


async def _nothing(scene: Scene) -> None:
    await scene.some_seconds(1)


LINES = {
    "drop": Fault(_drop, ["eof"], connections=2),
    "reset": Fault(_reset, ["reset"], connections=2),
    "stall": Fault(_stall, ["stalled"]),
    "stall and resume": Fault(_stall_and_resume, connections=1),
    "403 on reconnect": Fault(_refused, ["eof"]),
    "expired address": Fault(_expired, ["eof"]),
    "drop with a long burst": Fault(_drop, ["eof"], burst_s=6.0, connections=2),
    "slow trickle": Fault(_trickle, ["lagging"], connections=2),
}
CONTENT = {
    "an hour ahead": Fault(_hour_ahead, connections=1),
    "back": Fault(_hour_back, connections=1),
    "back to 0": Fault(_back_to_zero, connections=1),
    "group sent twice": Fault(_repeated_group, connections=1),
    "another size": Fault(_new_size, connections=1),
    "another codec": Fault(_new_codec, connections=1),
    "H.265": Fault(_nothing, codec="h265", connections=1),
    "H.265 as id 12": Fault(_nothing, codec="h265-12", connections=1),
    "AV1": Fault(_nothing, codec="av1", connections=1),
}


@pytest.mark.parametrize("faults", [LINES, CONTENT], ids=["lines", "content"])
async def test_a_fault_costs_what_it_must_and_no_frame_more(
    studio: Studio, faults: dict[str, Fault]
) -> None:
    failed: dict[str, str] = {}

    async def try_out(name: str, fault: Fault) -> None:
        try:
            await survive(studio, name, fault)
        except (AssertionError, TimeoutError):
            failed[name] = traceback.format_exc(limit=-2)

    async with anyio.create_task_group() as tasks:
        for name, fault in faults.items():
            tasks.start_soon(try_out, name, fault)
    assert not failed, "".join(f"\n{name}: {what}" for name, what in failed.items())


async def survive(shared: Studio, name: str, fault: Fault) -> None:
    async with scene(shared, name, fault) as now:
        await now.some_seconds()
        await fault.happens(now)
        await now.some_seconds(3)
        began_ms = time.time_ns() / 1e6 - now.flv.position_ms()  # the broadcast's own clock
        connections = now.flv.connections
    files, gaps = now.take.closed, now.gaps
    assert [gap.cause for gap in gaps] == fault.causes
    assert fault.connections in {None, connections}
    assert_gaps_between_windows(gaps, files)
    ends_ms = [began_ms + from_ms for _, from_ms in now.parts[1:]] + [math.inf]
    for (clip, from_ms), end_ms in zip(now.parts, ends_ms, strict=True):
        start_ms, near_ms = began_ms + from_ms, WINDOW_ERROR_MS
        part = [f for f in files if start_ms - near_ms <= f.window.start_ms < end_ms - near_ms]
        numbers = assert_frames(part, clip, gaps, start_ms)
        assert_in_sync(part, clip, numbers)


@asynccontextmanager
async def scene(shared: Studio, name: str, fault: Fault) -> AsyncIterator[Scene]:
    clip = small(fault.codec)
    studio = Studio(shared.engine, shared.root)
    async with LiveFlv.open(clip, burst_s=fault.burst_s) as flv:
        live = live_room(flv.url, expires_ms=0) if fault.happens is _expired else None
        take = studio.take(
            flv.url, live=live, segment_s=1, anchor=name, read_timeout_s=2.5, max_lag_s=1.5
        )
        async with studio.running(take):
            yield Scene(flv, take, studio, [(clip, 0)])


def assert_gaps_between_windows(gaps: list[Gap], files: list[ClosedFile]) -> None:
    """Between the windows of neighbours there is nothing, or exactly a gap."""
    between = [(a.window.end_ms, b.window.start_ms) for a, b in pairwise(files)]
    assert [(a, b) for a, b in between if a != b] == [(gap.start_ms, gap.end_ms) for gap in gaps]


def assert_frames(
    files: list[ClosedFile], clip: Clip, gaps: list[Gap], from_ms: float
) -> list[int]:
    """All frames of the clip are there but for the gaps'; the number of each file's first."""
    found = frames_in(files, clip)
    assert (found.damaged, found.doubled) == (0, [])
    firsts = {b.file: b.number for b in reversed(found.beginnings)}
    numbers = [firsts[n] for n in range(len(files))]
    turn_ms = clip.duration_ms
    first_ms = from_ms + numbers[0] * 1000 / FPS
    first_ms += round((files[0].window.start_ms - first_ms) / turn_ms) * turn_ms

    def live_ms(number: int) -> float:
        return first_ms + (number - numbers[0]) * 1000 / FPS

    off = [f.window.start_ms - live_ms(n) for f, n in zip(files, numbers, strict=True)]
    assert max(map(abs, off)) <= WINDOW_ERROR_MS, off
    # the very last pictures may want one that had not come yet when the recording was stopped
    until_ms = files[-1].window.end_ms - WINDOW_ERROR_MS
    missing = [at for run in found.missing for n in run if (at := live_ms(n)) < until_ms]
    for gap in gaps:
        start, end = gap.start_ms - WINDOW_ERROR_MS, (gap.end_ms or 0) + WINDOW_ERROR_MS
        inside = [at for at in missing if start <= at <= end]
        lost_ms = len(inside) * 1000 / FPS
        assert lost_ms == pytest.approx((gap.end_ms or 0) - gap.start_ms, abs=WINDOW_ERROR_MS)
        missing = [at for at in missing if at not in inside]
    assert missing == [], (gaps, found.runs, [f.window for f in files])
    return numbers


def assert_in_sync(files: list[ClosedFile], clip: Clip, numbers: list[int]) -> None:
    """Each packet of sound stands where it stood in the broadcast, beside the picture."""
    places: dict[bytes, list[int]] = {}
    for tag in clip.tags:
        if tag.kind == SOUND:
            places.setdefault(tag.body[2:], []).append(tag.at_ms)
    for file, number in zip(files, numbers, strict=True):
        with av.open(file.path) as media:
            times = [
                (packet.stream.type, float(packet.dts * packet.time_base) * 1000, bytes(packet))
                for packet in media.demux()
                if packet.size and packet.dts is not None
            ]
        picture_ms = next(at for kind, at, _ in times if kind == "video")
        for kind, at, content in times:
            if kind != "audio":
                continue
            wanted = number * 1000 / FPS + at - picture_ms
            off = [(place - wanted) % clip.duration_ms for place in places[content]]
            assert min(min(o, clip.duration_ms - o) for o in off) <= 50
        sounds = sum(kind == "audio" for kind, *_ in times)
        assert sounds * 32 == pytest.approx(file.duration_ms, abs=150)
