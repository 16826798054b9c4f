"""Bilibili's stream through streamget, asked of a pretend Bilibili."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hostcue.errors import RoomOffline, UpstreamError
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.model.room import Access
from hostcue.platforms.bilibili.web import LIVE_URL
from hostcue.rooms.streamget import StreamgetResolver
from hostcue.sim.bilibili import BilibiliFace


@pytest.fixture
async def face() -> AsyncIterator[BilibiliFace]:
    async with BilibiliFace.open() as face:
        yield face


def resolver(face: BilibiliFace, *, policy: AddressPolicy | None = None) -> StreamgetResolver:
    return StreamgetResolver(
        Proxies(),
        policy=policy,
        timeout_s=10,
        logins={"bilibili": "SESSDATA=ours"},
        instead={LIVE_URL: face.web_url},
    )


async def test_a_room_is_found_by_its_short_number_with_host_title_and_stream(
    face: BilibiliFace,
) -> None:
    live = await resolver(face).resolve(face.link, "OD")
    room = live.room
    assert (room.platform, room.live_id) == ("bilibili", "6")
    assert (room.anchor_name, room.title) == (face.anchor_name, "秋冬新款上新，全场包邮")
    assert (live.source.container, live.source.quality) == ("flv", "OD")
    assert resolver(face).room_of(face.link).url == room.url


async def test_each_quality_is_asked_for(face: BilibiliFace) -> None:
    source = (await resolver(face).resolve(face.link, "HD")).source
    assert source.url.endswith("_hd.flv")
    assert source.quality == "HD"


async def test_the_rooms_own_cookie_replaces_that_of_the_settings(face: BilibiliFace) -> None:
    await resolver(face).resolve(face.link, "OD")
    assert {headers["cookie"] for _, headers in face.requests} == {"SESSDATA=ours"}
    face.requests.clear()
    await resolver(face).resolve(face.link, "OD", Access(cookie="SESSDATA=theirs"))
    assert {headers["cookie"] for _, headers in face.requests} == {"SESSDATA=theirs"}


async def test_offline_is_said_and_a_refusal_is_not_taken_for_it(face: BilibiliFace) -> None:
    face.refuse()
    with pytest.raises(UpstreamError):
        await resolver(face).resolve(face.link, "OD")
    face.refuse(on=False)
    face.go_offline()
    with pytest.raises(RoomOffline):
        await resolver(face).resolve(face.link, "OD")
