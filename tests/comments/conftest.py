"""A pretend Douyin room, and the way to ask about it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from hostcue.model.network import Proxies
from hostcue.model.room import Room
from hostcue.platforms.breaker import Breaker
from hostcue.platforms.budget import Budget
from hostcue.platforms.douyin.webs import DouyinWebs
from hostcue.platforms.gates import Gates
from hostcue.sim.douyin import DouyinFace


@pytest.fixture(autouse=True)
def _dead_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine's proxy is, it must not matter."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def face() -> AsyncIterator[DouyinFace]:
    """A live room whose audience says only what a test makes it say."""
    async with DouyinFace.open(
        flv_url="http://127.0.0.1:9/live.flv", script=(), stats_s=0.05
    ) as face:
        yield face


@pytest.fixture
def room(face: DouyinFace) -> Room:
    return Room(
        platform="douyin",
        live_id=face.live_id,
        room_id=face.room_id,
        url=face.link,
        anchor_name="小满的鞋铺",
    )


@pytest.fixture
async def webs(face: DouyinFace) -> AsyncIterator[DouyinWebs]:
    """Asks as often as a test likes, also after a refusal."""
    gates = Gates("Douyin", budget=Budget("Douyin", per_s=1000), breaker=lambda: Breaker(open_s=0))
    async with aclosing(
        DouyinWebs(Proxies(), base_url=face.web_url, gates=gates, timeout_s=5)
    ) as webs:
        yield webs
