"""Faults that another process asks for, over a pipe."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

import anyio
import pytest
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from dirty_equals import IsInt, IsPartialDict, IsStr
from flv_reader import read

SMALL = ["--seconds", "4", "--width", "96", "--height", "160", "--rooms", "2"]


@dataclass
class Sim:
    process: Process
    lines: BufferedByteReceiveStream

    async def streams(self) -> list[str]:
        """The first line tells them."""
        facts: dict[str, list[dict[str, str]]] = json.loads(
            await self.lines.receive_until(b"\n", 20_000)
        )
        return [room["flv_url"] for room in facts["rooms"]]

    async def ask(self, line: str) -> dict[str, object]:
        assert self.process.stdin is not None
        await self.process.stdin.send(f"{line}\n".encode())
        return json.loads(await self.lines.receive_until(b"\n", 20_000))  # type: ignore[no-any-return] # JSON


@pytest.fixture
async def sim() -> AsyncIterator[Sim]:
    command = [sys.executable, "-W", "error", "-m", "hostcue.sim", *SMALL]
    with anyio.fail_after(40):
        async with await anyio.open_process(command, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            yield Sim(process, BufferedByteReceiveStream(process.stdout))
            process.terminate()
            assert b"".join([piece async for piece in process.stderr]) == b""
            assert await process.wait() == 0


async def test_each_room_has_its_own_faults(sim: Sim) -> None:
    first, second = await sim.streams()
    async with read(first) as one, read(second) as two:
        await one.start()
        await two.start()
        done = await sim.ask('{"do": "drop_line", "room": 1, "how": "reset"}')
        assert done == {
            "ok": True,
            "at_ms": IsInt(gt=1_700_000_000_000),
            "position_ms": IsInt(ge=30_000),
            "viewers": 1,
            "connections": 1,
        }
        assert await two.end() is anyio.BrokenResourceError
        assert await one.media(40)
    assert (await sim.ask("refuse status=403 room=1"))["ok"]
    async with read(second) as refused:
        assert b" 403 " in (await refused.head())


async def test_a_line_can_switch_the_clip_and_command_the_face(sim: Sim) -> None:
    first, _ = await sim.streams()
    async with read(first) as player:
        await player.start()
        assert (await sim.ask("switch video_codec=h265 width=128"))["ok"]
        while (tag := await player.tag()).body[1:5] != b"hvc1":
            pass
        assert tag.is_header
    for line in (
        "flap answers=2",
        "risk_control mode=captcha",
        "risk_control mode=null",
        "end",
        "begin",
    ):
        assert (await sim.ask(line))["ok"], line


async def test_what_makes_no_sense_is_said_and_changes_nothing(sim: Sim) -> None:
    await sim.streams()
    for line, error in (
        ("explode", "room 0 knows no explode"),
        ("flap answers=2 room=1", "room 1 knows no flap"),
        ("stall room=9", "there is no room 9: they are 0 to 1"),
        ("trickle share=much", IsStr(regex="(?s).*share.*number.*")),
        ("drop_line how=softly", IsStr(regex="(?s).*'eof' or 'reset'.*")),
        ("switch width=-4", IsStr(min_length=1)),
        ('{"do": ', IsStr(min_length=1)),
        ("[]", IsStr(min_length=1)),
        ("{}", "room 0 knows no None"),
    ):
        assert await sim.ask(line) == {"ok": False, "error": error}
    assert await sim.ask("look") == IsPartialDict(ok=True, viewers=0)
