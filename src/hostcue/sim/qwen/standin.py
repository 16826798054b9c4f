"""The stand-in's server."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Self

import anyio
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from hostcue.sim.http import serve_app
from hostcue.sim.qwen.answer import Body, distort, look_at, write
from hostcue.sim.qwen.wires import (
    ModelRequest,
    Refusal,
    Wire,
    find_fault,
    read_request,
    refusal,
    shape_answer,
    shape_models,
    shape_refusal,
)
from hostcue.sim.signal import Signal

_REQUESTS_KEPT = 50  # each can hold a megabyte of pictures


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one coming request is to be answered."""

    status: int | None
    retry_after_s: float | None
    code: str | None
    body: Body | None
    delay_s: float


class QwenStandIn:
    """A model service at two addresses; `requests` holds the last requests it got."""

    def __init__(self) -> None:
        self.openai_url = ""
        self.dashscope_url = ""
        self.requests: list[ModelRequest] = []
        self._count = 0
        self._plans: deque[_Plan] = deque()
        self._rejects_key = False
        self._signal = Signal()
        self._closing = anyio.Event()

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Self]:
        """Serve until the context ends."""
        model = cls()
        async with serve_app(model._app()) as url:
            model.openai_url = f"{url}/compatible-mode/v1"
            model.dashscope_url = f"{url}/api/v1"
            try:
                yield model
            finally:
                model._closing.set()

    def answer(
        self,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        code: str | None = None,
        body: Body | None = None,
        delay_s: float = 0,
        times: int = 1,
    ) -> None:
        """Plan the next `times` answers, behind those planned before; then all is normal again.

        Args:
            status: an error, with the code that usually comes with it.
            retry_after_s: the `Retry-After` header of the error.
            code: another error code, in either wire's spelling.
            body: a success whose text is bad: `damaged` JSON that ends in the first line,
                `prose`, `fenced` JSON, `empty`, or `injected`: lines that obey an attacker.
                With `cut` the text is good and the HTTP body around it ends too early.
            delay_s: how long the answer takes.
            times: how many requests are answered so.
        """
        self._plans.extend([_Plan(status, retry_after_s, code, body, delay_s)] * times)

    def reject_key(self, on: bool = True) -> None:
        """Refuse whatever key comes."""
        self._rejects_key = on

    async def wait_requests(self, n: int) -> None:
        """Wait until `n` requests for an answer came in all."""
        await self._signal.until(lambda: self._count >= n)

    def _app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)
        native = "/api/v1/services/aigc/multimodal-generation/generation"
        app.add_api_route(native, partial(self._generate, "dashscope"), methods=["POST"])
        for prefix in ("/compatible-mode/v1", "/v1"):
            answer = partial(self._generate, "openai")
            app.add_api_route(f"{prefix}/chat/completions", answer, methods=["POST"])
            app.add_api_route(f"{prefix}/models", self._models)
        return app

    async def _models(self, request: Request) -> Response:
        if not self._is_key_good(request):
            return _refuse("openai", refusal(401))
        return JSONResponse(shape_models())

    async def _generate(self, wire: Wire, request: Request) -> Response:
        try:
            body = json.loads(await request.body())
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return _refuse(wire, refusal(400))
        asked = read_request(wire, body, request.headers)
        self.requests.append(asked)
        del self.requests[:-_REQUESTS_KEPT]
        self._count += 1
        self._signal.changed()
        if not self._is_key_good(request):
            return _refuse(wire, refusal(401))
        plan = self._plans.popleft() if self._plans else _Plan(None, None, None, None, 0)
        with anyio.move_on_after(plan.delay_s):
            await self._closing.wait()
        if plan.status is not None or plan.code is not None:
            return _refuse(wire, refusal(plan.status, plan.code), plan.retry_after_s)
        fault = find_fault(asked)
        return _refuse(wire, fault) if fault else self._succeed(asked, plan.body)

    def _succeed(self, asked: ModelRequest, body: Body | None) -> Response:
        content = write(look_at(asked.user_text, len(asked.images)), self._count)
        if body is not None:
            content = distort(content, body)
        reason = "length" if body == "damaged" else "stop"
        answer = JSONResponse(shape_answer(asked, content, finish_reason=reason))
        if body == "cut":
            half = bytes(answer.body)[: len(answer.body) // 2]
            return Response(half, media_type="application/json")
        return answer

    def _is_key_good(self, request: Request) -> bool:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        return scheme == "Bearer" and bool(key.strip()) and not self._rejects_key


def _refuse(wire: Wire, refused: Refusal, retry_after_s: float | None = None) -> Response:
    headers = {} if retry_after_s is None else {"Retry-After": f"{retry_after_s:g}"}
    return JSONResponse(shape_refusal(wire, refused), refused.status, headers)
