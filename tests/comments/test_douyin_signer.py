from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hostcue.comments.douyin.signer import SignerService
from hostcue.errors import ConfigError, SignerFailed
from hostcue.model.network import Proxies
from hostcue.sim.signer import Mood, PretendSigner


@pytest.fixture
async def signer() -> AsyncIterator[PretendSigner]:
    async with PretendSigner.open() as signer:
        yield signer


async def sign(url: str, *, timeout_s: float = 5) -> str:
    service = SignerService(url, proxies=Proxies(), timeout_s=timeout_s)
    return await service.sign("7", "8", user_agent="UA", counter=1)


async def test_the_service_is_asked_with_the_stub_and_the_user_agent(signer: PretendSigner) -> None:
    signature = await sign(signer.url)
    assert len(signature) == 16
    ((stub, user_agent),) = signer.asked
    assert bytes.fromhex(stub)
    assert len(stub) == 32
    assert user_agent == "UA"


@pytest.mark.parametrize("mood", ["empty", "garbage", "401", "403", "429", "500"])
async def test_a_service_that_does_not_sign_is_told_as_that(
    signer: PretendSigner, mood: Mood
) -> None:
    signer.answer(mood)
    with pytest.raises(SignerFailed) as failure:
        await sign(signer.url)
    assert failure.value.code == "signer_failed"
    assert failure.value.remedy


async def test_a_service_that_does_not_answer_is_not_waited_for(signer: PretendSigner) -> None:
    signer.answer("slow")
    with pytest.raises(SignerFailed):
        await sign(signer.url, timeout_s=0.2)


async def test_the_address_may_hold_a_secret_and_no_error_shows_it() -> None:
    with pytest.raises(SignerFailed) as failure:
        await sign("http://me:hunter22@127.0.0.1:9/sign?key=hunter23")
    assert "hunter" not in f"{failure.value!r} {failure.value.message} {failure.value.remedy}"


@pytest.mark.parametrize("url", ["signer.example/sign", "ftp://a/b", "http://", "http://[::1"])
def test_what_is_no_address_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        SignerService(url, proxies=Proxies())
    assert refusal.value.field == "HOSTCUE_DOUYIN_SIGNER_URL"
