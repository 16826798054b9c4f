"""`python -m hostcue.sim`: a pretend room as a process of its own, until Ctrl-C or SIGTERM.

Prints one line of JSON when it is ready: the addresses, and the environment for hostcue. Then it
takes faults from its standard input, one a line, and answers each: see `hostcue.sim.commands`.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial

import anyio

from hostcue.sim.commands import Commands, read_lines
from hostcue.sim.flv import LiveFlv
from hostcue.sim.media import Clip, make_clip
from hostcue.sim.room import PretendRoom


async def _run(live_id: str, pace: float, rooms: int, draw: Callable[..., Clip]) -> None:
    clip = draw()
    async with AsyncExitStack() as stack:
        signals = stack.enter_context(anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM))
        room = await stack.enter_async_context(
            PretendRoom.open(live_id=live_id, pace=pace, clip=clip)
        )
        more = [await stack.enter_async_context(LiveFlv.open(clip)) for _ in range(1, rooms)]
        _say(json.dumps(_facts(room, more), ensure_ascii=False))
        tasks = await stack.enter_async_context(anyio.create_task_group())
        if sys.stdin is not None:
            tasks.start_soon(_obey, Commands(room, [room.flv, *more], draw))
        async for _ in signals:
            tasks.cancel_scope.cancel()
            return


def _facts(room: PretendRoom, more: list[LiveFlv]) -> dict[str, object]:
    return {
        "pretended": True,
        "note": "DEMO: nothing of this is a real room or a real model",
        "link": room.link,
        "live_id": room.douyin.live_id,
        "room_id": room.douyin.room_id,
        "flv_url": room.flv.url,
        "web_url": room.douyin.web_url,
        "push_url": room.douyin.push_url,
        "openai_url": room.model.openai_url,
        "dashscope_url": room.model.dashscope_url,
        "environment": room.environment(),
        "rooms": [
            {"link": room.link, "flv_url": room.flv.url},
            *({"link": flv.url, "flv_url": flv.url} for flv in more),
        ],
    }


async def _obey(commands: Commands) -> None:
    async for line in read_lines(sys.stdin.fileno()):
        _say(await commands.obey(line))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be above 0")
    return number


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(prog="python -m hostcue.sim", description=__doc__)
    parser.add_argument("--live-id", default="80017709309", help="the number in the room's link")
    parser.add_argument("--pace", type=float, default=1.0, help="how fast viewers comment")
    parser.add_argument(
        "--rooms", type=_positive, default=1, help="streams in all, each with its own faults"
    )
    parser.add_argument(
        "--seconds", type=_positive, default=20, help="after which the picture repeats"
    )
    parser.add_argument("--width", type=_positive, default=360)
    parser.add_argument("--height", type=_positive, default=640)
    parser.add_argument("--fps", type=_positive, default=15)
    parser.add_argument("--kbps", type=_positive, help="a constant rate of the picture")
    options = parser.parse_args()
    if options.pace <= 0:
        parser.error("--pace must be above 0")
    draw = partial(
        make_clip,
        seconds=options.seconds,
        width=options.width,
        height=options.height,
        fps=options.fps,
        kbps=options.kbps,
    )
    anyio.run(_run, options.live_id, options.pace, options.rooms, draw)


if __name__ == "__main__":
    main()
