from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostcue.errors import (
    BadRequest,
    HostcueError,
    PrivateAddress,
    UnknownPlatform,
)
from hostcue.model.clock import now_ms
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.platforms.douyin.webs import DouyinWebs
from hostcue.rooms.chain import Resolvers
from hostcue.rooms.direct import DirectResolver
from hostcue.rooms.douyin import DouyinResolver
from hostcue.rooms.streamget import StreamgetResolver
from hostcue.sim.douyin import DouyinFace
from hostcue.sim.flv import LiveFlv

SECRET = "sign=5ec2e7"
DEAD_PROXY = Proxies(http="http://127.0.0.1:9", https="http://127.0.0.1:9")


@asynccontextmanager
async def chain(
    web_url: str = "http://127.0.0.1:9", *, allow_private: bool = True, timeout_s: float = 10.0
) -> AsyncIterator[Resolvers]:
    """All resolvers in the order of the product; a dead proxy shows that loopback needs none."""
    policy = AddressPolicy(allow_private)
    webs = DouyinWebs(DEAD_PROXY, base_url=web_url, policy=policy, timeout_s=timeout_s)
    async with aclosing(webs):
        yield Resolvers(
            [DirectResolver(), DouyinResolver(webs), StreamgetResolver(DEAD_PROXY, policy=policy)],
            policy=policy,
        )


@pytest.fixture
async def flv() -> AsyncIterator[LiveFlv]:
    async with LiveFlv.open() as flv:
        yield flv


async def test_a_douyin_link_becomes_a_room_and_a_stream_that_answers(flv: LiveFlv) -> None:
    async with DouyinFace.open(flv_url=flv.url, script=()) as face, chain(face.web_url) as rooms:
        for link in (
            face.live_id,
            f"【小满的鞋铺】正在直播，复制打开抖音 {face.link}?x=1 看看",
            f"{face.web_url}/share/iYxK8mQ/",
        ):
            assert (await rooms.resolve(link, "HD")).room.live_id == face.live_id
        live = await rooms.resolve(face.link, "HD")
        assert (live.room.platform, live.room.live_id) == ("douyin", face.live_id)
        assert (live.room.room_id, live.room.anchor_name) == (face.room_id, "小满的鞋铺")
        assert (live.source.container, live.source.quality) == ("flv", "HD")
    assert "/live/room_sd.flv?" in live.source.url
    assert flv.requests == []  # a connection costs; the recorder makes the only one


async def test_an_address_knows_its_end_but_none_that_is_past_when_it_is_given() -> None:
    later_s = now_ms() // 1000 + 3600
    async with chain() as rooms:
        for query, end_ms in (
            (f"expire={later_s:x}", later_s * 1000),
            (f"expire={later_s - 7200:x}", None),  # when it was signed, say
            ("sign=1", None),
        ):
            live = await rooms.resolve(f"http://127.0.0.1:9/a.flv?{query}", "OD")
            assert live.source.expires_ms == end_ms


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]"]
)
async def test_a_stream_in_a_private_network_is_never_contacted(flv: LiveFlv, host: str) -> None:
    async with chain(allow_private=False) as rooms:
        with pytest.raises(PrivateAddress) as caught:
            await rooms.resolve(flv.url.replace("127.0.0.1", host), "OD")
    assert "HOSTCUE_ALLOW_PRIVATE_URLS" in (caught.value.remedy or "")
    assert flv.requests == []


@pytest.mark.parametrize(
    "link",
    [
        "http://10.0.0.1/live.m3u8",
        "http://169.254.169.254/live.flv",
        "http://[::1]/live.flv",
        "rtmp://192.168.1.1/app",
        "rtsp://127.0.0.1:8554/1",
    ],
)
async def test_no_kind_of_stream_is_taken_from_a_private_network(link: str) -> None:
    async with chain(allow_private=False) as rooms:
        with pytest.raises(PrivateAddress):
            await rooms.resolve(link, "OD")


async def test_a_private_stream_that_a_platform_names_is_not_contacted_either(
    flv: LiveFlv,
) -> None:
    async with (
        DouyinFace.open(flv_url=flv.url, script=()) as face,
        chain(face.web_url, allow_private=False) as rooms,
    ):
        with pytest.raises(PrivateAddress):
            await rooms.resolve(face.link, "OD")
        assert face.requests  # the web face is the operator's own setting
    assert flv.requests == []


@pytest.mark.parametrize("scheme", ["rtmp", "rtsp"])
async def test_other_kinds_of_streams_are_left_for_the_recorder_to_open(scheme: str) -> None:
    async with chain() as rooms:
        live = await rooms.resolve(f"{scheme}://127.0.0.1:9/app/room", "OD")
    assert live.source.url == f"{scheme}://127.0.0.1:9/app/room"


@pytest.mark.parametrize(
    ("link", "error"),
    [
        ("", BadRequest),
        ("  \n", BadRequest),
        ("not a link", BadRequest),
        ("hello", BadRequest),
        ("x" * 5000, BadRequest),
        ("http://[::1", BadRequest),
        ("http://cdn.example:port/live.flv", BadRequest),
        ("/etc/passwd", BadRequest),
        ("file:///etc/passwd", BadRequest),
        ("javascript:alert(1)", BadRequest),
        ("https://www.example.com/room/1", UnknownPlatform),
        ("https://live.douyin.com.evil.example/80017709309", UnknownPlatform),
    ],
)
async def test_what_nobody_takes_is_refused_with_field_and_remedy(
    link: str, error: type[HostcueError]
) -> None:
    async with chain() as rooms:
        with pytest.raises(error) as caught:
            await rooms.resolve(link, "OD")
    assert type(caught.value) is error
    assert caught.value.field == "live_url"


async def test_an_unknown_platform_is_answered_with_what_is_accepted() -> None:
    async with chain() as rooms:
        assert not rooms.matches("https://www.example.com/room/1")
        with pytest.raises(UnknownPlatform, match=r"www\.example\.com") as caught:
            await rooms.resolve("https://www.example.com/room/1", "OD")
    for word in ("Douyin", "Bilibili", ".flv", "rtmp://"):
        assert word in (caught.value.remedy or "")


@settings(deadline=None)  # the first client reads the system's certificates
@given(link=st.text(max_size=60).filter(lambda text: "." not in text))
async def test_any_text_is_refused_with_one_of_our_errors(link: str) -> None:
    rooms = Resolvers([DirectResolver()], policy=AddressPolicy())
    with pytest.raises(HostcueError):
        await rooms.resolve(link, "OD")


async def test_a_link_alone_names_the_room_without_asking_and_without_its_secrets() -> None:
    async with chain("https://live.douyin.com") as rooms:
        for link, platform, live_id, name in (
            ("80017709309", "douyin", "80017709309", "80017709309"),
            ("https://live.douyin.com/80017709309?x=1", "douyin", "80017709309", "80017709309"),
            ("看看 https://v.douyin.com/iYxK8mQ/ 复制", "douyin", "", ""),
            ("https://live.bilibili.com/21852?from=x", "bilibili", "21852", "21852"),
            (f"http://cdn.example/live/a.flv?{SECRET}", "direct", "", "cdn.example"),
        ):
            room = rooms.room_of(link)
            assert (room.platform, room.anchor_name) == (platform, name)
            assert room.live_id == live_id or platform == "direct"
            assert room.url.startswith("http")
            assert SECRET not in room.url
        with pytest.raises(UnknownPlatform):
            rooms.room_of("https://nowhere.example/1")


async def test_a_share_link_names_its_room_once_it_was_followed(flv: LiveFlv) -> None:
    async with DouyinFace.open(flv_url=flv.url, script=()) as face, chain(face.web_url) as rooms:
        link = f"{face.web_url}/share/iYxK8mQ/"
        assert rooms.room_of(link).live_id == ""
        await rooms.resolve(link, "OD")
        assert rooms.room_of(link).live_id == face.live_id
