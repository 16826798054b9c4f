"""Pretend rooms in a process of their own, and the faults they are told to have."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self, cast

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from benchmarks.scene import first_line, started
from hostcue.cli.client import Json


@dataclass(frozen=True, slots=True)
class Room:
    """A live room that exists only here."""

    link: str
    flv_url: str


@dataclass(frozen=True, slots=True)
class Moment:
    """When a command was done, in Unix milliseconds, and where the broadcast was then."""

    at_ms: int
    position_ms: int
    viewers: int
    connections: int
    begins_ms: int | None = None
    """Where another clip begins, after `switch`."""


@dataclass(slots=True)
class Sim:
    """Live rooms, and hostcue's settings for them.

    The first is a Douyin room with an audience, of which `live_id` and `room_id` tell; the others
    are addresses of streams.
    """

    rooms: list[Room]
    live_id: str
    room_id: str
    environment: dict[str, str]
    _process: Process
    _answers: BufferedByteReceiveStream
    _turn: anyio.Lock = field(default_factory=anyio.Lock)

    @classmethod
    @asynccontextmanager
    async def open(cls, arguments: Sequence[str]) -> AsyncIterator[Self]:
        """Live with these options of `python -m hostcue.sim`."""
        command = [sys.executable, "-m", "hostcue.sim", *arguments]
        async with started(command, environment={}) as process:
            if process.stdout is None:
                raise TypeError("the process was started without pipes")
            answers = BufferedByteReceiveStream(process.stdout)
            facts = json.loads(await first_line(answers, b"{"))
            rooms = [Room(room["link"], room["flv_url"]) for room in facts["rooms"]]
            named = str(facts["live_id"]), str(facts["room_id"])
            yield cls(rooms, *named, facts["environment"], process, answers)

    @property
    def links(self) -> list[str]:
        """What a user would paste, of each room."""
        return [room.link for room in self.rooms]

    async def do(self, what: str, room: int = 0, **values: object) -> Moment:
        """A fault, or `look`: see `hostcue.sim.commands`.

        Raises:
            RuntimeError: the room doesn't know it.
        """
        if self._process.stdin is None:
            raise TypeError("the process was started without pipes")
        async with self._turn:
            line = json.dumps({"do": what, "room": room, **values}) + "\n"
            await self._process.stdin.send(line.encode())
            found = cast("Json", json.loads(await self._answers.receive_until(b"\n", 1 << 20)))
        if not found.pop("ok"):
            raise RuntimeError(f"{what}: {found['error']}")
        return Moment(**cast("dict[str, int]", found))
