"""`/api/recording/*`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated

import anyio
from fastapi import APIRouter, Query, Response
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse
from starlette.types import Receive, Scope, Send

from hostcue.errors import NotFound
from hostcue.model.disk import DISK
from hostcue.model.event import Event
from hostcue.web import sse
from hostcue.web.contract.common import ErrorBody, Id
from hostcue.web.contract.recording import RecordingStatusBody, SegmentBody
from hostcue.web.contract.start import RecordingStart, RecordingStarted, RecordingStop
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


class _MediaResponse(FileResponse):
    """A segment's file, which is not deleted while it is sent."""

    def __init__(
        self, path: anyio.Path, *, media_type: str | None, reading: AbstractContextManager[None]
    ) -> None:
        super().__init__(path, media_type=media_type)
        self._reading = reading

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._reading:
            await super().__call__(scope, receive, send)


@router.post("/start")
async def start_recording(body: RecordingStart, service: ServiceOf) -> RecordingStarted:
    """Record a room in segments until it is stopped or the broadcast ends.

    With `monitor` the room need not be live: it is watched and recorded each time it is, until it
    is stopped. A room that is recorded or watched already goes on under its id; `monitor` with its
    showtimes, `cookie` and `proxy` are taken over from the later request, the rest is not.
    """
    with about("live_url"):
        recording, already = await service.supervisor.start(body.plan())
    return RecordingStarted(
        recording_id=recording.id, output=recording.output, already_running=already
    )


@router.post("/stop")
async def stop_recording(body: RecordingStop, service: ServiceOf) -> RecordingStatusBody:
    """Stop; the last, shorter segment is announced before the answer."""
    stopped = await service.supervisor.stop(body.recording_id)
    return RecordingStatusBody.of(stopped, service.disk.guard.status)


@router.get("/status")
async def recording_status(
    service: ServiceOf,
    recording_id: RecordingId = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[
        int | None,
        Query(
            ge=0,
            le=2**53,
            description="Only started before this moment: `started_at` of the page's `limit`-th",
        ),
    ] = None,
) -> RecordingStatusBody | list[RecordingStatusBody]:
    """One recording as it stands, or the newest `limit`, the newest first.

    What runs is always among them, however old, but on later pages (`before`); so are all that were
    started in one millisecond.
    """
    disk = service.disk.guard.status
    if recording_id is not None:
        return RecordingStatusBody.of(await service.supervisor.status(recording_id), disk)
    found = await service.supervisor.newest(limit, before_ms=before)
    return [RecordingStatusBody.of(status, disk) for status in found]


@router.get(
    "/events",
    status_code=200,  # else FastAPI looks for one in the class
    response_class=sse.EventStream,
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
    last_event_id: sse.ResumeAfter,
    recording_id: RecordingId = None,
) -> sse.EventStream:
    """Segments, states, gaps and tips as they come; what the disk does concerns all recordings."""

    async def replay(after: int) -> list[Event]:
        return await service.outbox.after("recording", recording_id, after, 200)

    def wanted(event: Event) -> bool:
        return recording_id in (None, event.subject) or event.subject == DISK

    return sse.stream(service, "recording", wanted, last_event_id, replay)


@router.get("/segments")
async def recorded_segments(
    service: ServiceOf,
    recording_id: RecordingId = None,
    after: Annotated[int | None, Query(ge=-1, le=2**31, description="Only above this seq")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[SegmentBody]:
    """Rows of the segment index: of one recording by seq, of all the newest first."""
    rows = await service.segments.page(recording_id, after=after, limit=limit)
    gaps = await service.gaps.before(rows)
    return [SegmentBody.of(row, gaps.get((row.recording_id, row.seq))) for row in rows]


@router.get(
    "/segments/{recording_id}/{seq}/media",
    response_class=FileResponse,
    responses={
        200: {"content": {"video/mp4": {}}},
        206: {"description": "A part of the file"},
        410: {"model": ErrorBody},
    },
)
async def segment_media(recording_id: Id, seq: Seq, service: ServiceOf) -> FileResponse:
    """The media file; Range requests are answered."""
    segment = await service.segments.with_file(recording_id, seq)
    path = anyio.Path(segment.file.path)
    if not await path.is_file():
        raise NotFound(
            f"the file of segment {seq} is gone",
            field="seq",
            remedy="it was moved or deleted outside hostcue",
        )
    return _MediaResponse(
        path,
        media_type=_MEDIA_TYPES.get(Path(path).suffix),
        reading=service.disk.retention.reading(recording_id, seq),
    )


@router.get(
    "/segments/{recording_id}/{seq}/frame",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}, 410: {"model": ErrorBody}},
)
async def segment_frame(recording_id: Id, seq: Seq, service: ServiceOf) -> Response:
    """A JPEG of the segment."""
    return Response(await service.pictures.of(recording_id, seq), media_type="image/jpeg")
