"""The whole pretend room, in this process and in one of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import anyio
import httpx2
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream

from hostcue.sim.media import make_clip
from hostcue.sim.room import PretendRoom

SMALL = ("--seconds", "4", "--width", "96", "--height", "160")


async def test_the_environment_leads_to_the_room() -> None:
    clip = make_clip(seconds=4, width=96, height=160)
    with anyio.fail_after(30):
        async with (
            PretendRoom.open(clip=clip, live_id="123", anchor_name="阿柚") as room,
            httpx2.AsyncClient(trust_env=False) as client,
        ):
            assert room.link == "https://live.douyin.com/123"
            settings = room.environment()
            assert settings["QWEN_MM_MODEL"] == "sim"
            assert settings["HOSTCUE_DOUYIN_PUSH_URL"].startswith("ws://127.0.0.1:")
            web_url = settings["HOSTCUE_DOUYIN_WEB_URL"]
            await client.get(web_url)
            params = {"web_rid": "123", "a_bogus": "x"}
            enter = await client.get(f"{web_url}/webcast/room/web/enter/", params=params)
            data = enter.json()["data"]
            assert data["user"]["nickname"] == "阿柚"
            url = data["data"][0]["stream_url"]["flv_pull_url"]["HD1"]
            async with client.stream("GET", url) as stream:
                await room.flv.wait_viewers(1)
                room.end()
                assert (await stream.aread())[:3] == b"FLV"
            assert (await client.get(url)).status_code == 404


async def test_a_room_without_a_model_says_so() -> None:
    clip = make_clip(seconds=4, width=96, height=160)
    with anyio.fail_after(30):
        async with PretendRoom.open(clip=clip, with_model=False) as room:
            assert "DASHSCOPE_API_KEY" not in room.environment()
            with pytest.raises(LookupError):
                _ = room.model
            room.drop_line()


async def test_it_runs_as_a_process_until_told_to_end() -> None:
    with anyio.fail_after(30):
        async with await anyio.open_process(
            [sys.executable, "-W", "error", "-m", "hostcue.sim", "--live-id", "5", *SMALL],
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            line = await BufferedByteReceiveStream(process.stdout).receive_until(b"\n", 10_000)
            ready = json.loads(line)
            assert ready["pretended"] is True
            assert ready["link"] == "https://live.douyin.com/5"
            assert ready["environment"]["HOSTCUE_QWEN_BASE_URL"] == ready["openai_url"]
            process.send_signal(signal.SIGTERM)
            errors = b"".join([piece async for piece in process.stderr])
            assert (await process.wait(), errors) == (0, b"")
