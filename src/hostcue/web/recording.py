"""`/api/recording/*`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import anyio
from fastapi import APIRouter, Query, Response
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from hostcue.errors import NotFound
from hostcue.model.event import Event
from hostcue.web import sse
from hostcue.web.contract.common import Id
from hostcue.web.contract.recording import (
    RecordingStart,
    RecordingStarted,
    RecordingStatusBody,
    RecordingStop,
    SegmentBody,
)
from hostcue.web.errors import HostcueRoute, about
from hostcue.web.state import ServiceOf

router = APIRouter(prefix="/api/recording", tags=["recording"], route_class=HostcueRoute)

_MEDIA_TYPES = {
    ".mp4": "video/mp4",
    ".ts": "video/mp2t",
    ".mkv": "video/x-matroska",
    ".flv": "video/x-flv",
}
RecordingId = Annotated[Id | None, Query(description="One recording; without it all of them")]
Seq = Annotated[int, PathParameter(ge=0, le=2**31)]


@router.post("/start")
async def start_recording(body: RecordingStart, service: ServiceOf) -> RecordingStarted:
    """Record a room in segments until it is stopped or the broadcast ends."""
    with about("live_url"):
        recording, already = await service.supervisor.start(body.plan())
    return RecordingStarted(
        recording_id=recording.id, output=recording.output, already_running=already
    )


@router.post("/stop")
async def stop_recording(body: RecordingStop, service: ServiceOf) -> RecordingStatusBody:
    """Stop; the last, shorter segment is announced before the answer."""
    return RecordingStatusBody.of(await service.supervisor.stop(body.recording_id))


@router.get("/status")
async def recording_status(
    service: ServiceOf, recording_id: RecordingId = None
) -> RecordingStatusBody | list[RecordingStatusBody]:
    """One recording as it stands, or all of them, the newest first."""
    if recording_id is not None:
        return RecordingStatusBody.of(await service.supervisor.status(recording_id))
    return [RecordingStatusBody.of(status) for status in await service.supervisor.every()]


@router.get(
    "/events",
    response_class=EventSourceResponse,
    responses=sse.described(
        "segment_ready",
        {
            "recording_id": "3f9a1c0b77de",
            "seq": 12,
            "path": "records/douyin/小满的鞋铺/2026-11-24/小满的鞋铺_20261124_203000_012.mp4",
            "start_ts": 1764000000000,
            "end_ts": 1764000300000,
        },
    ),
)
async def recording_events(
    service: ServiceOf,
    recording_id: RecordingId = None,
    last_event_id: sse.LastEventId = None,
) -> AsyncIterator[ServerSentEvent]:
    """Segments, states, gaps and tips as they come."""

    async def replay(after: int) -> list[Event]:
        return await service.outbox.after("recording", recording_id, after, 200)

    def wanted(subject: str) -> bool:
        return recording_id in (None, subject)

    async for message in sse.stream(service, "recording", wanted, last_event_id, replay):
        yield message


@router.get("/segments")
async def recorded_segments(
    service: ServiceOf,
    recording_id: RecordingId = None,
    after: Annotated[int | None, Query(ge=-1, le=2**31, description="Only above this seq")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[SegmentBody]:
    """Rows of the segment index: of one recording by seq, of all the newest first."""
    rows = await service.segments.page(recording_id, after=after, limit=limit)
    return [SegmentBody.of(row) for row in rows]


@router.get(
    "/segments/{recording_id}/{seq}/media",
    response_class=FileResponse,
    responses={200: {"content": {"video/mp4": {}}}, 206: {"description": "A part of the file"}},
)
async def segment_media(recording_id: Id, seq: Seq, service: ServiceOf) -> FileResponse:
    """The media file; Range requests are answered."""
    segment = await service.segments.get(recording_id, seq)
    path = anyio.Path(segment.file.path)
    if not await path.is_file():
        raise NotFound(
            f"the file of segment {seq} is gone",
            field="seq",
            remedy="it was moved or deleted outside hostcue",
        )
    return FileResponse(path, media_type=_MEDIA_TYPES.get(Path(path).suffix))


@router.get(
    "/segments/{recording_id}/{seq}/frame",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}},
)
async def segment_frame(recording_id: Id, seq: Seq, service: ServiceOf) -> Response:
    """A JPEG of the segment."""
    return Response(await service.pictures.of(recording_id, seq), media_type="image/jpeg")
