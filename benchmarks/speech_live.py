"""Rooms that are recorded and listened to by one server: what it costs, and how soon text is there.

First the rooms are only recorded; then they are listened to as well. What the server's processes
use more than before, without the recogniser, is what listening costs beside decoding.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import cast

import anyio
import anyio.to_thread
import numpy as np

from benchmarks.benchmark import progress
from benchmarks.processes import Process, Usage, family, watch
from benchmarks.report import Json, Result
from benchmarks.scene import Server, hostcue_server
from benchmarks.speech_rooms import TalkingRoom, talking_rooms
from benchmarks.speech_sound import Spoken, Voice, speak

_LOOP_S = 60  # after which the sound repeats, at the latest; drawing the picture takes as long
_SEGMENT_S = 3600  # none is closed meanwhile
_SAME_MS = 1000.0  # a sentence ends where its sound does, give or take; others end 2 s later
_FIRST_WITHIN_S = 120.0  # a model is loaded meanwhile
_LATEST_S = 45.0  # more sound than that is never kept: what comes later does not come


@dataclass(frozen=True, slots=True)
class Load:
    """How many rooms, and how long is looked at them."""

    rooms: Sequence[int]
    seconds: int
    settle_s: float


@dataclass(frozen=True, slots=True)
class _Told:
    """A sentence at a client: which session's, where its sound ended, when it came."""

    session_id: str
    end_ms: float
    at_ms: float


@dataclass(slots=True)
class _Ear:
    """A client of the event stream that notes sentences."""

    told: list[_Told] = field(default_factory=list)
    _news: anyio.Event = field(default_factory=anyio.Event)

    async def listen(self, server: Server) -> None:
        """Until cancelled."""
        async for kind, data in server.client.events("/api/live_audio/events"):
            if kind == "final":
                end_ms = float(str(data["end_ts"]))
                now_ms = time.time_ns() / 1e6
                self.told.append(_Told(str(data["session_id"]), end_ms, now_ms))
                self._news.set()
                self._news = anyio.Event()

    async def heard(self, session_ids: Sequence[str]) -> None:
        """Wait until each of them has told a sentence."""
        with anyio.fail_after(_FIRST_WITHIN_S):
            while {one.session_id for one in self.told} < set(session_ids):
                await self._news.wait()

    async def told_of(self, ends: Sequence[tuple[str, float]]) -> None:
        """Wait until what ended then is told, for as long as that may take."""
        with anyio.move_on_after(_LATEST_S):
            while any(self.latency_s(*end) is None for end in ends):
                await self._news.wait()

    def latency_s(self, session_id: str, end_ms: float) -> float | None:
        """From the end of a sentence's sound, live, to its text here; None if it did not come."""
        found = (
            one.at_ms
            for one in self.told
            if one.session_id == session_id and abs(one.end_ms - end_ms) < _SAME_MS
        )
        at_ms = min(found, default=None)
        return None if at_ms is None else (at_ms - end_ms) / 1000


async def listening(voice: Voice, model: Path, folder: Path, load: Load) -> list[Result]:
    """All of it, for each number of rooms with a server of its own."""
    loop_s = min(_LOOP_S, -(-load.seconds // 4) * 4)  # of whole packets, see `sim.media`
    spoken = await anyio.to_thread.run_sync(speak, voice, loop_s)
    sound = folder / "sound.npy"
    np.save(sound, spoken.samples)
    results: list[Result] = []
    for count in sorted(load.rooms):
        progress(f"draw and encode {count} talking rooms")
        async with talking_rooms(sound, count) as rooms:
            progress(f"  {count} recorded")
            async with _server(
                folder / f"alone{count}", count, {"HOSTCUE_SPEECH": "off"}
            ) as server:
                await _record(server, rooms)
                await anyio.sleep(load.settle_s)
                alone = await _watched(server, load.seconds / 2)
            progress(f"  {count} recorded and listened to for {load.seconds} s")
            told = {"HOSTCUE_SPEECH_MODEL": str(model), "HOSTCUE_MAX_LISTENING": str(count)}
            async with _server(folder / f"heard{count}", count, told) as server:
                results += await _measured(server, rooms, spoken, load, alone)
    return results


@asynccontextmanager
async def _server(
    folder: Path, rooms: int, environment: Mapping[str, str]
) -> AsyncIterator[Server]:
    await anyio.Path(folder).mkdir()
    more = {"HOSTCUE_ALLOW_PRIVATE_URLS": "true", "HOSTCUE_MAX_RECORDINGS": str(rooms)}
    async with hostcue_server(folder, {**environment, **more}) as server:
        yield server


async def _record(server: Server, rooms: Sequence[TalkingRoom]) -> list[str]:
    return [await server.record(room.url, _SEGMENT_S) for room in rooms]


async def _measured(
    server: Server, rooms: Sequence[TalkingRoom], spoken: Spoken, load: Load, alone: _Parts
) -> list[Result]:
    ear = _Ear()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ear.listen, server)
        recordings = await _record(server, rooms)
        sessions = [await _listen(server, recording_id) for recording_id in recordings]
        await ear.heard(sessions)
        await anyio.sleep(load.settle_s)
        before, from_ms = await _tallies(server, sessions), time.time_ns() / 1e6
        usage = await _watched(server, load.seconds)
        after, until_ms = await _tallies(server, sessions), time.time_ns() / 1e6
        ends = [
            (session_id, end_ms)
            for session_id, room in zip(sessions, rooms, strict=True)
            for end_ms in _ends(room, spoken, from_ms, until_ms)
        ]
        await ear.told_of(ends)
        tasks.cancel_scope.cancel()
    costs = _costs(len(rooms), load.seconds, alone, usage, _grown(before, after))
    return [*costs, *_latencies(len(rooms), [ear.latency_s(*end) for end in ends])]


async def _listen(server: Server, recording_id: str) -> str:
    body: Json = {"recording_id": recording_id, "profile": "fast"}
    return str((await server.client.post("/api/live_audio/start", body))["session_id"])


async def _tallies(server: Server, session_ids: Sequence[str]) -> Mapping[str, Json]:
    found = cast("list[Json]", await server.client.get("/api/live_audio/sessions"))
    return {str(one["session_id"]): one for one in found if one["session_id"] in session_ids}


@dataclass(frozen=True, slots=True)
class _Grown:
    """What all sessions heard and lost meanwhile, in seconds."""

    speech_s: float
    dropped_s: float


def _grown(before: Mapping[str, Json], after: Mapping[str, Json]) -> _Grown:
    def total(tallies: Mapping[str, Json]) -> tuple[float, float]:
        dropped = (
            sum(cast("dict[str, float]", one["dropped_s"]).values()) for one in tallies.values()
        )
        return sum(cast("float", one["speech_s"]) for one in tallies.values()), sum(dropped)

    (speech_s, _), (later_s, dropped_s) = total(before), total(after)
    return _Grown(later_s - speech_s, dropped_s)


def _ends(room: TalkingRoom, spoken: Spoken, from_ms: float, until_ms: float) -> list[float]:
    """When the sentences of a room ended, within some time."""
    ends = []
    for _, end_ms in spoken.sentences:
        at_ms = room.next_ms(end_ms, after_ms=from_ms)
        while at_ms < until_ms:
            ends.append(at_ms)
            at_ms += room.length_ms
    return ends


def _latencies(rooms: int, found: Sequence[float | None]) -> list[Result]:
    took_s = [one for one in found if one is not None]
    at: dict[str, str | int] = {"rooms": rooms, "sentences": len(found)}
    results = [Result("finals_missed", len(found) - len(took_s), "", at, 0)]
    if len(took_s) > 1:
        goal = 0.9 if rooms == 1 else 1.5
        slow_s = quantiles(took_s, n=20, method="inclusive")[-1]
        results += [
            Result("final_latency_p95_s", slow_s, "s", at, goal),
            Result("final_latency_median_s", median(took_s), "s", at),
        ]
    return results


def _costs(rooms: int, seconds: int, alone: _Parts, usage: _Parts, grown: _Grown) -> list[Result]:
    at: dict[str, str | int] = {"rooms": rooms}
    beside = {
        "ear": usage.ears.cpu_percent,
        "worker": usage.recording.cpu_percent - alone.recording.cpu_percent,
        "server": usage.server.cpu_percent - alone.server.cpu_percent,
    }
    shares = {name: percent / 100 / rooms for name, percent in beside.items()}
    decoding_s = usage.recognisers.cpu_percent / 100 * seconds / max(1e-3, grown.speech_s)
    growth_mib = (
        usage.server.pss_mib
        + usage.recording.pss_mib
        - alone.server.pss_mib
        - alone.recording.pss_mib
    )
    return [
        Result("decode_cpu_s_per_s", decoding_s, "", at, 0.08, digits=3),
        Result("overhead_cpu_s_per_s", sum(shares.values()), "", at, 0.015, digits=4),
        *(
            Result("overhead_cpu_s_per_s", share, "", {**at, "of": name}, digits=4)
            for name, share in shares.items()
        ),
        Result("dropped_s", grown.dropped_s, "s", {**at, "seconds": seconds}, 0),
        Result("speech_percent", 100 * grown.speech_s / seconds / rooms, "%", at, better="higher"),
        Result("recogniser_pss_mib", usage.recognisers.pss_mib, "MiB", at),
        Result("ear_pss_mib", usage.ears.pss_mib, "MiB", at),
        Result("server_growth_mib", growth_mib, "MiB", at),
    ]


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the processes of a server used."""

    recognisers: Usage
    ears: Usage
    recording: Usage
    server: Usage


async def _watched(server: Server, for_s: float) -> _Parts:
    return _Parts(
        *await watch(
            lambda: _recognisers(server),
            lambda: _ears(server),
            lambda: _recording(server),
            lambda: family(server.pid)[:1],
            for_s=for_s,
        )
    )


def _recognisers(server: Server) -> list[Process]:
    """Those that give way to the server."""
    normal = os.getpriority(os.PRIO_PROCESS, server.pid)
    return [one for one in _speakers(server) if os.getpriority(os.PRIO_PROCESS, one.pid) > normal]


def _ears(server: Server) -> list[Process]:
    recognisers = {one.pid for one in _recognisers(server)}
    return [one for one in _speakers(server) if one.pid not in recognisers]


def _recording(server: Server) -> list[Process]:
    speakers = {one.pid for one in _speakers(server)}
    return [one for one in family(server.pid)[1:] if one.pid not in speakers]


def _speakers(server: Server) -> list[Process]:
    return [one for one in family(server.pid) if "hostcue.speech.worker" in one.command]
