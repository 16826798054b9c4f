"""What every `StreamResolver` promises, for those that can be asked on loopback.

The streamget adapter cannot (its platforms' addresses are built in): see tests/rooms.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal, get_args

import pytest

from hostcue.errors import HostcueError, RoomError, RoomOffline, UpstreamError
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.model.room import Quality
from hostcue.platforms.douyin.web import DouyinWeb
from hostcue.platforms.http import open_http
from hostcue.ports import StreamResolver
from hostcue.rooms.chain import Resolvers
from hostcue.rooms.direct import DirectResolver
from hostcue.rooms.douyin import DouyinResolver
from hostcue.sim.douyin import DouyinFace
from hostcue.sim.flv import LiveFlv

Kind = Literal["douyin", "direct", "chain"]
KINDS: tuple[Kind, ...] = get_args(Kind)
QUALITIES: tuple[Quality, ...] = get_args(Quality)


@dataclass(frozen=True, slots=True)
class Case:
    resolver: StreamResolver
    link: str
    platform: str
    flv: LiveFlv
    face: DouyinFace


@asynccontextmanager
async def opened(kind: Kind) -> AsyncIterator[Case]:
    policy = AddressPolicy(allow_private=True)
    async with (
        LiveFlv.open() as flv,
        DouyinFace.open(flv_url=flv.url, script=()) as face,
        open_http(Proxies()) as http,
    ):
        douyin = DouyinResolver(DouyinWeb(http, base_url=face.web_url, policy=policy))
        match kind:
            case "douyin":
                yield Case(douyin, face.link, "douyin", flv, face)
            case "direct":
                yield Case(DirectResolver(), flv.url, "direct", flv, face)
            case "chain":
                both = Resolvers([DirectResolver(), douyin], policy=policy)
                yield Case(both, face.link, "douyin", flv, face)


@pytest.fixture(params=KINDS)
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    async with opened(request.param) as case:
        yield case


async def test_it_takes_its_links_and_no_others(case: Case) -> None:
    assert case.resolver.matches(case.link)
    assert case.resolver.matches(f"  {case.link}\n")
    for link in ("", "hello", "https://www.example.com/", "http://[::1"):
        assert not case.resolver.matches(link)


async def test_matching_asks_nobody(case: Case) -> None:
    case.resolver.matches(case.link)
    assert case.flv.requests == []
    assert case.face.requests == []


async def test_a_room_has_all_that_files_and_tables_need(case: Case) -> None:
    live = await case.resolver.resolve(case.link, "OD")
    room = live.room
    assert room.platform == case.platform
    assert room.platform.isascii()
    assert room.platform.islower()
    assert room.live_id
    assert room.room_id
    assert room.anchor_name
    assert "?" not in room.url


async def test_the_same_link_is_the_same_room(case: Case) -> None:
    first = await case.resolver.resolve(case.link, "OD")
    second = await case.resolver.resolve(case.link, "SD")
    assert first.room == second.room


@pytest.mark.parametrize("quality", QUALITIES)
async def test_every_quality_gives_a_stream_and_says_which_it_is(
    case: Case, quality: Quality
) -> None:
    source = (await case.resolver.resolve(case.link, quality)).source
    assert source.url.startswith(case.flv.url.removesuffix(".flv"))
    assert source.container == "flv"
    assert source.quality in QUALITIES
    if case.platform == "douyin" and quality != "LD":  # the pretend room has all but LD
        assert source.quality == quality


async def test_a_link_that_is_not_its_own_is_one_of_our_errors(case: Case) -> None:
    with pytest.raises(HostcueError):
        await case.resolver.resolve("https://www.example.com/", "OD")


@pytest.mark.parametrize("kind", ["douyin", "chain"])
async def test_offline_is_said_only_when_the_platform_says_it(kind: Kind) -> None:
    async with opened(kind) as case:
        case.face.go_offline()
        with pytest.raises(RoomOffline):
            await case.resolver.resolve(case.link, "OD")
        case.face.risk_control("empty")
        with pytest.raises(UpstreamError):
            await case.resolver.resolve(case.link, "OD")


@pytest.mark.parametrize("kind", ["douyin", "chain"])
async def test_a_room_that_is_not_there_is_a_room_error(kind: Kind) -> None:
    async with opened(kind) as case:
        with pytest.raises(RoomError):
            await case.resolver.resolve("https://live.douyin.com/123456", "OD")
