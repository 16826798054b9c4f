"""What Bilibili is asked before its comments, and how it is signed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hostcue.errors import AuthRequired, Blocked, ConfigError, RoomNotFound
from hostcue.model.network import Proxies
from hostcue.model.room import Access
from hostcue.platforms.bilibili.node import Node, read
from hostcue.platforms.bilibili.wbi import mixed_key, signed
from hostcue.platforms.bilibili.web import BilibiliWeb
from hostcue.platforms.bilibili.webs import BilibiliWebs
from hostcue.platforms.breaker import Breaker
from hostcue.platforms.budget import Budget
from hostcue.platforms.gates import Gates
from hostcue.sim.bilibili import BilibiliFace

PICTURES = "https://i0.hdslb.com/bfs/wbi"
IMG = f"{PICTURES}/7cd084941338484aae1ad9425b84077c.png"
SUB = f"{PICTURES}/4932caff0ff746eab6f01bf08b70ac45.png"


@pytest.fixture
async def face() -> AsyncIterator[BilibiliFace]:
    async with BilibiliFace.open() as face:
        yield face


@asynccontextmanager
async def web_of(
    face: BilibiliFace, access: Access | None = None, cookie: str = ""
) -> AsyncIterator[BilibiliWeb]:
    gates = Gates(
        "Bilibili", budget=Budget("Bilibili", per_s=1000), breaker=lambda: Breaker(open_s=0)
    )
    webs = BilibiliWebs(Proxies(), base_url=face.web_url, cookie=cookie, gates=gates, timeout_s=5)
    async with webs.open(access or Access()) as web:
        yield web


def test_the_key_is_mixed_as_the_page_does_it() -> None:
    assert mixed_key(IMG, SUB) == "ea1db124af3c7062474693fa704f4ff8"
    assert mixed_key("https://example/x.png", "") == ""


def test_a_query_is_signed_as_the_page_does_it() -> None:
    query = signed(
        {"foo": "114", "bar": "514", "zab": "1919810"}, mixed_key(IMG, SUB), at_s=1702204169
    )
    assert query.endswith("w_rid=8f6f2b5b3d485fe1886cec6a0be8c5d4")
    spaced = signed({"foo": "one one four", "bar": "五一四!"}, "k", at_s=1)
    assert spaced.startswith("bar=%E4%BA%94%E4%B8%80%E5%9B%9B&foo=one%20one%20four&wts=1&w_rid=")


async def test_a_short_number_leads_to_the_real_one(face: BilibiliFace) -> None:
    async with web_of(face) as web:
        state = await web.room(face.live_id)
    assert state.number == face.number
    assert state.is_live


async def test_a_room_that_is_not_there_is_a_room_error(face: BilibiliFace) -> None:
    async with web_of(face) as web:
        with pytest.raises(RoomNotFound):
            await web.room("99")


async def test_only_servers_of_bilibilis_own_network_are_dialled(face: BilibiliFace) -> None:
    async with web_of(face) as web:
        assert (await web.entry(face.number)).servers == ()  # the pretend ones are on loopback


async def test_signing_keys_that_changed_are_learnt_again(face: BilibiliFace) -> None:
    async with web_of(face) as web:
        first = await web.entry(face.number)
        face.change_signing_keys()
        second = await web.entry(face.number)
    assert first.key != second.key
    assert face.seen.refusals == 1


async def test_a_lasting_refusal_is_told_with_a_remedy(face: BilibiliFace) -> None:
    face.refuse()
    async with web_of(face) as web:
        with pytest.raises(Blocked) as refusal:
            await web.entry(face.number)
    assert refusal.value.remedy


async def test_a_login_says_who_we_are_and_one_that_is_over_is_told(face: BilibiliFace) -> None:
    async with web_of(face, Access(cookie="SESSDATA=5e55da7a")) as web:
        assert (await web.entry(face.number)).uid == 160_148_624
    async with web_of(face, cookie="SESSDATA=old") as web:
        with pytest.raises(AuthRequired):
            await web.entry(face.number)


def test_a_cookie_that_no_header_can_hold_is_refused_without_quoting_it() -> None:
    with pytest.raises(ConfigError) as refusal:
        BilibiliWebs(Proxies(), cookie="SESSDATA=秘密")
    assert refusal.value.field == "HOSTCUE_BILIBILI_COOKIE"
    assert "秘密" not in str(refusal.value)


def test_json_of_any_shape_reads_as_empty() -> None:
    node = read('{"a": [1, "2", {"b": "\\ud800"}], "c": 1e400, "d": true, "e": -5}')
    assert node["a"][1].number == 2
    assert node["a"][2]["b"].text == "?"
    assert [node[name].number for name in ("c", "d", "e", "none")] == [0, 0, -5, 0]
    assert not node["a"][9]["x"][0]
    assert Node("9" * 30).number == 0
    assert Node('{"x": 1}').inside()["x"].number == 1
    assert not Node("{").inside()
