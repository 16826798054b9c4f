"""Who may use the API."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from hostcue.model.network import is_loopback_host
from hostcue.web.errors import Refused
from hostcue.web.state import ServiceOf

COOKIE = "hostcue_session"
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}

bearer = HTTPBearer(auto_error=False, description="HOSTCUE_TOKEN")


@dataclass(frozen=True, slots=True)
class Access:
    """The rules: with a token, the token; without one, loopback and nothing else."""

    token: str | None
    origins: tuple[str, ...] = ()

    def session_value(self) -> str:
        """What the login cookie holds: derived from the token, useless for finding it out."""
        key = (self.token or "").encode()
        return hmac.new(key, b"hostcue session 1", hashlib.sha256).hexdigest()

    def knows(self, token: str) -> bool:
        """Whether this is the token; takes the same time whatever was tried."""
        return self.token is not None and hmac.compare_digest(token.encode(), self.token.encode())

    def check(self, request: Request, presented: str | None) -> None:
        """Let the request pass.

        Raises:
            Refused: 401 without the right token, 403 when it comes from where it may not.
        """
        if self.token is None:
            self._check_loopback(request)
            return
        if presented is not None:
            if self.knows(presented):
                return
        elif self._cookie_fits(request):
            self._check_same_origin(request)
            return
        raise Refused(
            "the token is missing or wrong" if presented is None else "the token is wrong",
            status=401,
            remedy="send Authorization: Bearer <HOSTCUE_TOKEN>, or log in on the page",
        )

    def _cookie_fits(self, request: Request) -> bool:
        cookie = request.cookies.get(COOKIE, "")
        return hmac.compare_digest(cookie.encode(), self.session_value().encode())

    def _check_loopback(self, request: Request) -> None:
        peer = request.client.host if request.client else ""
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
        origin = request.headers.get("origin")
        reason = None
        if not is_loopback_host(peer):
            reason = "without a token only this machine is served"
        elif any(name in request.headers for name in _FORWARDED):
            reason = "without a token no proxy may stand in between"
        elif not is_loopback_host(host):
            reason = "without a token the Host must be a loopback name"
        elif origin is not None and not self._is_friend(origin, request):
            reason = "without a token no other site's page may call"
        if reason is not None:
            raise Refused(
                reason, status=403, remedy="set HOSTCUE_TOKEN and send it as Bearer token"
            )

    def _check_same_origin(self, request: Request) -> None:
        """A cookie comes along by itself, so what changes something must come from our own page."""
        origin = request.headers.get("origin")
        foreign = origin is not None and not self._is_friend(origin, request)
        missing = origin is None and request.headers.get("sec-fetch-site", "same-origin") not in {
            "same-origin",
            "none",
        }
        if request.method not in _SAFE_METHODS and (foreign or missing):
            raise Refused(
                "this page may not act with the login cookie",
                status=403,
                remedy="use hostcue's own pages, or a Bearer token",
            )

    def _is_friend(self, origin: str, request: Request) -> bool:
        """Our own page, or one of the origins that the operator listed."""
        own = urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()
        return own or origin in self.origins


async def guard(
    request: Request,
    service: ServiceOf,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> None:
    """The dependency that every route but `/healthz` and the login has."""
    Access(service.token, service.origins).check(
        request, credentials.credentials if credentials else None
    )
