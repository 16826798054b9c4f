"""Calls of a model on both wires: what is sent, and what comes of every failure."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import anyio
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from hostcue.analysis.dashscope import DashScopeWriter
from hostcue.analysis.messages import FrameEncoding
from hostcue.analysis.qwen import QwenWriter
from hostcue.errors import (
    AnswerError,
    AuthRequired,
    Blocked,
    ConfigError,
    RateLimited,
    TransportFailed,
    UpstreamChanged,
    UpstreamError,
)
from hostcue.model.digest import Topic
from hostcue.model.network import Proxies
from hostcue.model.tip import EvidencePack
from hostcue.sim.http import serve_app
from hostcue.sim.qwen import QwenStandIn

PackMaker = Callable[..., EvidencePack]
Writer = QwenWriter | DashScopeWriter
Wire = Literal["openai", "dashscope"]

KEY = "sk-0123456789abcdef-very-secret"
TOPIC = Topic("price", "这个多少钱", 6, 6, ("c1", "c2"))


@dataclass(frozen=True, slots=True)
class Case:
    writer: Writer
    model: QwenStandIn
    pack: EvidencePack


def connect(
    wire: Wire,
    url: str,
    *,
    frames: FrameEncoding | None = None,
    timeout_s: float = 20,
    proxies: Proxies | None = None,
) -> Writer:
    if wire == "dashscope":
        return DashScopeWriter(
            api_key=KEY, model="qwen", base_url=url, timeout_s=timeout_s, proxies=proxies
        )
    return QwenWriter(
        api_key=KEY,
        model="qwen",
        base_url=url,
        timeout_s=timeout_s,
        frames=frames,
        proxies=proxies,
    )


@pytest.fixture
async def model() -> AsyncIterator[QwenStandIn]:
    async with QwenStandIn.open() as model:
        yield model


@pytest.fixture(params=["openai", "dashscope"])
def wire(request: pytest.FixtureRequest) -> Wire:
    wire: Wire = request.param
    return wire


@pytest.fixture
async def case(wire: Wire, model: QwenStandIn, make_pack: PackMaker) -> AsyncIterator[Case]:
    url = model.openai_url if wire == "openai" else model.dashscope_url
    async with aclosing(connect(wire, url, frames="list")) as writer:
        yield Case(writer, model, make_pack(topics=[TOPIC], said=["看这件"], frames=4))


async def test_frames_comments_and_speech_arrive(case: Case) -> None:
    await case.writer.write(case.pack)
    (asked,) = case.model.requests
    assert len(asked.images) == 4
    assert all(image.startswith("data:image/jpeg;base64,") for image in asked.images)
    assert "这个多少钱 ×6" in asked.user_text
    assert "看这件" in asked.user_text
    assert "json" in asked.text


async def test_a_call_is_guarded_against_cost(case: Case) -> None:
    await case.writer.write(case.pack)
    body = case.model.requests[0].body
    options = body if "messages" in body else body["parameters"]
    assert isinstance(options, dict)
    assert options["max_tokens"] == 2000
    assert options["enable_thinking"] is False
    assert options["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize(
    ("plan", "expected", "retryable"),
    [
        ({"status": 429}, RateLimited, True),
        ({"status": 500}, UpstreamError, True),
        ({"status": 401}, AuthRequired, False),
        ({"code": "data_inspection_failed"}, Blocked, False),
        ({"status": 400}, UpstreamError, False),
        ({"body": "cut"}, TransportFailed, True),
        ({"body": "damaged"}, AnswerError, True),
        ({"body": "prose"}, AnswerError, True),
    ],
    ids=lambda value: next(iter(value.values())) if isinstance(value, dict) else "",
)
async def test_a_failure_becomes_ours_after_one_try(
    case: Case, plan: dict[str, object], expected: type[UpstreamError], retryable: bool
) -> None:
    case.model.answer(**plan)  # type: ignore[arg-type] # a table of keywords
    with pytest.raises(UpstreamError) as failure:
        await case.writer.write(case.pack)
    assert type(failure.value) is expected
    assert failure.value.retryable is retryable
    assert len(case.model.requests) == 1
    assert len((await case.writer.write(case.pack)).drafts) >= 3


async def test_the_wait_that_the_service_asks_for_is_told(case: Case) -> None:
    case.model.answer(status=429, retry_after_s=7)
    with pytest.raises(RateLimited) as failure:
        await case.writer.write(case.pack)
    assert failure.value.retry_after_s == 7


async def test_a_fenced_answer_is_used(case: Case) -> None:
    case.model.answer(body="fenced")
    assert len((await case.writer.write(case.pack)).drafts) >= 3


async def test_an_answer_that_takes_too_long_is_given_up(
    wire: Wire, model: QwenStandIn, make_pack: PackMaker
) -> None:
    url = model.openai_url if wire == "openai" else model.dashscope_url
    async with aclosing(connect(wire, url, timeout_s=0.3)) as writer:
        await writer.connect()
        model.answer(delay_s=30)
        with anyio.fail_after(30), pytest.raises(TransportFailed, match=r"within 0\.3 s"):
            await writer.write(make_pack(topics=[TOPIC]))


async def test_no_server_is_a_transport_failure(wire: Wire, make_pack: PackMaker) -> None:
    async with aclosing(connect(wire, "http://127.0.0.1:9/v1")) as writer:
        with pytest.raises(TransportFailed, match="ConnectError"):
            await writer.write(make_pack(topics=[TOPIC]))


async def test_nothing_to_write_about_costs_nothing(case: Case, make_pack: PackMaker) -> None:
    with pytest.raises(UpstreamError) as failure:
        await case.writer.write(make_pack())
    assert not failure.value.retryable
    assert not case.model.requests


async def test_the_key_is_nowhere_to_be_read(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    case.model.reject_key()
    with pytest.raises(AuthRequired) as failure:
        await case.writer.write(case.pack)
    error = failure.value
    seen = capsys.readouterr()
    for text in (repr(case.writer), repr(error), error.remedy or "", seen.out, seen.err):
        assert KEY not in text
    assert error.__cause__ is None


async def test_a_dead_proxy_in_the_environment_is_not_used(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await case.writer.write(case.pack)).drafts


async def test_the_proxy_given_is_used(wire: Wire, make_pack: PackMaker) -> None:
    proxies = Proxies(http="http://127.0.0.1:9")
    async with aclosing(connect(wire, "http://model.invalid/v1", proxies=proxies)) as writer:
        with pytest.raises(TransportFailed, match="ConnectError"):
            await writer.write(make_pack(topics=[TOPIC]))


async def test_a_proxy_of_an_unknown_kind_is_a_setting_to_correct(
    wire: Wire, make_pack: PackMaker
) -> None:
    proxies = Proxies(http="carrier://user:pigeon@127.0.0.1:9")
    async with aclosing(connect(wire, "http://model.invalid/v1", proxies=proxies)) as writer:
        with pytest.raises(ConfigError) as failure:
            await writer.write(make_pack(topics=[TOPIC]))
    assert "pigeon" not in str(failure.value)


async def test_another_services_identity_is_not_sent(
    model: QwenStandIn, make_pack: PackMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-somebody")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-somebody")
    async with aclosing(connect("openai", model.openai_url)) as writer:
        await writer.write(make_pack(topics=[TOPIC]))
    assert not [name for name in model.requests[0].headers if name.startswith("openai-")]


@pytest.mark.parametrize(("frames", "count"), [("list", 4), ("images", 4), ("list", 3)])
async def test_frames_are_sent_as_the_server_takes_them(
    model: QwenStandIn, make_pack: PackMaker, frames: FrameEncoding, count: int
) -> None:
    async with aclosing(connect("openai", model.openai_url, frames=frames)) as writer:
        await writer.write(make_pack(frames=count))
    (asked,) = model.requests
    messages = asked.body["messages"]
    assert isinstance(messages, list)
    kinds = [part["type"] for part in messages[-1]["content"]]
    as_list = frames == "list" and count >= 4
    assert (
        kinds == ["video", "text"] if as_list else kinds == ["text", "image_url"] * count + ["text"]
    )
    assert len(asked.images) == count


async def test_a_server_that_is_not_dashscope_gets_images_and_no_extensions(
    model: QwenStandIn, make_pack: PackMaker
) -> None:
    async with aclosing(connect("openai", model.openai_url)) as writer:
        await writer.write(make_pack(frames=4))
    assert "enable_thinking" not in model.requests[0].body
    assert '"video"' not in str(model.requests[0].body)


@asynccontextmanager
async def odd_server(*replies: Response) -> AsyncIterator[tuple[str, list[object]]]:
    """A server that gives these replies in turn, the last for ever; and what it was asked."""
    asked: list[object] = []

    async def reply(request: Request) -> Response:
        asked.append(await request.json())
        return replies[min(len(asked), len(replies)) - 1]

    app = FastAPI(openapi_url=None)
    app.add_api_route("/{path:path}", reply, methods=["POST"])
    async with serve_app(app) as url:
        yield url, asked


def spoken(wire: Wire, text: str) -> Response:
    message = {"role": "assistant", "content": text}
    choices = [{"index": 0, "finish_reason": "stop", "message": message}]
    return JSONResponse(
        {"choices": choices} if wire == "openai" else {"output": {"choices": choices}}
    )


LINES = (
    '{"tips":[{"text":"问价格的点开小黄车看标价"},{"text":"身高体重打在公屏我帮你选"},'
    '{"text":"刚来的朋友先点个关注不迷路"}]}'
)


async def test_a_server_without_json_mode_is_asked_without_from_then_on(
    wire: Wire, make_pack: PackMaker
) -> None:
    refusal = {"code": "invalid_parameter", "message": "'response_format' is not supported"}
    no = JSONResponse({"error": refusal} if wire == "openai" else refusal, 400)
    async with (
        odd_server(no, spoken(wire, LINES)) as (url, asked),
        aclosing(connect(wire, url)) as writer,
    ):
        for _ in range(2):
            assert len((await writer.write(make_pack(topics=[TOPIC]))).drafts) == 3
    assert ["response_format" in str(body) for body in asked] == [True, False, False]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (JSONResponse({"hello": 1}), UpstreamChanged),
        (JSONResponse({"choices": "none", "output": {"choices": [5]}}), UpstreamChanged),
        (JSONResponse({"code": "Throttling.BurstRate", "message": "slow"}), RateLimited),
        (HTMLResponse("<h1>Bad Gateway</h1>", 502), UpstreamError),
    ],
    ids=[
        "another shape",
        "wrong kinds",
        "throttled under 200",
        "a page under 502",
    ],
)
async def test_an_odd_reply_is_one_of_our_errors(
    wire: Wire, make_pack: PackMaker, reply: Response, expected: type[UpstreamError]
) -> None:
    async with odd_server(reply) as (url, asked), aclosing(connect(wire, url)) as writer:
        with pytest.raises(UpstreamError) as failure:
            await writer.write(make_pack(topics=[TOPIC]))
    assert type(failure.value) is expected
    assert KEY not in repr(failure.value)
    assert len(asked) == 1


async def test_a_page_instead_of_json_is_told_apart(make_pack: PackMaker) -> None:
    page = HTMLResponse("<h1>Please log in</h1>")
    async with odd_server(page) as (url, _), aclosing(connect("openai", url)) as writer:
        with pytest.raises(UpstreamChanged, match="text/html"):
            await writer.write(make_pack(topics=[TOPIC]))


async def test_a_redirect_is_not_followed(wire: Wire, make_pack: PackMaker) -> None:
    away = Response(status_code=302, headers={"location": "http://127.0.0.1:9/"})
    async with odd_server(away) as (url, asked), aclosing(connect(wire, url)) as writer:
        with pytest.raises(UpstreamError):
            await writer.write(make_pack(topics=[TOPIC]))
    assert len(asked) == 1


async def test_json_among_the_thoughts_is_found(wire: Wire, make_pack: PackMaker) -> None:
    message = {"role": "assistant", "content": "", "reasoning_content": LINES}
    choices = [{"index": 0, "finish_reason": "stop", "message": message}]
    reply = JSONResponse({"choices": choices, "output": {"choices": choices}})
    async with odd_server(reply) as (url, _), aclosing(connect(wire, url)) as writer:
        assert len((await writer.write(make_pack(topics=[TOPIC]))).drafts) == 3


async def test_without_the_extra_the_remedy_is_named(
    make_pack: PackMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "dashscope", None)
    writer = connect("dashscope", "http://127.0.0.1:9/api/v1")
    with pytest.raises(ConfigError) as failure:
        await writer.write(make_pack(topics=[TOPIC]))
    assert "hostcue[dashscope]" in (failure.value.remedy or "")


def test_the_sdks_are_not_imported_before_they_are_needed() -> None:
    code = (
        "import sys, hostcue.analysis.qwen, hostcue.analysis.dashscope, hostcue.analysis.frames;"
        "print(*{'openai', 'dashscope', 'httpx2', 'httpx', 'av', 'numpy', 'json_repair'}"
        " & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""
