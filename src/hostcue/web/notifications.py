"""`/api/notifications/*`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from hostcue.web.contract.notifications import DeliveryBody, TestedBody
from hostcue.web.errors import HostcueRoute
from hostcue.web.state import ServiceOf

router = APIRouter(prefix="/api/notifications", tags=["notifications"], route_class=HostcueRoute)


@router.get("/deliveries")
async def deliveries(
    service: ServiceOf,
    after: Annotated[
        int | None, Query(ge=0, le=2**53, description="Only above this number")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[DeliveryBody]:
    """The messages of 30 days, oldest first: after a number, or without one the newest."""
    return [DeliveryBody.of(item) for item in await service.notifications.deliveries(after, limit)]


@router.post("/test")
async def test(service: ServiceOf) -> TestedBody:
    """Send a message marked as a test to every target, one try each, and say what became of it."""
    tried = await service.notifications.test()
    return TestedBody(deliveries=[DeliveryBody.of(item) for item in tried])
