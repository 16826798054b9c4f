"""The live HLS source, seen by libav and by someone who reads its playlists."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Literal

import anyio
import av
import httpx2
import pytest
from ffmpeg_opinion import decoded_frames

from hostcue.sim.hls import LiveHls
from hostcue.sim.media import Clip, make_clip

KINDS: tuple[Literal["ts", "fmp4"], ...] = ("ts", "fmp4")


@pytest.fixture(scope="module")
def clip() -> Clip:
    return make_clip(seconds=4, width=96, height=160, fps=20, gop_s=0.5)


@pytest.fixture
async def hls(clip: Clip) -> AsyncIterator[LiveHls]:
    with anyio.fail_after(30):
        async with LiveHls.open(clip, piece_s=0.5) as opened:
            yield opened


@pytest.fixture
async def web() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(trust_env=False, timeout=10) as client:
        yield client


async def listed(web: httpx2.AsyncClient, hls: LiveHls) -> tuple[int, list[str]]:
    """The number of the first piece, and the names of all, without their signatures."""
    text = (await web.get(hls.url)).text
    number = re.search(r"#EXT-X-MEDIA-SEQUENCE:(\d+)", text)
    assert number
    names = [line.partition("?")[0] for line in text.splitlines() if not line.startswith("#")]
    return int(number[1]), names


async def moved(web: httpx2.AsyncClient, hls: LiveHls) -> list[str]:
    """What is listed as soon as there is one more piece."""
    before, _ = await listed(web, hls)
    while True:
        number, names = await listed(web, hls)
        if number > before:
            return names
        await anyio.sleep(0.05)


def packets(url: str, count: int) -> list[tuple[str, bool, float]]:
    with av.open(url, timeout=(5, 5)) as source:
        found: list[tuple[str, bool, float]] = []
        for packet in source.demux(source.streams.video + source.streams.audio):
            assert packet.dts is not None
            found.append(
                (packet.stream.type, packet.is_keyframe, float(packet.dts * packet.time_base))
            )
            if len(found) == count:
                break
        return found


@pytest.mark.parametrize("kind", KINDS)
async def test_libav_sees_time_go_on_over_the_pieces(
    clip: Clip, kind: Literal["ts", "fmp4"]
) -> None:
    with anyio.fail_after(30):
        async with LiveHls.open(clip, kind=kind, piece_s=0.5) as hls:
            found = await anyio.to_thread.run_sync(packets, hls.url, 70)
    pictures = [packet for packet in found if packet[0] == "video"]
    assert pictures[0][1]
    assert all(abs(b[2] - a[2] - 0.05) < 0.002 for a, b in pairwise(pictures))
    sounds = [packet for packet in found if packet[0] == "audio"]
    assert all(abs(b[2] - a[2] - 0.032) < 0.002 for a, b in pairwise(sounds))
    assert abs(sounds[0][2] - pictures[0][2]) < 0.05


@pytest.mark.parametrize("kind", KINDS)
async def test_ffmpeg_decodes_it_too(clip: Clip, kind: Literal["ts", "fmp4"]) -> None:
    async with LiveHls.open(clip, kind=kind, piece_s=0.5) as hls:
        assert await decoded_frames(hls.url, 20) == 20


async def test_the_list_moves_on_piece_by_piece(web: httpx2.AsyncClient, hls: LiveHls) -> None:
    _, names = await listed(web, hls)
    assert len(names) == 5
    assert (await moved(web, hls))[:4] == names[1:]
    assert (await web.get(hls.master_url)).text.count("#EXT-X-STREAM-INF") == 3


async def test_a_list_that_stands_still_moves_again(web: httpx2.AsyncClient, hls: LiveHls) -> None:
    await listed(web, hls)
    hls.stall()
    before = await listed(web, hls)
    await anyio.sleep(1.1)  # two pieces long
    assert await listed(web, hls) == before
    hls.resume()
    assert (await listed(web, hls))[0] >= before[0] + 2


async def test_pieces_can_be_lost_torn_refused_and_repeated(
    web: httpx2.AsyncClient, hls: LiveHls
) -> None:
    base = hls.url.removesuffix("room.m3u8")
    await listed(web, hls)
    hls.lose_pieces(1)
    newest = (await moved(web, hls))[-1]
    assert (await web.get(base + newest)).status_code == 404
    hls.repeat_piece()
    names = await moved(web, hls)
    assert names[-1] == names[-2]
    hls.tear_pieces(1)
    with pytest.raises(httpx2.TransportError):
        await web.get(base + names[-1])
    assert len((await web.get(base + names[-1])).content) > 1000
    hls.refuse(403, what=".ts")
    assert (await web.get(base + names[-1])).status_code == 403
    assert (await web.get(hls.url)).status_code == 200


async def test_a_signed_address_is_good_for_a_while(web: httpx2.AsyncClient, hls: LiveHls) -> None:
    hls.sign_urls(30)
    assert (await web.get(hls.url)).status_code == 403
    answer = await web.get(hls.sign(hls.url))
    piece = answer.text.splitlines()[-1]
    base = hls.url.removesuffix("room.m3u8")
    assert (await web.get(base + piece)).status_code == 200
    assert (await web.get(base + piece.partition("?")[0])).status_code == 403
    hls.expire_urls()
    assert (await web.get(base + piece)).status_code == 403
    assert (await web.get(hls.sign(hls.url))).status_code == 200


async def test_another_clip_is_another_part(web: httpx2.AsyncClient, hls: LiveHls) -> None:
    await listed(web, hls)
    hls.switch(make_clip(seconds=4, width=160, height=96, fps=20, gop_s=0.5))
    await moved(web, hls)
    text = (await web.get(hls.url)).text
    assert text.count("#EXT-X-DISCONTINUITY\n") == 1
