"""The pretend signature service, asked over plain HTTP."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

import anyio
import httpx2
import pytest
from douyin_hand import FLV_URL, UID, push_url
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from hostcue.sim.douyin import DouyinFace
from hostcue.sim.signer import PretendSigner

COOKIE = {"Cookie": "ttwid=1"}


@pytest.fixture
async def signer() -> AsyncIterator[PretendSigner]:
    with anyio.fail_after(30):
        async with PretendSigner.open() as opened:
            yield opened


async def ask(signer: PretendSigner, stub: str, *, timeout_s: float = 5) -> httpx2.Response:
    async with httpx2.AsyncClient(trust_env=False, timeout=timeout_s) as client:
        body = {"stub": stub, "user_agent": "Mozilla/5.0"}
        return await client.post(signer.url, json=body)


def stub_of(face: DouyinFace) -> str:
    pairs = (
        f"live_id=1,aid=6383,version_code=180800,webcast_sdk_version=1.0.15,room_id={face.room_id},"
        f"sub_room_id=,sub_channel_id=,did_rule=3,user_unique_id={UID},device_platform=web,"
        "device_type=,ac=,identity=audience"
    )
    return hashlib.md5(pairs.encode()).hexdigest()  # noqa: S324


async def test_its_signatures_are_let_in_and_its_wrong_ones_are_not(signer: PretendSigner) -> None:
    async with DouyinFace.open(flv_url=FLV_URL, script=()) as face:
        good = (await ask(signer, stub_of(face))).json()["signature"]
        async with connect(push_url(face, signature=good), additional_headers=COOKIE, proxy=None):
            await face.wait_viewers(1)
        signer.answer("wrong")
        bad = (await ask(signer, stub_of(face))).json()["signature"]
        with pytest.raises(InvalidStatus):
            await connect(push_url(face, signature=bad), additional_headers=COOKIE, proxy=None)
    assert signer.asked == [(stub_of(face), "Mozilla/5.0")] * 2


@pytest.mark.parametrize("mood", ["401", "403", "429", "500"])
async def test_it_can_refuse(signer: PretendSigner, mood: str) -> None:
    signer.answer(mood)  # type: ignore[arg-type] # one of them
    assert (await ask(signer, "00" * 16)).status_code == int(mood)


async def test_it_can_answer_without_a_signature_or_never(signer: PretendSigner) -> None:
    signer.answer("empty")
    assert (await ask(signer, "00" * 16)).json() == {}
    signer.answer("garbage")
    assert "html" in (await ask(signer, "00" * 16)).text
    signer.answer("slow")
    with pytest.raises(httpx2.TimeoutException):
        await ask(signer, "00" * 16, timeout_s=0.1)
