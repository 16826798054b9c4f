"""Who may use the API."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from hostcue.errors import HostcueError
from hostcue.model.network import is_loopback_host
from hostcue.web.state import ServiceOf

COOKIE = "hostcue_session"
OPEN_PATHS = frozenset({"/healthz", "/api/login"})
"""What answers without a token; `HostcueRoute` guards every other path."""

_PROXY_HEADERS = {
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "cf-connecting-ip",
    "true-client-ip",
}
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}

bearer = HTTPBearer(auto_error=False, description="HOSTCUE_TOKEN")


class Refused(HostcueError):
    """The request does not carry what it needs to be served; `status` is 401 or 403."""

    code = "unauthorized"

    def __init__(self, message: str, *, status: int, remedy: str) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status
        self.code = "unauthorized" if status == 401 else "forbidden"


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
            remedy="log in on the page, or send the value of HOSTCUE_TOKEN as Bearer token",
        )

    def _cookie_fits(self, request: Request) -> bool:
        cookie = request.cookies.get(COOKIE, "")
        return hmac.compare_digest(cookie.encode(), self.session_value().encode())

    def _check_loopback(self, request: Request) -> None:
        reason = self._not_from_here(request)
        if reason is not None:
            raise Refused(
                reason, status=403, remedy="set HOSTCUE_TOKEN and send it as Bearer token"
            )

    def _not_from_here(self, request: Request) -> str | None:
        """Why the request is not one of this machine's own user; None when it is."""
        headers = request.headers
        origin = headers.get("origin")
        friend = origin is not None and self._is_friend(origin, request)
        if not is_loopback_host(request.client.host if request.client else ""):
            return "without a token only this machine is served"
        if any(name in _PROXY_HEADERS or name.startswith("x-forwarded") for name in headers):
            return "without a token no proxy may stand in between"
        if not is_loopback_host(_host_in(f"//{headers.get('host', '')}")):
            return "without a token the Host must be a loopback name"
        if not friend and (origin is not None or headers.get("sec-fetch-site") == "cross-site"):
            return "without a token no other site's page may call"
        return None

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
        host = request.headers.get("host", "").lower()
        own = bool(_host_in(origin)) and urlsplit(origin).netloc.lower() == host
        return own or origin in self.origins


def _host_in(url: str) -> str:
    """The URL's host; empty when it has none, or one that cannot be read."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


async def guard(
    request: Request,
    service: ServiceOf,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> None:
    """The dependency of every route that is not in `OPEN_PATHS`.

    FastAPI reads a body before it calls a dependency, so `HostcueRoute` asks first; as a
    dependency it describes the routes, and holds where a route is of another class.
    """
    Access(service.token, service.origins).check(
        request, credentials.credentials if credentials else None
    )
