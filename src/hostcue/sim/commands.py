"""Faults on command: one line in, one line out, for a pretend room in a process of its own.

A line is words, `drop_line how=reset room=2`, or the same as JSON, `{"do": "drop_line", ...}`:
a method of `LiveFlv`; for a room with comments one of `PretendRoom` (`end`, `begin`) and, after
`comments.`, of `DouyinFace` too, as in `comments.burst n=500`; or `look`, which changes nothing.
`room` counts from 0. The answer is JSON: an `error`, or when it was done and where the broadcast
was then; `begins_ms` is where on it another clip begins.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from inspect import isfunction

import anyio
import anyio.to_thread
from pydantic import validate_call

from hostcue.sim.douyin.audience import Audience
from hostcue.sim.douyin.trouble import Trouble
from hostcue.sim.flv import LiveFlv
from hostcue.sim.media import Clip
from hostcue.sim.room import PretendRoom

Json = dict[str, object]
_OF_STREAM = (
    *("drop_line", "stall", "resume", "refuse", "trickle", "burst", "sign_urls"),
    *("shift_timestamps", "reset_timestamps", "repeat_gop"),
)
_FACE = "comments."
_OF_FACE = tuple(
    name
    for name, method in vars(Trouble).items() | vars(Audience).items()
    if isfunction(method) and not name.startswith("_") and name != "send_raw"
)
_ALSO_OF_FACE = ("flap", "risk_control")
_OF_ROOM = ("end", "begin")


class Commands:
    """Does what it is told to the rooms, and to the streams of all, those without comments last.

    `draw` makes the clip for `switch`, out of the options that are given with it.
    """

    def __init__(
        self,
        rooms: Sequence[PretendRoom],
        streams: Sequence[LiveFlv],
        draw: Callable[..., Clip],
    ) -> None:
        self._rooms = rooms
        self._streams = [*(room.flv for room in rooms), *streams]
        self._draw = draw

    async def obey(self, line: str) -> str:
        """The answer to one line; a wrong one changes nothing."""
        try:
            found = await self._do(parse(line))
        except Exception as exc:  # noqa: BLE001 - who mistypes a command keeps the rooms
            found = {"ok": False, "error": str(exc)}
        return json.dumps(found, ensure_ascii=False)

    def check(self, line: str) -> None:
        """Raise for what names no room or nothing that it knows; its values are seen when done."""
        command = parse(line)
        name, number = command.get("do"), self._number(command.get("room", 0))
        if name not in ("switch", "look"):
            self._method(name, number)

    async def _do(self, command: Json) -> Json:
        name, number = command.pop("do", None), self._number(command.pop("room", 0))
        flv, told = self._streams[number], Json()
        if name == "switch":
            clip = await anyio.to_thread.run_sync(lambda: self._draw(**command))
            told["begins_ms"] = flv.switch(clip)
        elif name != "look":
            # The values are held against the method's own signature.
            validate_call(self._method(name, number))(**command)
        return {
            "ok": True,
            "at_ms": time.time_ns() // 1_000_000,
            "position_ms": flv.position_ms(),
            "viewers": flv.viewers,
            "connections": flv.connections,
            **told,
        }

    def _number(self, number: object) -> int:
        if not isinstance(number, int) or not 0 <= number < len(self._streams):
            raise LookupError(f"there is no room {number}: they are 0 to {len(self._streams) - 1}")
        return number

    def _method(self, name: object, number: int) -> Callable[..., object]:
        owners: list[tuple[object, Sequence[str], str]] = [(self._streams[number], _OF_STREAM, "")]
        if number < len(self._rooms):
            room = self._rooms[number]
            owners += [
                (room.douyin, _OF_FACE, _FACE),
                (room.douyin, _ALSO_OF_FACE, ""),
                (room, _OF_ROOM, ""),
            ]
        for owner, names, prefix in owners:
            bare = str(name).removeprefix(prefix)
            if bare in names and name == prefix + bare:
                return getattr(owner, bare)  # type: ignore[no-any-return] # one of its methods
        raise LookupError(f"room {number} knows no {name}")


def parse(line: str) -> Json:
    """A command's name, under `do`, and its values."""
    if line.startswith("{"):
        found = json.loads(line)
        return dict(found) if isinstance(found, Mapping) else {}
    name, *pairs = line.split()
    fields = (pair.partition("=") for pair in pairs)
    return {"do": name} | {key: _value(text) for key, _, text in fields}


def _value(text: str) -> object:
    with suppress(ValueError):
        return json.loads(text)
    return text


async def read_lines(descriptor: int) -> AsyncIterator[str]:
    """Lines from a pipe or a terminal until it ends; none from what can't be waited for."""
    rest = b""
    while True:
        try:
            await anyio.wait_readable(descriptor)
            data = os.read(descriptor, 1 << 16)
        except OSError:  # a plain file, the null device; on Windows anything but a socket
            return
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            if text := line.decode(errors="replace").strip():
                yield text
        if not data:
            return
