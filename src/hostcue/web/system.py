"""`/healthz`, the login, what is wrong now, and the API's description."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter, Request, Response

from hostcue.web.auth import COOKIE, Access, Refused
from hostcue.web.contract.common import Done, Health, Login, NoticeBody
from hostcue.web.errors import HostcueRoute
from hostcue.web.state import ServiceOf

open_router = APIRouter(tags=["system"], route_class=HostcueRoute)
"""What answers without a token."""

router = APIRouter(prefix="/api", tags=["system"], route_class=HostcueRoute)


@open_router.get("/healthz")
async def health(service: ServiceOf) -> Health:
    """Whether the service answers."""
    return Health(status="stopping" if service.stopping else "ok", version=version("hostcue"))


@open_router.post("/api/login")
async def login(body: Login, request: Request, response: Response, service: ServiceOf) -> Done:
    """Exchange the token for a cookie, which pages need: `EventSource` cannot send headers."""
    access = Access(service.token, service.origins)
    if access.token is None:
        access.check(request, None)
        return Done()
    if not access.knows(body.token):
        raise Refused("the token is wrong", status=401, remedy="it is the value of HOSTCUE_TOKEN")
    response.set_cookie(
        COOKIE,
        access.session_value(),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        max_age=7 * 24 * 3600,
    )
    return Done()


@router.post("/logout")
async def logout(response: Response) -> Done:
    """Forget the cookie."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return Done()


@router.get("/notices")
async def notices(service: ServiceOf) -> list[NoticeBody]:
    """What silently stopped, and what to do about it; empty when all is well."""
    return [
        NoticeBody(
            code=notice.code,
            subject=notice.subject,
            since=notice.since_ms,
            message=notice.message,
            remedy=notice.remedy,
        )
        for notice in await service.notices.now()
    ]
