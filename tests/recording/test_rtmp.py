"""RTMP: by a connection of our own, through libav's protocol."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from itertools import pairwise

import anyio
import pytest
from clip_frames import frames_in
from recording_studio import Studio, Take

from hostcue.errors import PrivateAddress, RoomNotFound, TransportFailed
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.sim.media import Clip
from hostcue.sim.rtmp import LiveRtmp


@pytest.fixture
async def rtmp(clip: Clip) -> AsyncIterator[LiveRtmp]:
    async with LiveRtmp.open(clip, burst_s=1.0) as rtmp:
        yield rtmp


def take_of(studio: Studio, rtmp: LiveRtmp) -> Take:
    return studio.take(rtmp.url + "?key=1", container="rtmp", read_timeout_s=1.5)


async def test_a_stream_is_recorded_and_taken_up_again(
    studio: Studio, rtmp: LiveRtmp, clip: Clip
) -> None:
    take = take_of(studio, rtmp)
    async with studio.running(take):
        await take.until_closed(2)
        assert frames_in(take.closed, clip).whole
        assert all(a.window.end_ms == b.window.start_ms for a, b in pairwise(take.closed))
        rtmp.drop_line("reset")
        await take.until_closed(4)
    assert take.reasons == ["", "reset", "", "stopped"]
    assert rtmp.connections == 2
    assert rtmp.asked[0] == (rtmp.url.removesuffix("/room"), "room?key=1")


async def test_a_server_that_ends_the_stream_did_not_fail(studio: Studio, rtmp: LiveRtmp) -> None:
    take = studio.take(rtmp.url, container="rtmp", segment_s=60, endless=False)
    async with studio.running(take):
        rtmp.drop_line("eof")
        await take.until_state("stopped")
    assert take.reasons == ["", "ended"]


async def test_a_silent_server_is_noticed_and_can_be_left(studio: Studio, rtmp: LiveRtmp) -> None:
    take = take_of(studio, rtmp)
    async with studio.running(take):
        await take.until_closed(1)
        rtmp.stall()
        stalled_s = time.monotonic()
        await take.until_state("reconnecting")
        assert time.monotonic() - stalled_s < 20
        assert take.reasons[-1] == "stalled"
        stopped_s = time.monotonic()
        await take.recorder.stop()
        assert time.monotonic() - stopped_s < 15


@pytest.mark.parametrize("path", ["/live/nobody", "/nothing"])
async def test_a_stream_that_is_not_there_is_refused(
    studio: Studio, rtmp: LiveRtmp, path: str
) -> None:
    url = rtmp.url.removesuffix("/live/room") + path + "?key=secret"
    take = studio.take(url, container="rtmp", read_timeout_s=1.5)
    with anyio.fail_after(30), pytest.raises(RoomNotFound) as failed:
        await take.recorder.run()
    assert "secret" not in failed.value.message
    assert take.events == []


async def test_a_private_address_is_refused(studio: Studio, rtmp: LiveRtmp) -> None:
    take = studio.take(rtmp.url, container="rtmp", policy=AddressPolicy())
    with anyio.fail_after(30), pytest.raises(PrivateAddress):
        await take.recorder.run()
    assert rtmp.connections == 0


async def test_a_proxy_that_is_down_is_not_passed_by(studio: Studio) -> None:
    take = studio.take(
        "rtmp://live.example.com/live/room",
        container="rtmp",
        proxies=Proxies(http="http://127.0.0.1:9"),
    )
    with anyio.fail_after(30), pytest.raises(TransportFailed, match="no connection"):
        await take.recorder.run()
