"""The live RTSP source, seen by libav and by ffmpeg."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from itertools import pairwise

import anyio
import av
import pytest
from ffmpeg_opinion import decoded_frames

from hostcue.sim.media import Clip, make_clip
from hostcue.sim.rtsp import LiveRtsp

TCP = {"rtsp_transport": "tcp"}


@pytest.fixture(scope="module")
def clip() -> Clip:
    return make_clip(seconds=4, width=240, height=426)  # key frames too large for one packet


@pytest.fixture
async def rtsp(clip: Clip) -> AsyncIterator[LiveRtsp]:
    with anyio.fail_after(30):
        async with LiveRtsp.open(clip) as opened:
            yield opened


def shown(url: str, count: int) -> tuple[list[str], list[float]]:
    """Codecs, and when the first pictures are shown."""
    with av.open(url, options=TCP, timeout=(5, 5)) as source:
        codecs = [stream.codec_context.name for stream in source.streams]
        frames = itertools.islice(source.decode(video=0), count)
        return codecs, [frame.time for frame in frames if frame.pts is not None]


async def test_libav_plays_it(rtsp: LiveRtsp) -> None:
    codecs, times = await anyio.to_thread.run_sync(shown, rtsp.url, 20)
    assert codecs == ["h264", "aac"]
    assert len(times) >= 19  # libav does not always know when the first is shown
    assert all(abs(b - a - 1 / 15) < 0.002 for a, b in pairwise(times))
    assert rtsp.methods[:5] == ["OPTIONS", "DESCRIBE", "SETUP", "SETUP", "PLAY"]
    await rtsp.wait_players(0)


async def test_ffmpeg_plays_it_too(rtsp: LiveRtsp) -> None:
    assert await decoded_frames(rtsp.url, 20, "-rtsp_transport", "tcp") == 20


async def test_a_stream_that_is_not_there_is_told(rtsp: LiveRtsp) -> None:
    with pytest.raises(av.HTTPNotFoundError):
        await anyio.to_thread.run_sync(shown, rtsp.url.replace("room", "nobody"), 1)


async def test_udp_is_not_spoken(rtsp: LiveRtsp) -> None:
    def by_udp() -> None:
        av.open(rtsp.url, options={"rtsp_transport": "udp"}, timeout=(5, 5))

    with pytest.raises(av.FFmpegError):
        await anyio.to_thread.run_sync(by_udp)
