"""`/api/live_audio/*`: what the host said, as the user's own recogniser heard it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from hostcue.web.contract.comments import Accepted
from hostcue.web.contract.common import Id, Milliseconds
from hostcue.web.contract.speech import TranscriptIngest, UtteranceBody
from hostcue.web.errors import HostcueRoute
from hostcue.web.state import ServiceOf

router = APIRouter(prefix="/api/live_audio", tags=["speech"], route_class=HostcueRoute)


@router.post("/transcriptions")
async def ingest_transcript(body: TranscriptIngest, service: ServiceOf) -> Accepted:
    """Take speech from the user's own recogniser; analysis reads it like our own."""
    added = await service.utterances.add(body.rows())
    return Accepted(accepted=added, duplicates=len(body.utterances) - added)


@router.get("/transcript")
async def transcript_between(
    service: ServiceOf,
    room_id: Id,
    start_ts: Milliseconds,
    end_ts: Milliseconds,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 2000,
) -> list[UtteranceBody]:
    """The utterances that touch `[start_ts, end_ts)`, oldest first."""
    rows = await service.utterances.between(room_id, start_ts, end_ts, limit)
    return [
        UtteranceBody(id=row.id, start_ts=row.start_ms, end_ts=row.end_ms, text=row.text)
        for row in rows
    ]
