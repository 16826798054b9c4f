"""A web server that answers what a test tells it to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from fastapi import FastAPI, Request, Response

from hostcue.sim.http import serve_app


class Upstream:
    """Every request gets `answer(request)`; `requests` lists path with query, and headers."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.answer: Callable[[Request], Awaitable[Response]] = self._nothing

    async def _nothing(self, _: Request) -> Response:
        return Response(status_code=404)

    def always(self, response: Callable[[], Response]) -> None:
        """Answer each request with a response made anew."""

        async def answer(_: Request) -> Response:
            return response()

        self.answer = answer


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    app = FastAPI(openapi_url=None)
    upstream = Upstream()

    @app.middleware("http")
    async def answer(request: Request, _: Callable[[Request], Awaitable[Response]]) -> Response:
        query = f"?{request.url.query}" if request.url.query else ""
        upstream.requests.append((request.scope["path"] + query, dict(request.headers)))
        return await upstream.answer(request)

    async with serve_app(app) as upstream.url:
        yield upstream
