"""A pretend signature service: what `HOSTCUE_DOUYIN_SIGNER_URL` points at, on loopback.

`POST {"stub", "user_agent"}` gives `{"signature"}` for a comment connection, good ones until a
fault is chosen. Written from the documented structure, like the check in `douyin.signature`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal, Self

import anyio
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from hostcue.sim.douyin.signature import sign_stub
from hostcue.sim.http import serve_app

Mood = Literal["ok", "wrong", "empty", "garbage", "slow", "401", "403", "429", "500"]


class _Asked(BaseModel):
    """The thirteen parameters' digest, in hexadecimal, and who will show the signature."""

    stub: str
    user_agent: str


class PretendSigner:
    """Signs for whoever asks; `asked` holds the stubs and user agents so far."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[tuple[str, str]] = []
        self.authorizations: list[str | None] = []
        self._mood: Mood = "ok"
        self._app = FastAPI(openapi_url=None)
        self._app.add_api_route("/sign", self._sign, methods=["POST"])

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Self]:
        """Serve until the context ends."""
        signer = cls()
        async with serve_app(signer._app) as base_url:
            signer.url = f"{base_url}/sign"
            yield signer

    def answer(self, mood: Mood) -> None:
        """How it answers from now on: well, with a signature that is refused, not at all, ..."""
        self._mood = mood

    async def _sign(self, request: Request, asked: _Asked) -> Response:
        self.asked.append((asked.stub, asked.user_agent))
        self.authorizations.append(request.headers.get("authorization"))
        match self._mood:
            case "ok":
                return JSONResponse({"signature": sign_stub(asked.stub)})
            case "wrong":
                return JSONResponse({"signature": sign_stub("00" * 16)})
            case "empty":
                return JSONResponse({})
            case "garbage":
                return Response("<html>not today</html>", media_type="text/html")
            case "slow":
                await anyio.sleep_forever()
                raise AssertionError  # nothing wakes it
            case _:
                return Response(status_code=int(self._mood))
