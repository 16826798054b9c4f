"""Faults on command: one line in, one line out, for a pretend room in a process of its own.

A line is words, `drop_line how=reset room=2`, or the same as JSON, `{"do": "drop_line", ...}`:
a method of `LiveFlv`, for the first room of `DouyinFace` (`flap`, `risk_control`) and of
`PretendRoom` (`end`, `begin`) too, or `look`, which changes nothing. `room` counts from 0. The
answer is JSON: an `error`, or when it was done and where the broadcast was then; `begins_ms` is
where on it another clip begins.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress

import anyio
import anyio.to_thread
from pydantic import validate_call

from hostcue.sim.flv import LiveFlv
from hostcue.sim.media import Clip
from hostcue.sim.room import PretendRoom

Json = dict[str, object]
_OF_STREAM = (
    *("drop_line", "stall", "resume", "refuse", "trickle", "burst", "sign_urls"),
    *("shift_timestamps", "reset_timestamps", "repeat_gop"),
)
_OF_FACE = ("flap", "risk_control")
_OF_ROOM = ("end", "begin")


class Commands:
    """Does what it is told to the first room, and to the streams of all.

    `draw` makes the clip for `switch`, out of the options that are given with it.
    """

    def __init__(
        self, room: PretendRoom, streams: Sequence[LiveFlv], draw: Callable[..., Clip]
    ) -> None:
        self._room = room
        self._streams = streams
        self._draw = draw

    async def obey(self, line: str) -> str:
        """The answer to one line; a wrong one changes nothing."""
        try:
            found = await self._do(_parse(line))
        except Exception as exc:  # noqa: BLE001 - who mistypes a command keeps the rooms
            found = {"ok": False, "error": str(exc)}
        return json.dumps(found, ensure_ascii=False)

    async def _do(self, command: Json) -> Json:
        name, number = command.pop("do", None), command.pop("room", 0)
        if not isinstance(number, int) or not 0 <= number < len(self._streams):
            raise LookupError(f"there is no room {number}: they are 0 to {len(self._streams) - 1}")
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

    def _method(self, name: object, number: int) -> Callable[..., object]:
        for owner, names in (
            (self._streams[number], _OF_STREAM),
            (self._room.douyin, _OF_FACE if number == 0 else ()),
            (self._room, _OF_ROOM if number == 0 else ()),
        ):
            if name in names:
                return getattr(owner, str(name))  # type: ignore[no-any-return] # one of its methods
        raise LookupError(f"room {number} knows no {name}")


def _parse(line: str) -> Json:
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
