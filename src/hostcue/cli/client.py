"""Talks to a running server, as any client would."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import httpx2

from hostcue.errors import AuthRequired, HostcueError, TransportFailed

Json = dict[str, object]


class Client:
    """The part of the API that commands use; errors come back as the server worded them."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http

    @classmethod
    @asynccontextmanager
    async def open(
        cls, server: str, token: str | None, *, timeout_s: float = 30
    ) -> AsyncIterator[Client]:
        """Connect to `server`, an origin such as `http://127.0.0.1:10090`."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx2.AsyncClient(
            base_url=server, headers=headers, timeout=timeout_s, trust_env=False
        ) as http:
            yield cls(http)

    async def get(self, path: str, **query: str | int | None) -> object:
        """GET, as JSON."""
        params = {key: value for key, value in query.items() if value is not None}
        return await self._json("GET", path, params=params)

    async def post(self, path: str, body: Json) -> Json:
        """POST a JSON object, get one back."""
        return cast("Json", await self._json("POST", path, json=body))

    async def chunks(self, path: str, **query: str | int) -> AsyncIterator[bytes]:
        """GET a file, piece by piece."""
        try:
            async with self._http.stream("GET", path, params=query, timeout=60) as response:
                if response.status_code != 200:
                    await response.aread()
                    raise _error(response)
                async for chunk in response.aiter_bytes():
                    yield chunk
        except httpx2.TransportError as exc:
            raise _unreachable(str(self._http.base_url)) from exc

    async def events(self, path: str) -> AsyncIterator[tuple[str, Json]]:
        """The events of a stream as (type, data), until the server ends it."""
        try:
            async with self._http.stream("GET", path, timeout=None) as response:
                if response.status_code != 200:
                    await response.aread()
                    raise _error(response)
                async for line in response.aiter_lines():
                    if line.startswith("data: "):
                        message = json.loads(line.removeprefix("data: "))
                        yield str(message["type"]), message["data"]
        except httpx2.TransportError as exc:
            raise _unreachable(str(self._http.base_url)) from exc

    async def _json(self, method: str, path: str, **arguments: object) -> object:
        try:
            response = await self._http.request(method, path, **arguments)  # type: ignore[arg-type] # params or json
        except httpx2.TransportError as exc:
            raise _unreachable(str(self._http.base_url)) from exc
        if response.status_code >= 400:
            raise _error(response)
        value: object = response.json()
        return value


def _unreachable(server: str) -> TransportFailed:
    return TransportFailed(
        f"no hostcue answers at {server}", remedy="start it with `hostcue serve`"
    )


def _error(response: httpx2.Response) -> HostcueError:
    try:
        detail = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        return HostcueError(f"the server answered {response.status_code}")
    if response.status_code in {401, 403}:
        return AuthRequired(detail["message"], remedy="set HOSTCUE_TOKEN to the server's token")
    return HostcueError(detail["message"], field=detail.get("field"), remedy=detail.get("remedy"))
