"""`/api/recording/disk`, `/pin` and `/cleanup`: space, and what is deleted for it."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter

from hostcue.errors import StorageFailed
from hostcue.model.retention import DeletedBy
from hostcue.web.contract.disk import CleanupAnswer, CleanupBody, DiskBody, PinBody
from hostcue.web.contract.recording import RecordingStatusBody
from hostcue.web.errors import HostcueRoute
from hostcue.web.state import ServiceOf

router = APIRouter(prefix="/api/recording", tags=["recording"], route_class=HostcueRoute)


@router.get("/disk")
async def disk(service: ServiceOf) -> DiskBody:
    """How much space is left, for how long, and what a cleanup would free."""
    status, retention = service.disk.guard.status, service.disk.retention
    if status is None:
        raise StorageFailed(
            "the disk does not answer",
            field="RECORDS_ROOT",
            remedy="check that the disk of RECORDS_ROOT is connected and readable",
        )
    reclaimable: Mapping[DeletedBy, int] = {}
    if retention.rules and not status.silent:  # a silent disk would keep this waiting too
        reclaimable = (await retention.plan()).bytes_by_rule
    return DiskBody.of(status, retention.rules, reclaimable)


@router.post("/pin")
async def pin_recording(body: PinBody, service: ServiceOf) -> RecordingStatusBody:
    """Keep a recording whatever the rules for old ones say, or no longer."""
    pinned = await service.supervisor.pin(body.recording_id, body.pinned)
    return RecordingStatusBody.of(pinned, service.disk.guard.status)


@router.post("/cleanup")
async def clean_up(body: CleanupBody, service: ServiceOf) -> CleanupAnswer:
    """Delete what the rules of the settings ask for, now; without rules nothing.

    More than half of everything is refused (409 `cleanup_refused`) unless `force` is given.
    """
    retention = service.disk.retention
    selection = await retention.plan() if body.dry_run else await retention.clean(force=body.force)
    return CleanupAnswer.of(selection, retention.rules, dry_run=body.dry_run)
