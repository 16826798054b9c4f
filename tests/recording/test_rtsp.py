"""RTSP: by a connection of our own, through libav's protocol, RTP inside of it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from itertools import pairwise

import anyio
import pytest
from clip_frames import frames_in
from recording_studio import Studio, Take

from hostcue.errors import HostcueError, PrivateAddress, RoomNotFound, TransportFailed
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.sim.media import Clip
from hostcue.sim.rtsp import LiveRtsp


@pytest.fixture
async def rtsp(clip: Clip) -> AsyncIterator[LiveRtsp]:
    async with LiveRtsp.open(clip) as rtsp:
        yield rtsp


def take_of(studio: Studio, rtsp: LiveRtsp) -> Take:
    return studio.take(rtsp.url, container="rtsp", read_timeout_s=1.5)


async def test_a_stream_is_recorded_and_taken_up_again(
    studio: Studio, rtsp: LiveRtsp, clip: Clip
) -> None:
    take = take_of(studio, rtsp)
    async with studio.running(take):
        await take.until_closed(2)
        assert frames_in(take.closed, clip).whole
        assert all(a.window.end_ms == b.window.start_ms for a, b in pairwise(take.closed))
        rtsp.drop_line("reset")
        await take.until_closed(4)
    assert take.reasons == ["", "reset", "", "stopped"]
    assert rtsp.connections == 2
    assert rtsp.methods[:5] == ["OPTIONS", "DESCRIBE", "SETUP", "SETUP", "PLAY"]


async def test_a_silent_server_is_noticed_and_can_be_left(studio: Studio, rtsp: LiveRtsp) -> None:
    take = take_of(studio, rtsp)
    async with studio.running(take):
        await take.until_closed(1)
        rtsp.stall()
        stalled_s = time.monotonic()
        await take.until_state("reconnecting")
        assert time.monotonic() - stalled_s < 20
        assert take.reasons[-1] == "stalled"
        stopped_s = time.monotonic()
        await take.recorder.stop()
        assert time.monotonic() - stopped_s < 15


@pytest.mark.parametrize("path", ["/live/nobody", "/nothing"])
async def test_a_stream_that_is_not_there_is_refused(
    studio: Studio, rtsp: LiveRtsp, path: str
) -> None:
    url = rtsp.url.removesuffix("/live/room") + path + "?key=secret"
    take = studio.take(url, container="rtsp", read_timeout_s=1.5)
    with anyio.fail_after(30), pytest.raises(RoomNotFound) as failed:
        await take.recorder.run()
    assert "secret" not in failed.value.message
    assert take.events == []


async def test_a_redirect_is_not_followed(studio: Studio, rtsp: LiveRtsp, clip: Clip) -> None:
    async with LiveRtsp.open(clip) as other:
        rtsp.redirect(other.url)
        take = studio.take(rtsp.url, container="rtsp")
        with anyio.fail_after(30), pytest.raises(HostcueError, match="elsewhere"):
            await take.recorder.run()
        assert other.connections == 0


async def test_a_private_address_is_refused(studio: Studio, rtsp: LiveRtsp) -> None:
    take = studio.take(rtsp.url, container="rtsp", policy=AddressPolicy())
    with anyio.fail_after(30), pytest.raises(PrivateAddress):
        await take.recorder.run()
    assert rtsp.connections == 0


async def test_a_proxy_that_is_down_is_not_passed_by(studio: Studio) -> None:
    take = studio.take(
        "rtsp://live.example.com/live/room",
        container="rtsp",
        proxies=Proxies(http="http://127.0.0.1:9"),
    )
    with anyio.fail_after(30), pytest.raises(TransportFailed, match="no connection"):
        await take.recorder.run()
