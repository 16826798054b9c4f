"""A reverse proxy before a pretend Douyin, by which a test refuses some of its endpoints only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx2
from fastapi import FastAPI, Request, Response

from hostcue.sim.http import serve_app

ENTER = "/webcast/room/web/enter/"
FETCH = "/webcast/im/fetch/"
HOME = "/"
PAGE = "/{live_id}"

Answer = Callable[[Request], Response | None]


class Gateway:
    """Passes everything on, but for what `answers` has an answer to, by kind of path."""

    def __init__(self, upstream: str) -> None:
        self.url = ""
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._upstream = upstream

    @classmethod
    @asynccontextmanager
    async def open(cls, upstream: str) -> AsyncIterator[Gateway]:
        """Serve before the web face at `upstream`."""
        gateway = cls(upstream)
        app = FastAPI(openapi_url=None)
        async with httpx2.AsyncClient(trust_env=False) as http:

            @app.middleware("http")
            async def answer(request: Request, _: Callable[[Request], Response]) -> Response:
                return await gateway._answer(http, request)

            async with serve_app(app) as gateway.url:
                yield gateway

    def asked(self, kind: str) -> int:
        """How many requests of a kind there were."""
        return sum(kind_of(path) == kind for path, _ in self.requests)

    def refuse(self, kind: str, status: int = 200, body: str = "") -> None:
        """Answer this kind with a status and a body; the default is Douyin's sign of a block."""
        self.answers[kind] = lambda _: Response(body, status)

    async def _answer(self, http: httpx2.AsyncClient, request: Request) -> Response:
        path, headers = request.url.path, dict(request.headers)
        self.requests.append((path, headers))
        known = self.answers.get(kind_of(path))
        if known is not None and (answer := known(request)) is not None:
            return answer
        url = f"{self._upstream}{path}?{request.url.query}"
        passed: dict[str, str] = {
            name: headers[name] for name in ("cookie", "user-agent") if name in headers
        }
        passed_on = await http.get(url, headers=passed)
        response = Response(passed_on.content, passed_on.status_code)
        for name in ("content-type", "set-cookie", "location"):
            if name in passed_on.headers:
                response.headers[name] = passed_on.headers[name]
        return response


def kind_of(path: str) -> str:
    """Which of the endpoints a path belongs to."""
    return path if path in {ENTER, FETCH, HOME} else PAGE
