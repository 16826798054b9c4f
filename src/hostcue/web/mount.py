"""hostcue inside an existing FastAPI app."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import anyio
import structlog
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Match

from hostcue.errors import ConfigError
from hostcue.web import (
    analysis,
    comment_store,
    comments,
    digest,
    disk,
    notifications,
    pages,
    recording,
    relay,
    speech,
    system,
)
from hostcue.web.auth import guard
from hostcue.web.contract.common import ErrorBody
from hostcue.web.stopping import streams_end_first
from hostcue.wiring import PARTS, Opener, Part, open_from_environment

log = structlog.get_logger(__name__)

_ROUTERS: dict[Part, tuple[APIRouter, ...]] = {
    "recording": (recording.router, disk.router, notifications.router),
    "analysis": (analysis.router,),
    "comments": (comments.router, comment_store.router, digest.router, relay.router),
    "speech": (speech.router,),
    "pages": (pages.router,),
}
_ERRORS: dict[int | str, dict[str, object]] = {
    status: {"model": ErrorBody}
    for status in (400, 401, 403, 404, 409, 413, 422, 429, 500, 502, 503, 507)
}


def mount(
    app: FastAPI, *, parts: Collection[Part] = PARTS, opener: Opener = open_from_environment
) -> None:
    """Put hostcue's routes and its life beside those of `app`.

    The app keeps its own lifespan, authentication, CORS and error handlers. Settings come from
    the environment and `.env` when the app starts, unless `opener` does otherwise. A part that
    is left out brings neither routes nor work: without `analysis` no model is ever called.

    Raises:
        ConfigError: an unknown part, or a route that the app has already.
    """
    unknown = set(parts) - set(PARTS)
    if unknown:
        raise ConfigError(
            f"unknown part {min(unknown)!r}",
            field="parts",
            remedy="choose from " + ", ".join(PARTS),
        )

    @asynccontextmanager
    async def life(host: FastAPI) -> AsyncIterator[None]:
        cancelled = False
        try:
            async with opener(parts) as service:
                host.state.hostcue = service
                with streams_end_first(service):
                    try:
                        yield
                    except anyio.get_cancelled_exc_class():
                        cancelled = True
                        raise
        except BaseExceptionGroup:
            if cancelled:  # by the service: better no server than one that records nothing
                log.critical("service_broke", exc_info=True)
                signal.raise_signal(signal.SIGTERM)
            raise
        finally:
            host.state.hostcue = None

    whole = APIRouter(lifespan=life)
    whole.include_router(system.open_router, responses=_ERRORS)
    chosen = [router for part in PARTS if part in parts for router in _ROUTERS[part]]
    for router in [system.router, *chosen]:
        whole.include_router(router, dependencies=[Depends(guard)], responses=_ERRORS)
    _refuse_conflicts(app, [system.open_router, system.router, *chosen])
    app.include_router(whole)


def _refuse_conflicts(app: FastAPI, routers: Collection[APIRouter]) -> None:
    for router in routers:
        for route in router.routes:
            if not isinstance(route, APIRoute):
                continue
            path = route.path.replace("{", "").replace("}", "").replace(":path", "")
            for method in route.methods or ():
                scope = {
                    "type": "http",
                    "method": method,
                    "path": path,
                    "root_path": "",
                    "headers": [],
                }
                if any(taken.matches(dict(scope))[0] is Match.FULL for taken in app.router.routes):
                    raise ConfigError(
                        f"the app already has a route {method} {route.path}",
                        field="parts",
                        remedy="leave out the part it belongs to, or move the app's own route",
                    )
