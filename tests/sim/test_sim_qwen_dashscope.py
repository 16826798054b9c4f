"""The Qwen stand-in's native wire, validated by both of the `dashscope` SDK's clients."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator

import anyio
import dashscope
import pytest
from dashscope.api_entities.aio_session import close_shared_aio_session
from dashscope.api_entities.dashscope_response import MultiModalConversationResponse
from dashscope.v2.errors import APIStatusError, ContentFilterError, RateLimitError
from dashscope.v2.types.messages import Message

from hostcue.sim.qwen import QwenStandIn

IMAGE = "data:image/jpeg;base64," + base64.b64encode(b"\xff\xd8\xff\xd9").decode()
PROMPT = "输出 json\nC1 尺码 x9：穿什么码\nF1 00:03"
CONTENT = [{"image": IMAGE}, {"image": IMAGE}, {"text": PROMPT}]
MESSAGES: list[Message | dict[str, object] | str] = [
    {"role": "system", "content": [{"text": "你是带货教练"}]},
    {"role": "user", "content": CONTENT},
]


@pytest.fixture
async def model(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[QwenStandIn]:
    with anyio.fail_after(30):
        async with QwenStandIn.open() as opened:
            monkeypatch.setattr(dashscope, "base_http_api_url", opened.dashscope_url)
            yield opened
            await close_shared_aio_session()
            dashscope.close_shared_sync_session()


@pytest.fixture
async def client(model: QwenStandIn) -> AsyncIterator[dashscope.AsyncClient]:
    async with dashscope.AsyncClient(
        api_key="sk-sim", base_url=model.dashscope_url, max_retries=0
    ) as opened:
        yield opened


def observed(text: str) -> list[str]:
    found: list[str] = json.loads(text)["observations"]
    return found


EXPECTED = ["看到2张画面", "大家问得最多的是尺码（C1）"]


async def call(kind: str) -> MultiModalConversationResponse:
    """One call through the 1.x SDK, which returns errors instead of raising them."""
    model, key = "qwen3-vl-plus", "sk-sim"
    if kind == "async":
        answer = await dashscope.AioMultiModalConversation.call(model, MESSAGES, api_key=key)
    else:
        answer = await anyio.to_thread.run_sync(
            lambda: dashscope.MultiModalConversation.call(model, MESSAGES, api_key=key)
        )
    assert isinstance(answer, MultiModalConversationResponse)
    return answer


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_the_first_sdk_reads_an_answer(model: QwenStandIn, kind: str) -> None:
    answer = await call(kind)
    assert answer.status_code == 200
    content = answer.output.choices[0].message.content
    assert isinstance(content, list)
    assert observed(content[0]["text"]) == EXPECTED
    assert answer.usage.image_tokens > 0
    assert model.requests[0].wire == "dashscope"
    assert model.requests[0].images == (IMAGE, IMAGE)


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_the_first_sdk_knows_the_errors(model: QwenStandIn, kind: str) -> None:
    model.answer(status=429)
    answer = await call(kind)
    assert (answer.status_code, answer.code) == (429, "Throttling.RateQuota")
    model.reject_key()
    answer = await call(kind)
    assert (answer.status_code, answer.code) == (401, "InvalidApiKey")


async def test_the_second_sdk_reads_an_answer(
    model: QwenStandIn, client: dashscope.AsyncClient
) -> None:
    answer = await client.chat.completions.create(
        model="qwen3-vl-plus", messages=MESSAGES, response_format={"type": "json_object"}
    )
    assert observed(answer.output_text) == EXPECTED
    assert answer.usage is not None
    assert len(model.requests) == 1


async def test_the_second_sdk_knows_the_errors(
    model: QwenStandIn, client: dashscope.AsyncClient
) -> None:
    async def ask() -> object:
        return await client.chat.completions.create(model="m", messages=MESSAGES)

    model.answer(status=429, retry_after_s=2)
    with pytest.raises(RateLimitError):
        await ask()
    model.answer(code="data_inspection_failed")
    with pytest.raises(ContentFilterError):
        await ask()
    model.answer(status=500)
    with pytest.raises(APIStatusError) as failed:
        await ask()
    assert failed.value.status_code == 500
