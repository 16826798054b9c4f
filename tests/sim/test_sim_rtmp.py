"""The live RTMP source, seen by libav and by ffmpeg, and what its players say in AMF."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import pairwise
from urllib.parse import urlsplit

import anyio
import av
import pytest
from ffmpeg_opinion import decoded_frames
from hypothesis import given
from hypothesis import strategies as st

from hostcue.sim import amf
from hostcue.sim.media import Clip, make_clip
from hostcue.sim.rtmp import LiveRtmp


@pytest.fixture(scope="module")
def clip() -> Clip:
    return make_clip(seconds=4, width=96, height=160)


@pytest.fixture
async def rtmp(clip: Clip) -> AsyncIterator[LiveRtmp]:
    with anyio.fail_after(30):
        async with LiveRtmp.open(clip) as opened:
            yield opened


def pictures(url: str, count: int) -> list[tuple[bool, int]]:
    """Key flag and decode time in ms of the first ones."""
    with av.open(url, timeout=(5, 5)) as source:
        found: list[tuple[bool, int]] = []
        for packet in source.demux(source.streams.video[0]):
            assert packet.dts is not None
            found.append((packet.is_keyframe, packet.dts))
            if len(found) == count:
                break
        return found


async def test_libav_plays_it(rtmp: LiveRtmp) -> None:
    found = await anyio.to_thread.run_sync(pictures, rtmp.url, 45)
    assert found[0][0]
    assert {b[1] - a[1] for a, b in pairwise(found)} == {66, 67}
    assert rtmp.asked[0][1] == "room"
    await rtmp.wait_players(0)


async def test_ffmpeg_plays_it_too(rtmp: LiveRtmp) -> None:
    assert await decoded_frames(rtmp.url, 30) == 30


async def test_a_stream_that_is_not_there_is_told(rtmp: LiveRtmp) -> None:
    with pytest.raises(av.FFmpegError):
        await anyio.to_thread.run_sync(pictures, rtmp.url.replace("room", "nobody"), 1)


@pytest.mark.parametrize("sent", [b"", b"\x03", b"GET / HTTP/1.1\r\n\r\n", bytes(9000)])
async def test_a_strange_player_harms_nobody(rtmp: LiveRtmp, sent: bytes) -> None:
    parts = urlsplit(rtmp.url)
    async with await anyio.connect_tcp(parts.hostname or "", parts.port or 0) as stream:
        if sent:
            await stream.send(sent)
        await stream.send_eof()
        try:
            async for _ in stream:
                pass
        except anyio.BrokenResourceError:
            pass


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(values=st.lists(VALUES, max_size=4))
def test_values_come_back_as_they_were(values: list[amf.Value]) -> None:
    assert amf.decode(amf.encode(*values)) == values


@given(data=st.binary(max_size=60))
def test_nonsense_is_a_value_error(data: bytes) -> None:
    with suppress(ValueError):
        amf.decode(data)
