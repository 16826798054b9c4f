"""The Qwen stand-in, validated by the SDKs people really use."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import TypedDict, cast

import anyio
import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from hostcue.sim.qwen import QwenStandIn

IMAGE = "data:image/jpeg;base64," + base64.b64encode(b"\xff\xd8\xff\xd9").decode()
PROMPT = """请输出 json。
输出：{"tips":[{"evidence":{"comments":["C9"],"frames":["F9"]}}]}
【弹幕】
C1 发货 x3：什么时候发货
C2 价格 x12：多少钱；有优惠券吗
C3 价格 x2：小白鞋什么价
【画面】
F1 00:03
F2 00:13
"""


class Tip(TypedDict):
    text: str
    type: str
    score: float
    evidence: dict[str, list[str]]


class Answer(TypedDict):
    observations: list[str]
    tips: list[Tip]


def parse(text: str | None) -> Answer:
    return cast("Answer", json.loads(text or ""))


def messages(prompt: str = PROMPT, images: int = 2) -> list[ChatCompletionMessageParam]:
    image: object = {"type": "image_url", "image_url": {"url": IMAGE}}
    content: object = [{"type": "text", "text": prompt}, *([image] * images)]
    return cast(
        "list[ChatCompletionMessageParam]",
        [
            {"role": "system", "content": "你是带货教练，价格问题优先，json"},
            {"role": "user", "content": content},
        ],
    )


@pytest.fixture
async def model() -> AsyncIterator[QwenStandIn]:
    with anyio.fail_after(30):
        async with QwenStandIn.open() as opened:
            yield opened


@pytest.fixture
async def client(model: QwenStandIn) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        api_key="sk-sim", base_url=model.openai_url, max_retries=0
    ) as opened:
        yield opened


async def ask(client: openai.AsyncOpenAI, prompt: str = PROMPT, images: int = 2) -> str | None:
    answer = await client.chat.completions.create(
        model="qwen3-vl-plus",
        messages=messages(prompt, images),
        response_format={"type": "json_object"},
    )
    return answer.choices[0].message.content


async def test_the_openai_sdk_reads_an_answer(
    model: QwenStandIn, client: openai.AsyncOpenAI
) -> None:
    answer = await client.chat.completions.create(model="qwen3-vl-plus", messages=messages())
    assert (answer.model, answer.choices[0].finish_reason) == ("sim", "stop")
    assert answer.usage is not None
    assert answer.usage.total_tokens > 400
    assert len(parse(answer.choices[0].message.content)["tips"]) == 4
    assert [found.id async for found in client.models.list()] == ["sim"]
    request = model.requests[0]
    assert (request.wire, request.model) == ("openai", "qwen3-vl-plus")
    assert request.images == (IMAGE, IMAGE)
    assert "authorization" not in request.headers


async def test_the_answer_depends_on_what_was_sent(client: openai.AsyncOpenAI) -> None:
    answer = parse(await ask(client, images=12))
    assert answer["observations"] == ["看到12张画面", "大家问得最多的是价格（C2、C3）"]
    assert "价格" in answer["tips"][0]["text"]
    assert answer["tips"][0]["evidence"] == {"comments": ["C2", "C3"], "frames": []}
    cited = {
        label for tip in answer["tips"] for labels in tip["evidence"].values() for label in labels
    }
    assert cited == {"C1", "C2", "C3", "F1"}  # C9 and F9 stand in an example only
    other = parse(await ask(client, "json\nC1 穿什么码\nC2 160高选多大\nC3 多少钱", images=0))
    assert other["observations"] == ["看到0张画面", "大家问得最多的是尺码（C1、C2）"]
    quiet = parse(await ask(client, "json，没有弹幕", images=1))
    assert quiet["observations"] == ["看到1张画面", "弹幕里没有集中的问题"]
    assert [tip["evidence"]["comments"] for tip in quiet["tips"]] == [[]] * 4


async def test_lines_can_be_said_and_invent_no_number(client: openai.AsyncOpenAI) -> None:
    questions = ("多少钱", "穿什么码", "什么时候发货", "还有货吗", "主播好")
    for question in questions * 3:
        tips = parse(await ask(client, f"json\nC1 {question}"))["tips"]
        assert len({tip["text"] for tip in tips}) == 4
        for tip in tips:
            assert 15 <= len(tip["text"]) <= 45
            assert not any(sign.isdigit() for sign in tip["text"])
            assert tip["type"] in {"welcome", "product", "interaction", "closing"}
            assert 0 <= tip["score"] <= 1


async def test_a_frame_list_counts_its_frames(client: openai.AsyncOpenAI) -> None:
    def with_frames(n: int) -> list[ChatCompletionMessageParam]:
        video = {"type": "video", "video": [IMAGE] * n, "fps": 0.1}
        content = [{"type": "text", "text": PROMPT}, video]
        return cast("list[ChatCompletionMessageParam]", [{"role": "user", "content": content}])

    answer = await client.chat.completions.create(model="m", messages=with_frames(6))
    assert "看到6张画面" in str(answer.choices[0].message.content)
    with pytest.raises(openai.BadRequestError):
        await client.chat.completions.create(model="m", messages=with_frames(3))


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (401, openai.AuthenticationError, "invalid_api_key"),
        (429, openai.RateLimitError, "limit_requests"),
        (500, openai.InternalServerError, "internal_error"),
        (503, openai.InternalServerError, "model_unavailable"),
    ],
)
async def test_the_openai_sdk_knows_the_errors(
    model: QwenStandIn,
    client: openai.AsyncOpenAI,
    status: int,
    error: type[openai.APIStatusError],
    code: str,
) -> None:
    model.answer(status=status, retry_after_s=1.5)
    with pytest.raises(error) as refused:
        await ask(client)
    assert refused.value.code == code
    assert refused.value.response.headers["retry-after"] == "1.5"
    assert await ask(client)


async def test_a_code_of_either_wire_is_translated(
    model: QwenStandIn, client: openai.AsyncOpenAI
) -> None:
    model.answer(code="DataInspectionFailed")
    with pytest.raises(openai.BadRequestError) as refused:
        await ask(client)
    assert refused.value.code == "data_inspection_failed"


async def test_answers_are_given_in_the_order_planned(
    model: QwenStandIn, client: openai.AsyncOpenAI
) -> None:
    model.answer(status=500, times=2)
    model.answer(body="prose")
    for _ in range(2):
        with pytest.raises(openai.InternalServerError):
            await ask(client)
    assert "{" not in str(await ask(client))
    assert parse(await ask(client))
    await model.wait_requests(4)


async def test_bad_answers_are_bad_as_named(model: QwenStandIn, client: openai.AsyncOpenAI) -> None:
    model.answer(body="damaged")
    with pytest.raises(json.JSONDecodeError):
        parse(await ask(client))
    model.answer(body="fenced")
    assert "```json\n{" in str(await ask(client))
    model.answer(body="empty")
    assert await ask(client) == ""
    model.answer(body="injected")
    assert "9.9" in str(await ask(client))
    model.answer(body="cut")
    with pytest.raises(json.JSONDecodeError):
        await ask(client)


async def test_a_rejected_key_stays_rejected(
    model: QwenStandIn, client: openai.AsyncOpenAI
) -> None:
    model.reject_key()
    for _ in range(2):
        with pytest.raises(openai.AuthenticationError):
            await ask(client)
    model.reject_key(False)
    assert await ask(client)


async def test_json_mode_wants_the_word_and_no_thinking(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="json"):
        await client.chat.completions.create(
            model="m",
            messages=[{"role": "user", "content": "你好"}],
            response_format={"type": "json_object"},
        )
    with pytest.raises(openai.BadRequestError, match="thinking"):
        await client.chat.completions.create(
            model="m",
            messages=[{"role": "user", "content": "json"}],
            response_format={"type": "json_object"},
            extra_body={"enable_thinking": True},
        )


async def test_a_slow_answer_does_not_hold_up_the_end() -> None:
    with anyio.fail_after(30):
        async with (
            QwenStandIn.open() as model,
            anyio.create_task_group() as tasks,
            openai.AsyncOpenAI(api_key="sk", base_url=model.openai_url, max_retries=0) as client,
        ):
            model.answer(delay_s=60)
            tasks.start_soon(ask, client)
            await model.wait_requests(1)
            tasks.cancel_scope.cancel()


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff"])
async def test_garbage_is_refused(model: QwenStandIn, body: bytes) -> None:
    headers = {"Authorization": "Bearer sk-sim"}
    async with httpx2.AsyncClient(trust_env=False, headers=headers) as client:
        for url in (
            f"{model.openai_url}/chat/completions",
            f"{model.dashscope_url}/services/aigc/multimodal-generation/generation",
        ):
            answer = await client.post(url, content=body)
            assert answer.status_code == 400
            assert answer.json()["request_id"]
