"""Faults of the Douyin face, seen through plain HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import httpx2
import pytest

from hostcue.sim.media import make_clip
from hostcue.sim.room import PretendRoom


@pytest.fixture
async def room() -> AsyncIterator[PretendRoom]:
    clip = make_clip(seconds=4, width=96, height=160)
    with anyio.fail_after(30):
        async with PretendRoom.open(clip=clip, with_model=False) as opened:
            yield opened


@pytest.fixture
async def web(room: PretendRoom) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=room.douyin.web_url, trust_env=False) as client:
        await client.get("/")
        await client.get(f"/{room.douyin.live_id}")  # the challenge
        yield client


async def enter(room: PretendRoom, web: httpx2.AsyncClient) -> dict[str, object]:
    params = {"web_rid": room.douyin.live_id, "a_bogus": "x"}
    answer = await web.get("/webcast/room/web/enter/", params=params)
    return answer.json()["data"]["data"][0]  # type: ignore[no-any-return] # JSON


async def addresses(room: PretendRoom, web: httpx2.AsyncClient) -> dict[str, str]:
    streams = (await enter(room, web))["stream_url"]
    return streams["flv_pull_url"]  # type: ignore[index, no-any-return] # JSON


async def test_a_flapping_room_is_offline_for_so_many_answers(
    room: PretendRoom, web: httpx2.AsyncClient
) -> None:
    room.douyin.flap(3)
    page = await web.get(f"/{room.douyin.live_id}")
    assert r"\"status\":4" in page.text
    assert [(await enter(room, web))["status"] for _ in range(3)] == [4, 4, 2]
    assert room.flv.connections == 0


async def test_addresses_that_the_face_gives_expire_and_are_given_anew(
    room: PretendRoom, web: httpx2.AsyncClient
) -> None:
    room.flv.sign_urls(-5)
    late = await addresses(room, web)
    room.flv.sign_urls(60)
    good = await addresses(room, web)
    assert (await web.head(late["HD1"])).status_code == 403
    assert (await web.head(good["HD1"])).status_code == 200
    assert (await web.head(good["SD1"])).status_code == 200


async def test_another_broadcast_begins_after_the_end(
    room: PretendRoom, web: httpx2.AsyncClient
) -> None:
    before = room.douyin.room_id
    room.end()
    assert (await enter(room, web))["status"] == 4
    assert (await web.head(room.flv.url)).status_code == 404
    room.begin()
    assert (await enter(room, web))["status"] == 2
    assert (await web.head(room.flv.url)).status_code == 200
    assert room.douyin.room_id != before
