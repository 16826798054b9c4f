"""hostcue as an app of its own."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.middleware.cors import CORSMiddleware

from hostcue.web.auth import guard
from hostcue.web.errors import HostcueRoute, http_error
from hostcue.web.mount import mount
from hostcue.wiring import Opener

_router = APIRouter(route_class=HostcueRoute)


@_router.get("/openapi.json", dependencies=[Depends(guard)], include_in_schema=False)
async def description(request: Request) -> JSONResponse:
    """The API's description, for those who may use the API."""
    return JSONResponse(request.app.openapi())


def create_app(opener: Opener, *, origins: Sequence[str] = ()) -> FastAPI:
    """The app that `hostcue serve` serves: every part, and CORS for the listed origins."""
    app = FastAPI(
        title="hostcue",
        description="What a live-commerce host could say next, with the evidence for it.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    mount(app, opener=opener)
    app.include_router(_router)
    for status in (404, 405):
        app.add_exception_handler(status, http_error)
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "POST", "PUT"],
            allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
            max_age=600,
        )
    return app
