"""Comments through the room's own page in a browser: how many frames pass, and what it costs."""

from __future__ import annotations

import os
import time
from contextlib import aclosing
from pathlib import Path

import anyio

from benchmarks.benchmark import progress
from benchmarks.comment_frames import CHATS_PER_FRAME
from benchmarks.processes import Process, family, pss_mib
from benchmarks.report import Result
from benchmarks.sim import Sim
from hostcue.comments.douyin.browser import BrowserWay
from hostcue.comments.douyin.chromium import Chromium
from hostcue.comments.douyin.inbox import Inbox
from hostcue.comments.douyin.wall import Screenshots
from hostcue.comments.douyin.ways import Connection, Visit
from hostcue.errors import BrowserMissing
from hostcue.model.comment import Comment
from hostcue.model.network import Proxies
from hostcue.model.room import Room
from hostcue.platforms.douyin.webs import DouyinWebs

_ARRIVE_WITHIN_S = 60
_MODES = ("socket", "worker")
_BURST_FRAMES = 500  # a viewer may be 20,000 messages behind


async def browsing(sim: Sim, folder: Path, frames: int) -> list[Result]:
    """Bursts through a page that reads in itself, and through one that reads in a Worker."""
    results: list[Result] = []
    await sim.do("comments.quiet")
    await sim.do("comments.history", n=0)
    room = Room("douyin", sim.live_id, sim.room_id, sim.rooms[0].link, "")
    way = BrowserWay(Chromium(folder / "browser"), Screenshots(folder / "screenshots"))
    for mode in _MODES:
        progress(f"{frames} frames through a browser: {mode}")
        await sim.do("comments.show_page", mode=mode)
        try:
            results += await _burst(sim, way, room, mode, frames)
        except BrowserMissing as exc:
            progress(f"there is no browser here: left out ({exc})")
            break
    await sim.do("comments.quiet", on=False)
    await sim.do("comments.history")
    return results


async def _burst(sim: Sim, way: BrowserWay, room: Room, mode: str, frames: int) -> list[Result]:
    web_url = sim.environment["HOSTCUE_DOUYIN_WEB_URL"]
    wanted = min(frames, _BURST_FRAMES) * CHATS_PER_FRAME
    async with (
        aclosing(DouyinWebs(Proxies(), base_url=web_url)) as webs,
        webs.lend() as web,
        way.open(Visit(room, web, Inbox(room.room_id))) as connection,
    ):
        at: dict[str, str | int] = {"page": mode, "rooms": 1}
        memory = pss_mib(_browser())
        before_s = sum(one.cpu_s for one in _browser())
        told = anyio.create_task_group()
        async with told:
            told.start_soon(_say, sim, wanted)
            chats, brought, took_s = await _receive(connection, wanted)
        cpu_s = sum(one.cpu_s for one in _browser()) - before_s
    return [
        Result("browser_frames_per_s", brought / took_s, "", at, 500, "higher"),
        Result("browser_chats_lost", wanted - chats, "", at, 0),
        Result("browser_pss_mib", memory, "MiB", at),
        Result("browser_cpu_ms_per_frame", 1000 * cpu_s / max(1, brought), "ms", at),
    ]


async def _say(sim: Sim, count: int) -> None:
    await sim.do("comments.burst", n=count)


async def _receive(connection: Connection, wanted: int) -> tuple[int, int, float]:
    """Chats and frames that came, and the time between the first and the last."""
    chats = brought = 0
    first_s = last_s = time.monotonic()
    with anyio.move_on_after(_ARRIVE_WITHIN_S):
        while chats < wanted:
            delivery = await connection.receive()
            new = sum(isinstance(event, Comment) for event in delivery.events)
            last_s = time.monotonic()
            first_s = first_s if brought else last_s
            chats += new
            brought += bool(new)
    return chats, brought, max(last_s - first_s, 1e-3)


def _browser() -> list[Process]:
    """The processes that a browser costs beside our own: its driver's and its own.

    The pretend room and what else this measurement started are no part of it.
    """
    return [one for one in family(os.getpid())[1:] if "hostcue.sim" not in one.command]
