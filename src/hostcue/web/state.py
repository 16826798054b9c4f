"""How a route finds the running service."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from hostcue.errors import Conflict
from hostcue.wiring import Service


async def service_of(request: Request) -> Service:
    """The service that the app's lifespan opened.

    Raises:
        Conflict: the app runs without its lifespan (some test clients and servers skip it).
    """
    service = getattr(request.app.state, "hostcue", None)
    if not isinstance(service, Service):
        raise Conflict(
            "hostcue is not running: the app's lifespan was not entered",
            remedy="serve the app with uvicorn's default lifespan handling",
        )
    return service


ServiceOf = Annotated[Service, Depends(service_of)]
