"""`/api/comments`: minutes, export, erasing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse

from hostcue.comments import csv_text
from hostcue.storage.comments import Comments
from hostcue.web.contract.comment_store import Erased, ErasedViewer, MinuteBody
from hostcue.web.contract.comments import CommentBody
from hostcue.web.contract.common import Id, Milliseconds
from hostcue.web.contract.recording import GapBody
from hostcue.web.errors import HostcueRoute
from hostcue.web.state import ServiceOf

router = APIRouter(prefix="/api/comments", tags=["comments"], route_class=HostcueRoute)

ExportFormat = Literal["csv", "jsonl"]
_TYPES: dict[ExportFormat, str] = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
}


@router.get("/minutes")
async def comment_minutes(
    service: ServiceOf,
    room_id: Id,
    start_ts: Milliseconds,
    end_ts: Milliseconds,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1440,
) -> list[MinuteBody]:
    """The minutes that begin in `[start_ts, end_ts)`, oldest first; empty ones are left out."""
    minutes = await service.comment_minutes.between(room_id, start_ts, end_ts, limit)
    return [MinuteBody.of(minute) for minute in minutes]


@router.get("/gaps")
async def comment_gaps(
    service: ServiceOf, room_id: Id, start_ts: Milliseconds, end_ts: Milliseconds
) -> list[GapBody]:
    """Where comments of `[start_ts, end_ts)` are missing, and why, oldest first.

    Some of what was sent in a gap may be there: the platform repeats the last lines.
    """
    return [GapBody.of(gap) for gap in await service.gaps.of_comments(room_id, start_ts, end_ts)]


@router.get(
    "/export",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}, "application/x-ndjson": {}}}},
)
async def export_comments(
    service: ServiceOf,
    room_id: Id,
    start_ts: Milliseconds,
    end_ts: Milliseconds,
    format: Annotated[ExportFormat, Query()] = "csv",  # noqa: A002 - the route's own word
) -> StreamingResponse:
    """All comments sent in `[start_ts, end_ts)`, oldest first, as a file.

    `csv` is for spreadsheets; `jsonl` has one object a line, as `GET /api/comments` answers.
    """
    part = _as_csv if format == "csv" else _as_jsonl
    return StreamingResponse(
        part(service.comments, room_id, start_ts, end_ts),
        media_type=_TYPES[format],
        headers={
            "Content-Disposition": f'attachment; filename="comments_{start_ts}_{end_ts}.{format}"'
        },
    )


@router.post("/erase")
async def erase_viewer(body: ErasedViewer, service: ServiceOf) -> Erased:
    """Delete what one viewer wrote, in all rooms; counts per minute stay, which name nobody."""
    care = service.comment_care
    if body.user_id is None:
        return Erased(comments=await care.erase(body.viewer))
    return Erased(comments=await care.erase_user(body.platform, body.user_id))


async def _as_csv(
    comments: Comments, room_id: str, start_ts: int, end_ts: int
) -> AsyncIterator[str]:
    yield csv_text.table_head()
    async for page in comments.pages(room_id, start_ts, end_ts):
        yield csv_text.table_rows(stored.comment for stored in page)


async def _as_jsonl(
    comments: Comments, room_id: str, start_ts: int, end_ts: int
) -> AsyncIterator[str]:
    async for page in comments.pages(room_id, start_ts, end_ts):
        yield "".join(f"{CommentBody.of(stored).model_dump_json()}\n" for stored in page)
