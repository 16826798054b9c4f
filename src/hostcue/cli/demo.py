"""`hostcue demo`: the whole path on a pretend room, all of it marked DEMO."""

from __future__ import annotations

import json
import logging
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import anyio

from hostcue import log
from hostcue.cli.client import Client, Json
from hostcue.cli.serve import address_of, bind, quiet_stop, run_server
from hostcue.cli.tips import line_of
from hostcue.config import Settings
from hostcue.errors import ConfigError, HostcueError
from hostcue.sim.room import PretendRoom

_ANCHOR = "DEMO 小满的鞋铺"
_ONCE_WITHIN_S = 60
_LINES = {"HOSTCUE_MIN_FREE_BYTES": "32MiB", "HOSTCUE_RESUME_FREE_BYTES": "64MiB"}
_MUTE = {"HOSTCUE_SPEECH": "off"}  # the pretend host says nothing that a model could hear
"""A demo writes a few MB a minute, so it runs on a nearly full disk too."""


@dataclass(slots=True)
class _Demo:
    """One run: what was asked for, and what happened so far."""

    once: bool
    segment_s: int
    out: object
    began: float = field(default_factory=time.monotonic)
    recording_id: str = ""
    segments: list[Json] = field(default_factory=list[Json])
    tips: list[Json] = field(default_factory=list[Json])
    comments: int = 0
    seconds: dict[str, float] = field(default_factory=dict[str, float])

    def say(self, text: str) -> None:
        """One line about what happens, with the mark and the time since the start."""
        line = f"DEMO {time.monotonic() - self.began:5.1f} s  {text}"
        print(line, file=sys.stdout if self.out is None else sys.stderr, flush=True)

    def reached(self, what: str) -> None:
        """Remember when something happened first."""
        self.seconds.setdefault(what, round(time.monotonic() - self.began, 2))

    @property
    def complete(self) -> bool:
        """A segment, comments and lines: all of it happened."""
        return bool(self.segments and self.comments and self.tips)

    def report(self) -> str:
        """What `--json` prints."""
        found = {
            "demo": True,
            "recording_id": self.recording_id,
            "segments": self.segments,
            "comments": self.comments,
            "tips": self.tips,
            "seconds": self.seconds,
        }
        return json.dumps(found, ensure_ascii=False, indent=2)


def run_demo(*, once: bool, as_json: bool, port: int, segment_s: int, folder: Path | None) -> int:
    """Run until Ctrl-C, or once; the exit code is 0 only if all of it happened.

    Raises:
        ConfigError: `as_json` without `once`, or the port is taken.
    """
    if as_json and not once:
        raise ConfigError(
            "--json needs --once: it prints one object at the end",
            field="--json",
            remedy="add --once",
        )
    demo = _Demo(once, segment_s, sys.stderr if as_json else None)
    log.setup(logging.WARNING)
    quiet_stop()
    with _place(folder, keep=once) as place:
        anyio.run(_run, demo, place, 0 if once else port)
    if as_json:
        print(demo.report())
    return 0 if demo.complete or not once else 1


async def _run(demo: _Demo, place: Path, port: int) -> None:
    failed: list[HostcueError] = []
    async with PretendRoom.open(anchor_name=_ANCHOR) as room:
        settings = _settings(room, place)
        with bind("127.0.0.1", port) as listener:
            up = anyio.Event()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_act, demo, room.link, address_of(listener), place, up)
                try:
                    await run_server(settings, listener, up.set)
                except HostcueError as exc:
                    failed.append(exc)
                tasks.cancel_scope.cancel()
    if failed:
        raise failed[0]


def _settings(room: PretendRoom, place: Path) -> Settings:
    """The pretend room's addresses and nothing of this machine's settings, keys or proxies."""
    folders = {"RECORDS_ROOT": str(place / "records"), "HOSTCUE_DATA_DIR": str(place / "data")}
    return Settings.only(room.environment() | folders | _LINES | _MUTE)


async def _act(demo: _Demo, link: str, address: str, place: Path, up: anyio.Event) -> None:
    """Do what a user would, over HTTP; with `once`, stop the server at the end."""
    await up.wait()
    demo.say(f"a pretend live room and hostcue run; open {address} in a browser")
    demo.say(f"files are in {place}" + (", yours to delete" if demo.once else "; Ctrl-C ends it"))
    try:
        with anyio.move_on_after(_ONCE_WITHIN_S if demo.once else float("inf")):
            async with Client.open(address, None) as client:
                await _watch(demo, client, link)
    except HostcueError as exc:
        demo.say(f"failed: {exc.message}" if demo.once else "the server stopped")
    if demo.once:
        signal.raise_signal(signal.SIGTERM)


async def _watch(demo: _Demo, client: Client, link: str) -> None:
    started = await client.post(
        "/api/recording/start", {"live_url": link, "segment_time": demo.segment_s}
    )
    demo.recording_id = str(started["recording_id"])
    demo.say(f"recording {link} in segments of {demo.segment_s} s into {started['output']}")
    path = f"/api/recording/events?recording_id={demo.recording_id}"
    async for kind, data in client.events(path):
        if kind == "segment_ready":
            await _segment(demo, client, data)
        elif kind == "tips_ready":
            await _tips(demo, client, data)
            if demo.once:
                return
        elif kind == "recording_state":
            demo.say(f"recording is {data['state']} {data['reason']}".rstrip())


async def _segment(demo: _Demo, client: Client, data: Json) -> None:
    demo.reached("first_segment")
    demo.segments.append({key: data[key] for key in ("seq", "path", "start_ts", "end_ts")})
    status = cast("Json", await client.get("/api/recording/status", recording_id=demo.recording_id))
    comments = await client.get(
        "/api/comments",
        room_id=str(status["room_id"]),
        start_ts=cast("int", data["start_ts"]),
        end_ts=cast("int", data["end_ts"]),
    )
    count = len(cast("list[Json]", comments))
    demo.comments += count
    demo.say(f"segment {data['seq']} closed, {count} comments in it: {data['path']}")


async def _tips(demo: _Demo, client: Client, data: Json) -> None:
    demo.reached("first_tips")
    found = await client.get(
        "/api/analysis/tips/latest",
        recording_id=demo.recording_id,
        limit=len(cast("list[str]", data["tip_ids"])),
    )
    tips = cast("list[Json]", found)
    demo.tips += tips
    demo.say(f"lines for segment {data['seq']}:")
    for tip in tips:
        demo.say(f"  {line_of(tip)}")


@contextmanager
def _place(folder: Path | None, *, keep: bool) -> Iterator[Path]:
    """A folder that goes with the demo, unless its files are the result."""
    if folder is None and not keep:
        with tempfile.TemporaryDirectory(prefix="hostcue-demo-") as made:
            yield Path(made)
        return
    folder = folder or Path(tempfile.mkdtemp(prefix="hostcue-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
