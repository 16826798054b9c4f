"""What every `StreamResolver` promises, for those that can be asked on loopback.

The streamget adapter for other platforms is in tests/rooms: Bilibili alone can be asked on
loopback, the addresses of the others are built in.
"streamget" and "streamlink" are Douyin's own resolver where only that other way still works.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Literal, get_args

import pytest
from douyin_gateway import ENTER, Gateway
from fastapi import Request, Response

from hostcue.errors import HostcueError, RoomError, RoomOffline, UpstreamError
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.model.room import Access, Quality
from hostcue.platforms.budget import Budget
from hostcue.platforms.douyin.webs import DouyinWebs
from hostcue.platforms.gates import Gates
from hostcue.ports import StreamResolver
from hostcue.rooms.chain import Resolvers
from hostcue.rooms.direct import DirectResolver
from hostcue.rooms.douyin import DouyinResolver
from hostcue.rooms.douyin_streamget import StreamgetWay
from hostcue.rooms.douyin_streamlink import StreamlinkWay
from hostcue.sim.douyin import DouyinFace
from hostcue.sim.flv import LiveFlv

Kind = Literal["douyin", "direct", "chain", "streamget", "streamlink"]
KINDS: tuple[Kind, ...] = get_args(Kind)
QUALITIES: tuple[Quality, ...] = get_args(Quality)


def unreadable_to_us(request: Request) -> Response | None:
    """What only streamget's query gets a good answer to."""
    theirs = request.query_params.get("browser_version") == "116.0.0.0"
    return None if theirs else Response('{"data": {}}')


@dataclass(frozen=True, slots=True)
class Case:
    """`qualities` are those that there are."""

    resolver: StreamResolver
    link: str
    platform: str
    flv: LiveFlv
    face: DouyinFace
    qualities: frozenset[Quality] = frozenset({"OD", "BD", "UHD", "HD", "SD"})


@asynccontextmanager
async def opened(kind: Kind) -> AsyncIterator[Case]:
    policy = AddressPolicy(allow_private=True)
    async with (
        LiveFlv.open() as flv,
        DouyinFace.open(flv_url=flv.url, script=()) as face,
        Gateway.open(face.web_url) as gateway,
        aclosing(
            DouyinWebs(
                Proxies(),
                base_url=gateway.url,
                policy=policy,
                gates=Gates("Douyin", budget=Budget("Douyin", per_s=1000)),
                ways=(StreamgetWay(), StreamlinkWay()),
            )
        ) as webs,
    ):
        douyin = DouyinResolver(webs)
        match kind:
            case "douyin":
                yield Case(douyin, face.link, "douyin", flv, face)
            case "direct":
                yield Case(DirectResolver(), flv.url, "direct", flv, face)
            case "chain":
                both = Resolvers([DirectResolver(), douyin], policy=policy)
                yield Case(both, face.link, "douyin", flv, face)
            case "streamget":
                gateway.answers[ENTER] = unreadable_to_us
                yield Case(douyin, face.link, "douyin", flv, face)
            case "streamlink":
                gateway.refuse(ENTER, 444)
                found = frozenset[Quality]({"BD", "UHD", "HD", "SD"})
                yield Case(douyin, face.link, "douyin", flv, face, found)


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
    if case.platform == "douyin":
        assert source.quality in case.qualities
        assert (source.quality == quality) == (quality in case.qualities)


async def test_an_access_of_its_own_leads_to_the_same_room(case: Case) -> None:
    plain = await case.resolver.resolve(case.link, "OD")
    own = await case.resolver.resolve(case.link, "OD", Access(cookie="sessionid=c0ffee"))
    assert own.room == plain.room
    assert "c0ffee" not in f"{own.room} {own.source.url}"


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


@pytest.mark.parametrize("kind", KINDS)
async def test_a_link_alone_tells_the_same_room_as_the_platform(kind: Kind) -> None:
    async with opened(kind) as case:
        told = case.resolver.room_of(case.link)
        room = (await case.resolver.resolve(case.link, "OD")).room
        assert (told.platform, told.live_id, told.url) == (room.platform, room.live_id, room.url)
        assert told.anchor_name
