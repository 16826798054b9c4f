"""`python -m hostcue.sim`: a pretend room as a process of its own, until Ctrl-C or SIGTERM.

Prints one line of JSON when it is ready: the addresses, and the environment for hostcue. Then it
takes faults from its standard input, one a line, and answers each: see `hostcue.sim.commands`. A
file of them with their times is a scenario: see `hostcue.sim.scenario`.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

import anyio

from hostcue.sim.commands import Commands, read_lines
from hostcue.sim.flv import LiveFlv
from hostcue.sim.media import Clip, make_clip
from hostcue.sim.room import PretendRoom
from hostcue.sim.scenario import Scenario


@dataclass(frozen=True, slots=True)
class _Options:
    live_id: str
    pace: float
    rooms: int
    comment_rooms: int
    scenario: Scenario


async def _run(options: _Options, draw: Callable[..., Clip]) -> None:
    clip = draw()
    async with AsyncExitStack() as stack:
        signals = stack.enter_context(anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM))
        rooms = await _open_rooms(stack, options, clip)
        count = max(0, options.rooms - len(rooms))
        more = [await stack.enter_async_context(LiveFlv.open(clip)) for _ in range(count)]
        commands = Commands(rooms, more, draw)
        try:
            options.scenario.check(commands)
        except ValueError as exc:
            sys.exit(f"scenario, {exc}")
        _say(json.dumps(_facts(rooms, more), ensure_ascii=False))
        tasks = await stack.enter_async_context(anyio.create_task_group())
        tasks.start_soon(options.scenario.play, commands)
        if sys.stdin is not None:
            tasks.start_soon(_obey, commands)
        async for _ in signals:
            tasks.cancel_scope.cancel()
            return


async def _open_rooms(stack: AsyncExitStack, options: _Options, clip: Clip) -> list[PretendRoom]:
    """The rooms that have comments, all on the servers of the first."""
    rooms: list[PretendRoom] = []
    for number in range(options.comment_rooms):
        room = PretendRoom.open(
            live_id=options.live_id if number == 0 else f"{options.live_id}{number}",
            pace=options.pace,
            clip=clip,
            seed=options.scenario.seed + number,
            with_model=number == 0,
            host=rooms[0].douyin.host if rooms else None,
        )
        rooms.append(await stack.enter_async_context(room))
    return rooms


def _facts(rooms: list[PretendRoom], more: list[LiveFlv]) -> dict[str, object]:
    room = rooms[0]
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
            *({"link": one.link, "flv_url": one.flv.url} for one in rooms),
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


def _scenario(name: str) -> Scenario:
    try:
        return Scenario.read(name)
    except (OSError, ValueError) as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(prog="python -m hostcue.sim", description=__doc__)
    parser.add_argument("--live-id", default="80017709309", help="the number in the room's link")
    parser.add_argument("--pace", type=float, default=1.0, help="how fast viewers comment")
    parser.add_argument(
        "--rooms", type=_positive, default=1, help="streams in all, each with its own faults"
    )
    parser.add_argument(
        "--comment-rooms", type=_positive, default=1, help="how many of them have comments"
    )
    parser.add_argument(
        "--scenario",
        type=_scenario,
        default=Scenario(()),
        metavar="FILE",
        help="what happens and when; `rough_evening` comes with the simulator",
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
    told = _Options(
        options.live_id, options.pace, options.rooms, options.comment_rooms, options.scenario
    )
    anyio.run(_run, told, draw)


if __name__ == "__main__":
    main()
