"""`hostcue record`: the recorder alone, without server, database or key."""

from __future__ import annotations

import secrets
import sys
from datetime import datetime
from pathlib import Path

import anyio

from hostcue.cli.interrupt import stop_asked
from hostcue.config import Settings
from hostcue.model.clock import now_ms
from hostcue.model.comment import Gap
from hostcue.model.recording import Progress, RecorderEvent, RecordingPlan, SaveFormat, StateChanged
from hostcue.model.room import LiveRoom, Quality
from hostcue.model.segment import ClosedFile
from hostcue.recording.engine import Engine
from hostcue.recording.naming import room_folder
from hostcue.recording.recorder import Recorder
from hostcue.wiring import open_platforms


def run_record(
    settings: Settings,
    url: str,
    *,
    segment_s: int,
    quality: Quality,
    save_format: SaveFormat,
    root: Path,
    for_s: float | None,
) -> None:
    """Record until the stream ends, Ctrl-C, or `for_s`; prints each segment as it lands.

    Raises:
        HostcueError: the room cannot be recorded; nothing was left behind.
    """
    plan = RecordingPlan(url, segment_s, quality, save_format, comments=False)
    anyio.run(_record, settings, plan, root, for_s)


async def _record(settings: Settings, plan: RecordingPlan, root: Path, for_s: float | None) -> None:
    async with (
        open_platforms(settings, allow_files=True) as platforms,
        Engine.open() as engine,
    ):
        resolvers = platforms.resolvers
        live = await resolvers.resolve(plan.link, plan.quality)
        output = room_folder(
            root,
            platform=live.room.platform,
            anchor_name=live.room.anchor_name,
            room_id=live.room.room_id,
            taken=lambda _: False,
        )
        print(_title(live, output), file=sys.stderr)

        async def resolve() -> LiveRoom:
            return await resolvers.resolve(plan.link, plan.quality)

        recorder = Recorder(
            engine,
            recording_id=secrets.token_hex(6),
            plan=plan,
            live=live,
            output=output,
            zone=settings.tz,
            proxies=settings.proxies,
            policy=settings.address_policy,
            resolve=resolve,
            emit=_show,
        )
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_stop_on_signal, recorder)
            if for_s is not None:
                tasks.start_soon(_stop_after, recorder, for_s)
            await recorder.run()
            tasks.cancel_scope.cancel()


async def _stop_on_signal(recorder: Recorder) -> None:
    await stop_asked()
    print("\nclosing the last segment …", file=sys.stderr)
    await recorder.stop("stopped")


async def _stop_after(recorder: Recorder, seconds: float) -> None:
    await anyio.sleep(seconds)
    await recorder.stop("stopped")


async def _show(event: RecorderEvent) -> None:
    match event:
        case ClosedFile():
            megabytes = event.bytes / 1e6
            print(f"{event.path}  {event.duration_ms / 1000:.1f} s  {megabytes:.1f} MB", flush=True)
        case StateChanged():
            words = dict.fromkeys((event.state, event.reason))  # "stopped" may be both
            print(f"[{_clock(event.at_ms)}]", *filter(None, words), file=sys.stderr)
        case Gap(end_ms=None):
            print(f"[{_clock(event.start_ms)}] gap opened: {event.cause}", file=sys.stderr)
        case Gap():
            length_s = ((event.end_ms or now_ms()) - event.start_ms) / 1000
            print(f"gap closed after {length_s:.1f} s: {event.cause}", file=sys.stderr)
        case Progress() if sys.stderr.isatty():
            done = f"segment {event.seq}: {event.duration_ms / 1000:.0f} s"
            print(f"\r{done}, {event.bytes / 1e6:.1f} MB ", end="", file=sys.stderr, flush=True)
        case _:
            pass


def _title(live: LiveRoom, output: Path) -> str:
    room = live.room
    return f"{room.anchor_name} ({room.platform}) {room.title} · {live.source.quality} → {output}"


def _clock(ts_ms: int) -> str:
    return f"{datetime.fromtimestamp(ts_ms / 1000).astimezone():%H:%M:%S}"
