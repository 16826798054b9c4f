"""The live FLV source, seen by libav and by a reader that notes when each tag arrives."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Literal
from urllib.parse import urlsplit

import anyio
import av
import httpx2
import pytest
from flv_reader import AUDIO, VIDEO, Arrival, Reader, read

from hostcue.sim.flv import LiveFlv
from hostcue.sim.media import Clip, VideoCodec, make_clip


@pytest.fixture(scope="module")
def clip() -> Clip:
    return make_clip(seconds=4, width=96, height=160)


@pytest.fixture
async def flv(clip: Clip) -> AsyncIterator[LiveFlv]:
    with anyio.fail_after(30):
        async with LiveFlv.open(clip) as opened:
            yield opened


def look(url: str, packets: int) -> tuple[list[str], list[tuple[str, bool, int, int]]]:
    """Codecs by libav, and of the first packets: kind, key, dts and pts in ms."""
    with av.open(url, timeout=(5, 5)) as source:
        found: list[tuple[str, bool, int, int]] = []
        for packet in source.demux(source.streams.video + source.streams.audio):
            assert packet.dts is not None
            assert packet.pts is not None
            found.append((packet.stream.type, packet.is_keyframe, packet.dts, packet.pts))
            if len(found) == packets:
                break
        codecs = [s.codec_context.name for s in (*source.streams.video, *source.streams.audio)]
        return codecs, found


async def test_libav_sees_what_a_platform_sends(flv: LiveFlv) -> None:
    codecs, packets = await anyio.to_thread.run_sync(look, flv.url, 60)
    assert codecs == ["h264", "aac"]
    pictures = [packet for packet in packets if packet[0] == "video"]
    assert pictures[0][1]
    assert any(pts > dts for _, _, dts, pts in pictures)  # B-frames
    assert flv.requests[0][0] == "/live/room.flv"
    assert flv.requests[0][1]["user-agent"].startswith("Lavf/")
    await flv.wait_viewers(0)
    assert flv.connections == 1


@pytest.mark.parametrize(
    ("codec", "audio", "expected"),
    [
        ("h265", True, ["hevc", "aac"]),
        ("h265-12", True, ["hevc", "aac"]),
        ("av1", True, ["libdav1d", "aac"]),
        (None, True, ["aac"]),
        ("h264", False, ["h264"]),
    ],
)
async def test_libav_sees_other_kinds_of_streams(
    codec: VideoCodec | None, audio: bool, expected: list[str]
) -> None:
    clip = make_clip(seconds=2, width=96, height=160, video_codec=codec, audio=audio)
    with anyio.fail_after(30):
        async with LiveFlv.open(clip, burst_s=8) as flv:  # libav looks at some seconds first
            codecs, packets = await anyio.to_thread.run_sync(look, flv.url, 20)
    assert codecs == expected
    assert packets[0][1]


async def test_a_viewer_gets_two_seconds_at_once_and_then_real_time(flv: LiveFlv) -> None:
    async with read(flv.url) as reader:
        assert (await reader.start())[:5] == b"FLV\x01\x05"
        tags = await reader.media(180)
    assert tags[0].is_key
    sent_s = [tag.at_s - tag.ts_ms / 1000 for tag in tags]  # the same for all that is live
    behind_s = sent_s[0] - min(sent_s)
    assert 1.9 < behind_s < 3.5  # two seconds, and up to a group of pictures
    media_s = (tags[-1].ts_ms - tags[0].ts_ms) / 1000
    assert media_s > behind_s
    assert tags[-1].at_s - tags[0].at_s == pytest.approx(media_s - behind_s, abs=0.5)


async def test_time_goes_on_where_the_clip_begins_again(clip: Clip) -> None:
    with anyio.fail_after(30):
        async with LiveFlv.open(clip, burst_s=13) as flv, read(flv.url) as reader:
            await reader.start()
            tags = await reader.media(3 * len(clip.tags))
    pictures = [tag for tag in tags if tag.kind == VIDEO]
    sounds = [tag for tag in tags if tag.kind == AUDIO]
    assert {b.ts_ms - a.ts_ms for a, b in pairwise(pictures)} == {66, 67}
    assert {b.ts_ms - a.ts_ms for a, b in pairwise(sounds)} == {32}
    keys = [tag.ts_ms for tag in pictures if tag.is_key]
    assert {b - a for a, b in pairwise(keys)} == {1000}
    assert all(a.ts_ms <= b.ts_ms for a, b in pairwise(tags))


@pytest.mark.parametrize(
    ("how", "ends"), [("eof", anyio.IncompleteRead), ("reset", anyio.BrokenResourceError)]
)
async def test_a_dropped_line_ends_and_the_next_works(
    flv: LiveFlv, how: Literal["eof", "reset"], ends: type[Exception]
) -> None:
    async with read(flv.url) as reader:
        await reader.start()
        first = (await reader.media(1))[0]
        flv.drop_line(how)
        assert await reader.end() is ends
    await flv.wait_viewers(0)
    async with read(flv.url) as reader:
        await reader.start()
        again = (await reader.media(1))[0]
    assert again.is_key
    assert again.ts_ms >= first.ts_ms
    assert flv.connections == 2


async def test_a_stalled_line_stays_open_and_catches_up(flv: LiveFlv) -> None:
    async with read(flv.url) as reader:
        await reader.start()
        await reader.media(1)
        flv.stall()
        last = await silence(reader)
        flv.resume()
        caught_up = await reader.media(10)
    assert caught_up[0].ts_ms - last.ts_ms <= 67
    media_s = (caught_up[-1].ts_ms - caught_up[0].ts_ms) / 1000
    assert caught_up[-1].at_s - caught_up[0].at_s < media_s


async def test_a_paused_source_goes_on_later_with_nothing_missing(flv: LiveFlv) -> None:
    async with read(flv.url) as reader:
        await reader.start()
        await reader.media(1)
        flv.stall()
        last = await silence(reader)
        flv.resume(catch_up=False)
        tags = await reader.media(20)
    assert tags[0].ts_ms - last.ts_ms <= 67
    assert tags[-1].at_s - tags[0].at_s > 0.2


async def silence(reader: Reader) -> Arrival:
    """The last tag before a second and a half without any."""
    last: Arrival | None = None
    while True:
        with anyio.move_on_after(1.5) as waited:
            last = await reader.tag()
        if waited.cancelled_caught:
            assert last is not None
            return last


async def test_new_connections_can_be_refused(flv: LiveFlv) -> None:
    async with httpx2.AsyncClient(trust_env=False) as client:
        for status in (403, 404, 502):
            flv.refuse(status)
            assert (await client.get(flv.url)).status_code == status
        flv.refuse(None)
        assert (await client.head(flv.url)).headers["content-type"] == "video/x-flv"
        assert (await client.get(flv.url.replace("flv", "mp4"))).status_code == 404


async def test_a_redirect_leads_elsewhere(flv: LiveFlv) -> None:
    flv.redirect("http://127.0.0.1:9/x.flv")
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.get(flv.url)
    assert (answer.status_code, answer.headers["location"]) == (302, "http://127.0.0.1:9/x.flv")


async def test_any_quality_and_any_text_is_served(flv: LiveFlv) -> None:
    async with read(flv.url.replace(".flv", "_hd.flv")) as reader:
        await reader.start()
        assert await reader.media(1)
    playlist = "#EXTM3U\n#EXTINF:2,\nhttp://10.0.0.1/x.ts\n"
    url = flv.serve_text("/live/evil.m3u8", playlist)
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.get(url)
    assert answer.text == playlist
    assert answer.headers["content-type"] == "application/vnd.apple.mpegurl"


async def test_time_stamps_jump_in_running_connections_only(clip: Clip) -> None:
    with anyio.fail_after(30):
        async with LiveFlv.open(clip, burst_s=0) as flv:
            async with read(flv.url) as reader:
                await reader.start()
                first = (await reader.media(1))[0]
                flv.shift_timestamps(3_600_000)
                tags = await reader.media(70)
            jumps = [
                b.ts_ms - a.ts_ms for a, b in pairwise((first, *tags)) if b.ts_ms - a.ts_ms > 999
            ]
            assert len(jumps) == 1
            assert jumps[0] == pytest.approx(3_600_000, abs=100)
            async with read(flv.url) as reader:
                await reader.start()
                assert (await reader.media(1))[0].ts_ms < 3_600_000


async def test_closing_ends_every_viewer(clip: Clip) -> None:
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks, LiveFlv.open(clip) as flv:

            async def stay() -> None:
                async with read(flv.url) as reader:
                    await reader.start()
                    await reader.end()

            for _ in range(16):
                tasks.start_soon(stay)
            await flv.wait_viewers(16)


@pytest.mark.parametrize("request_text", [b"", b"\r\n\r\n", b"GET", b"x" * 20_000])
async def test_a_strange_request_harms_nobody(flv: LiveFlv, request_text: bytes) -> None:
    parts = urlsplit(flv.url)
    async with await anyio.connect_tcp(parts.hostname or "", parts.port or 0) as stream:
        if request_text:
            await stream.send(request_text)
        await stream.send_eof()
        try:
            async for _ in stream:
                pass
        except anyio.BrokenResourceError:
            pass
    assert flv.viewers == 0
