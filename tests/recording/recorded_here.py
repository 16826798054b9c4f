"""A server to be killed: records URL into FOLDER and says when a while is on the disk."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import anyio

from hostcue.model.network import AddressPolicy, Proxies
from hostcue.model.recording import Progress, SegmentOpened
from hostcue.recording.engine import Engine
from hostcue.recording.protocol import CaptureJob


async def main(url: str, folder: str) -> None:
    job = CaptureJob(
        id="w",
        url=url,
        container="flv",
        headers={},
        proxies=Proxies(),
        policy=AddressPolicy(allow_private=True),
        output=folder,
        recording_id="rec",
        save_format="mp4",
        segment_s=60,
        zone="Asia/Shanghai",
        first_seq=0,
        not_before_ms=None,
        open_timeout_s=5.0,
        read_timeout_s=8.0,
        max_lag_s=4.0,
    )
    async with Engine.open() as engine, engine.worker(job) as worker:
        start_ms = 0
        async for event in worker:
            if isinstance(event, SegmentOpened):
                start_ms = event.start_ms
            elif isinstance(event, Progress) and event.duration_ms > 1500:
                line = {"start_ms": start_ms, "duration_ms": event.duration_ms}
                sys.stdout.write(json.dumps(line) + "\n")
                sys.stdout.flush()
                await anyio.sleep_forever()


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], str(Path(sys.argv[2])))
