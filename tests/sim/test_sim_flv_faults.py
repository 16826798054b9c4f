"""Faults of the live FLV source: what its viewers get."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise

import anyio
import httpx2
import pytest
from flv_reader import AUDIO, VIDEO, Arrival, Reader, read

from hostcue.sim.flv import LiveFlv
from hostcue.sim.media import Clip, VideoCodec, make_clip


@pytest.fixture(scope="module")
def clip() -> Clip:
    return make_clip(seconds=4, width=96, height=160, gop_s=0.4, fps=10)


@pytest.fixture
async def flv(clip: Clip) -> AsyncIterator[LiveFlv]:
    with anyio.fail_after(30):
        async with LiveFlv.open(clip, burst_s=0.5) as opened:
            yield opened


async def until_header(reader: Reader) -> tuple[list[Arrival], list[Arrival]]:
    """The media before the next header of the picture, and headers and media after it."""
    before: list[Arrival] = []
    while not (tag := await reader.tag()).is_header or tag.kind != VIDEO:
        before.append(tag)
    return before, [tag]


async def test_a_burst_can_change_while_it_runs(flv: LiveFlv) -> None:
    for burst_s in (0.0, 3.0):
        flv.burst(burst_s)
        async with read(flv.url) as reader:
            await reader.start()
            first = (await reader.media(1))[0]
            behind_s = (flv.position_ms() - first.ts_ms) / 1000
        assert burst_s - 0.1 < behind_s < burst_s + 0.8


async def test_time_stamps_begin_at_0_again_in_running_connections_only(flv: LiveFlv) -> None:
    async with read(flv.url) as reader:
        await reader.start()
        before = (await reader.media(5))[-1]
        flv.reset_timestamps()
        while (tag := (await reader.media(1))[0]).ts_ms >= before.ts_ms:
            pass
        after = [tag, *await reader.media(20)]
    assert after[0].ts_ms == 0
    assert all(0 <= b.ts_ms - a.ts_ms <= 100 for a, b in pairwise(after))
    async with read(flv.url) as reader:
        await reader.start()
        assert (await reader.media(1))[0].ts_ms > 20_000


async def test_a_group_of_pictures_comes_twice_with_the_same_stamps(flv: LiveFlv) -> None:
    async with read(flv.url) as reader:
        await reader.start()
        flv.repeat_gop()
        tags = await reader.media(160)
    back = [at for at, (a, b) in enumerate(pairwise(tags), 1) if b.ts_ms < a.ts_ms]
    assert len(back) == 1
    again = tags[back[0] :]
    first = next(at for at, tag in enumerate(tags) if tag.ts_ms == again[0].ts_ms)
    group = tags[first : back[0]]
    assert group[0].is_key
    assert {tag.kind for tag in group} == {AUDIO, VIDEO}
    assert [(t.ts_ms, t.body) for t in again[: len(group)]] == [(t.ts_ms, t.body) for t in group]
    assert again[len(group)].is_key
    assert again[len(group)].ts_ms == group[0].ts_ms + 400


@pytest.mark.parametrize("codec", ["h264", "h265", "h265-12", "av1"])
async def test_another_clip_follows_at_a_key_frame_and_time_goes_on(
    flv: LiveFlv, codec: VideoCodec
) -> None:
    other = make_clip(seconds=2, width=128, height=96, fps=10, video_codec=codec)
    async with read(flv.url) as reader:
        await reader.start()
        await until_header(reader)
        from_ms = flv.switch(other)
        before, (header,) = await until_header(reader)
        after = await reader.media(40)
    media = [tag for tag in before if not tag.is_header]
    assert header.ts_ms == from_ms
    assert header.body in {tag.body for tag in other.headers}
    assert {tag.body for tag in media} <= {tag.body for tag in flv_tags(flv)}
    assert [tag.body for tag in after] == [tag.body for tag in other.tags[:40]]
    assert after[0].is_key
    pictures = [t.ts_ms for t in (*media, *after) if t.kind == VIDEO]
    assert {b - a for a, b in pairwise(pictures)} == {100}
    async with read(flv.url) as reader:
        await reader.start()
        first = (await reader.media(1))[0]
        assert first.body in {tag.body for tag in other.tags}
        assert first.ts_ms >= from_ms


def flv_tags(flv: LiveFlv) -> tuple[Arrival, ...]:
    return tuple(Arrival(0, t.kind, t.at_ms, t.body) for t in flv._programmes[0].clip.tags)


async def test_a_repeated_group_ends_before_another_clip_begins(flv: LiveFlv, clip: Clip) -> None:
    other = make_clip(seconds=2, width=128, height=96, fps=10)
    async with read(flv.url) as reader:
        await reader.start()
        await until_header(reader)
        flv.repeat_gop()
        flv.switch(other)
        before, _ = await until_header(reader)
        after = await reader.media(5)
    assert {t.body for t in before if not t.is_header} <= {t.body for t in clip.tags}
    assert [tag.body for tag in after] == [tag.body for tag in other.tags[:5]]


async def test_sound_alone_can_follow_and_be_followed(flv: LiveFlv, clip: Clip) -> None:
    sound = make_clip(seconds=4, width=96, height=160, video_codec=None)
    async with read(flv.url) as reader:
        await reader.start()
        flv.switch(sound)
        tags = await reader.media(100)
        assert {tag.kind for tag in tags[-20:]} == {AUDIO}
        flv.repeat_gop()
        flv.switch(clip)
        await until_header(reader)
        assert (await reader.media(1))[0].is_key


async def test_a_trickle_brings_a_share_and_its_end_the_rest(flv: LiveFlv) -> None:
    flv.trickle(0.2)
    async with read(flv.url) as reader:
        await reader.start()
        start = (await reader.media(1))[0]
        tags = await reader.media(12)
        took_s = tags[-1].at_s - start.at_s
        assert (tags[-1].ts_ms - start.ts_ms) / 1000 == pytest.approx(0.2 * took_s, abs=0.3)
        flv.trickle(None)
        rest = await reader.media(30)
    assert rest[-1].at_s - rest[0].at_s < (rest[-1].ts_ms - rest[0].ts_ms) / 1000
    assert all(0 <= b.ts_ms - a.ts_ms <= 100 for a, b in pairwise([*tags, *rest]))


async def test_who_comes_during_a_trickle_or_a_stall_waits_as_well(flv: LiveFlv) -> None:
    flv.stall()
    async with read(flv.url) as reader:
        await reader.start()
        await until_header(reader)
        with anyio.move_on_after(0.3) as waited:
            await reader.media(1)
        assert waited.cancelled_caught
        flv.trickle(0.1)
        flv.resume()
        tags = await reader.media(3)
    assert flv.position_ms() - tags[-1].ts_ms > 400


async def test_signed_addresses_expire_and_new_ones_are_good(flv: LiveFlv) -> None:
    old = flv.sign(flv.url)
    flv.sign_urls(-60)
    late = flv.sign(flv.url.replace(".flv", "_hd.flv"))
    flv.sign_urls(60)
    good = flv.sign(flv.url.replace(".flv", "_hd.flv"))
    async with httpx2.AsyncClient(trust_env=False) as client:
        refused = (flv.url, late, good.replace("_hd", ""), good[:-1], f"{flv.url}?expire=zz&sign=é")
        for url in refused:
            assert (await client.head(url)).status_code == 403
        for url in (good, old):
            assert (await client.head(url)).status_code == 200
        flv.sign_urls(None)
        assert (await client.head(flv.url)).status_code == 200


async def test_an_open_connection_outlives_its_address(flv: LiveFlv) -> None:
    async with read(flv.sign(flv.url)) as reader:
        await reader.start()
        flv.sign_urls(-1)
        await reader.media(30)
