"""Who signs the request for a comment WebSocket: we, or a service of the user's own."""

from __future__ import annotations

import json
import re
from typing import Protocol
from urllib.parse import urlsplit

import httpx2

from hostcue.errors import ConfigError, HostcueError, SignerFailed
from hostcue.model.network import Proxies
from hostcue.platforms.douyin.signing import ws_signature, ws_stub
from hostcue.platforms.http import exchange, open_http

_REMEDY = "see that the service at HOSTCUE_DOUYIN_SIGNER_URL runs, or unset it to sign here"
_SIGNATURE = re.compile(r"[\x21-\x7e]{8,512}")


class Signer(Protocol):
    """Signs connections."""

    async def sign(
        self, room_id: str, user_unique_id: str, *, user_agent: str, counter: int
    ) -> str:
        """The `signature` of one connection, the `counter`th of its session.

        Raises:
            SignerFailed: there is none.
        """
        ...


class OwnSigner:
    """Signs as the web page of 2026 does, without running its script."""

    async def sign(
        self,
        room_id: str,
        user_unique_id: str,
        *,
        user_agent: str,
        counter: int,
    ) -> str:
        """See `Signer.sign`."""
        return ws_signature(room_id, user_unique_id, counter=counter)


class SignerService:
    """Asks a service: POST `{"stub", "user_agent"}`, answered by `{"signature"}`.

    For when the platform has changed its signature and hostcue does not know yet. No text of it
    holds the URL, whose user and query may be secrets.
    """

    def __init__(self, url: str, *, proxies: Proxies, timeout_s: float = 10.0) -> None:
        """Raise `ConfigError` for what is no http(s) URL."""
        try:
            parts = urlsplit(url)
            good = parts.scheme in {"http", "https"} and bool(parts.hostname)
        except ValueError:
            good = False
        if not good:
            raise ConfigError(
                "the signature service's address is no http(s) URL",
                field="HOSTCUE_DOUYIN_SIGNER_URL",
                remedy="write it like http://127.0.0.1:8090/sign",
            )
        self._url = url
        self._proxies = proxies
        self._timeout_s = timeout_s

    async def sign(
        self,
        room_id: str,
        user_unique_id: str,
        *,
        user_agent: str,
        counter: int,
    ) -> str:
        """See `Signer.sign`."""
        question = {"stub": ws_stub(room_id, user_unique_id).hex(), "user_agent": user_agent}
        try:
            async with open_http(self._proxies, timeout_s=self._timeout_s) as http:
                request = http.build_request("POST", self._url, json=question)
                response = await exchange(http, request, timeout_s=self._timeout_s)
        except (HostcueError, httpx2.InvalidURL):
            raise SignerFailed("the signature service cannot be reached", remedy=_REMEDY) from None
        if not response.is_success:
            raise SignerFailed(
                f"the signature service answers HTTP {response.status_code}", remedy=_REMEDY
            )
        return _signature(response.content)


def _signature(body: bytes) -> str:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    signature = answer.get("signature") if isinstance(answer, dict) else None
    if not (isinstance(signature, str) and _SIGNATURE.fullmatch(signature)):
        raise SignerFailed("the signature service answers without a signature", remedy=_REMEDY)
    return signature
