"""Clients that nobody here wrote, against the pretend Douyin: what each of them reads.

    python -m benchmarks.independent_client

It is a check of the simulator, and so of all that is tested with it. Each client is installed from
PyPI into an environment of its own under `build/peers`, and its own code does everything but the
choice of addresses: see `benchmarks/clients`. One that can't be had is left out. Not part of the
tests: it downloads.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream

from benchmarks.benchmark import progress
from hostcue.sim.douyin import DouyinFace
from hostcue.sim.signal import Signal

_ROOT = Path(__file__).parents[1]
_PLACE = _ROOT / "build" / "peers"
_INSTALL_WITHIN_S = 300
_ARRIVES_WITHIN_S = 40
_READS_WITHIN_S = 20
_LINES = 40


@dataclass(frozen=True, slots=True)
class Peer:
    """A package and the driver that points it at us."""

    package: str
    version: str
    driver: str


PEERS = (
    Peer("f2", "0.0.1.7", "f2_reads.py"),
    Peer("douyin-live-chat", "1.0.4", "douyin_live_chat_reads.py"),
)


@dataclass(slots=True)
class Findings:
    """What a client told us that it read."""

    facts: dict[str, object] = field(default_factory=dict)
    messages: Counter[str] = field(default_factory=Counter)
    chats: list[str] = field(default_factory=list)
    samples: dict[str, object] = field(default_factory=dict)
    news: Signal = field(default_factory=Signal)

    def take(self, line: str) -> None:
        """One line of its driver; what is no JSON is the client's own words."""
        if not line.startswith("{"):
            return
        found = json.loads(line)
        name, body = found.get("message"), found.get("body")
        if name is None:
            self.facts |= found
            return
        self.messages[name] += 1
        self.samples[name] = {k: v for k, v in body.items() if k not in ("common", "user")}
        if name == "WebcastChatMessage":
            self.chats.append(body.get("content", ""))
            self.news.changed()


async def main() -> None:
    """Check with each, and say what came."""
    for peer in PEERS:
        python = environment(peer)
        if python is None:
            progress(f"{peer.package} can't be had here: left out")
            continue
        await _check(peer, python)


async def _check(peer: Peer, python: Path) -> None:
    """A room with a little of everything, read by one client."""
    driver = Path(__file__).parent / "clients" / peer.driver
    found = Findings()
    async with DouyinFace.open(flv_url="http://127.0.0.1:9/live.flv", script=()) as face:
        command = [str(python), str(driver), face.web_url, face.push_url, face.live_id]
        async with await anyio.open_process(command, env=_clean(), stderr=None) as process:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_listen, process, found)
                with anyio.move_on_after(_ARRIVES_WITHIN_S):
                    await face.wait_viewers(1)
                    await _perform(face)
                    await _until_read(found)
                tasks.cancel_scope.cancel()
            process.kill()
        _tell(peer, face, found)


async def _perform(face: DouyinFace) -> None:
    for number in range(_LINES):
        face.say(f"第{number}条：{number}号链接多少钱")
        await anyio.sleep(0.05)
    face.gift_combo([1, 2, 3, 5])
    face.like()
    face.enter_room()
    face.follow()
    face.fans_club()
    face.say("[捂脸]", form="emoji")
    face.say("飘屏", form="screen")
    face.say("多少钱", form="hot")
    face.notice("room_stats")
    face.notice("fan_ticket")
    face.notice("ecom_general")
    face.notice("data_sync")
    face.show_product("飞织小白鞋")
    face.change_products(["飞织小白鞋", "加绒马丁靴"])


async def _until_read(found: Findings) -> None:
    with anyio.move_on_after(_READS_WITHIN_S):
        await found.news.until(lambda: len(found.chats) >= _LINES)
        await anyio.sleep(1)  # what is not chat comes behind


async def _listen(process: Process, found: Findings) -> None:
    if process.stdout is None:
        raise TypeError("the process was started without pipes")
    rest = ""
    async for text in TextReceiveStream(process.stdout, errors="replace"):
        *lines, rest = (rest + text).split("\n")
        for line in lines:
            found.take(line)


def _tell(peer: Peer, face: DouyinFace, found: Findings) -> None:
    plain = [text for _, text, _ in face.said[:_LINES]]
    seen = face.seen
    told = {
        "client": f"{peer.package} {peer.version}",
        "facts": found.facts,
        "chats_read": f"{len(set(plain) & set(found.chats))} of {len(plain)}",
        "in_order": found.chats[: len(plain)] == plain,
        "messages": dict(found.messages),
        "last_of_each": found.samples,
        "handshakes_refused": seen.refusals,
        "acks": seen.acks,
        "acks_in_the_wrong_field": seen.sloppy_acks,
        "acks_wrong": seen.wrong_acks,
        "heartbeats": seen.heartbeats,
        "dropped_for": seen.drops,
    }
    sys.stdout.write(json.dumps(told, ensure_ascii=False, indent=1) + "\n")


def environment(peer: Peer) -> Path | None:
    """The interpreter that has the client, installed once; None when that can't be done."""
    place = _PLACE / f"{peer.package}-{peer.version}"
    python = place / "bin" / "python"
    if python.is_file():
        return python
    uv = shutil.which("uv", path=str(_ROOT / ".uv" / "bin")) or shutil.which("uv")
    if uv is None:
        return None
    progress(f"install {peer.package} into {place}")
    install = [uv, "pip", "install", "--quiet", "--python", str(python)]
    commands = ([uv, "venv", "--quiet", str(place)], [*install, f"{peer.package}=={peer.version}"])
    try:
        for command in commands:
            subprocess.run(command, check=True, capture_output=True, timeout=_INSTALL_WITHIN_S)  # noqa: S603 - of this file
    except (OSError, subprocess.SubprocessError):
        shutil.rmtree(place, ignore_errors=True)
        return None
    return python


def _clean() -> dict[str, str]:
    """No proxies, no settings: only what finds programs."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


if __name__ == "__main__":
    anyio.run(main)
