"""`python -m hostcue.sim`: a pretend room as a process of its own, until Ctrl-C or SIGTERM.

Prints one line of JSON when it is ready: the addresses, and the environment for hostcue.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys

import anyio

from hostcue.sim.media import Clip, make_clip
from hostcue.sim.room import PretendRoom


async def _run(live_id: str, pace: float, clip: Clip) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with PretendRoom.open(live_id=live_id, pace=pace, clip=clip) as room:
            ready = {
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
            }
            sys.stdout.write(json.dumps(ready, ensure_ascii=False) + "\n")
            sys.stdout.flush()
            async for _ in signals:
                return


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
        "--seconds", type=_positive, default=20, help="after which the picture repeats"
    )
    parser.add_argument("--width", type=_positive, default=360)
    parser.add_argument("--height", type=_positive, default=640)
    parser.add_argument("--fps", type=_positive, default=15)
    parser.add_argument("--kbps", type=_positive, help="a constant rate of the picture")
    options = parser.parse_args()
    if options.pace <= 0:
        parser.error("--pace must be above 0")
    clip = make_clip(
        seconds=options.seconds,
        width=options.width,
        height=options.height,
        fps=options.fps,
        kbps=options.kbps,
    )
    anyio.run(_run, options.live_id, options.pace, clip)


if __name__ == "__main__":
    main()
