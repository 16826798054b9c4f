"""`/api/live_audio/*`: what the host says, heard here or by the user's own recogniser."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from hostcue.model.event import Event
from hostcue.model.window import Window
from hostcue.storage.speech_spans import share_heard
from hostcue.web import sse
from hostcue.web.contract.comments import Accepted
from hostcue.web.contract.common import Id, Milliseconds
from hostcue.web.contract.live_audio_start import (
    LiveAudioStart,
    LiveAudioStarted,
    LiveAudioStop,
    SegmentAsked,
    SegmentToHear,
)
from hostcue.web.contract.live_audio_status import (
    HeardSpan,
    LiveAudioCoverage,
    LiveAudioHealth,
    LiveAudioStatus,
)
from hostcue.web.contract.speech import SentenceBody, TranscriptIngest
from hostcue.web.errors import HostcueRoute, about
from hostcue.web.state import ServiceOf

router = APIRouter(prefix="/api/live_audio", tags=["speech"], route_class=HostcueRoute)

_PAGE = 200

OneSession = Annotated[Id | None, Query(description="Which session; without it the newest")]


@router.post("/start")
async def start_listening(body: LiveAudioStart, service: ServiceOf) -> LiveAudioStarted:
    """Listen to a room: with its recording, over the same connection, or without recording it.

    A room that is listened to goes on under its session; where the later request says how to
    listen, that is taken over.
    """
    with about("live_url" if body.live_url else "recording_id"):
        status, already = await service.live_audio.start(
            link=body.link,
            recording_id=body.recording_id,
            plan=body.plan(service.live_audio.usual),
            access=body.access,
        )
    return LiveAudioStarted.of(status, already=already)


@router.post("/stop")
async def stop_listening(body: LiveAudioStop, service: ServiceOf) -> LiveAudioStatus:
    """Stop; the last sentences are stored and told before the answer."""
    stopped = await service.live_audio.stop(body.session_id)
    return LiveAudioStatus.of(stopped, service.live_audio.health())


@router.get("/status")
async def listening_status(service: ServiceOf, session_id: OneSession = None) -> LiveAudioStatus:
    """How listening to one room goes."""
    status = service.live_audio.status(session_id)
    return LiveAudioStatus.of(status, service.live_audio.health())


@router.get("/sessions")
async def listening_sessions(service: ServiceOf) -> list[LiveAudioStatus]:
    """How listening goes in every room: the last that ended, then those under way."""
    health = service.live_audio.health()
    return [LiveAudioStatus.of(status, health) for status in service.live_audio.every()]


@router.get("/health")
async def listening_health(service: ServiceOf) -> LiveAudioHealth:
    """Whether rooms can be listened to, and what to do when not; loads and starts nothing."""
    return LiveAudioHealth.of(service.live_audio.health())


@router.get(
    "/events",
    status_code=200,  # else FastAPI looks for one in the class
    response_class=sse.EventStream,
    responses=sse.described(
        "final",
        {
            "session_id": "4be1c09d22aa",
            "room_id": "7576912345678901234",
            "id": "4be1-17",
            "start_ts": 1764000010000,
            "end_ts": 1764000012500,
            "text": "这双鞋偏大半码。",
        },
    ),
)
async def speech_events(
    service: ServiceOf,
    last_event_id: sse.ResumeAfter,
    room_id: Annotated[Id | None, Query(description="Only of this broadcast")] = None,
    session_id: Annotated[Id | None, Query(description="Only of this session")] = None,
) -> sse.EventStream:
    """What the host says, as it comes: `partial`, `final`, `gap`, `state`, `level`.

    Partials and levels are live only; the rest is kept for who was away.
    """

    def wanted(event: Event) -> bool:
        return room_id in {None, event.subject} and session_id in {
            None,
            event.data.get("session_id"),
        }

    async def replay(after: int) -> list[Event]:
        return await service.outbox.with_utterances_after(room_id, after, _PAGE)

    return sse.stream(service, "speech", wanted, last_event_id, replay)


@router.post("/segments", status_code=202)
async def hear_segment(body: SegmentToHear, service: ServiceOf) -> SegmentAsked:
    """Hear a recorded segment where no session did; what is heard comes as events."""
    asked = await service.live_audio.transcribe_segment(body.recording_id, body.seq)
    return SegmentAsked(
        recording_id=body.recording_id,
        seq=body.seq,
        unheard_s=asked["unheard_s"],
        waiting=int(asked["waiting"]),
    )


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
) -> list[SentenceBody]:
    """The utterances that touch `[start_ts, end_ts)`, oldest first."""
    rows = await service.utterances.between(room_id, start_ts, end_ts, limit)
    return [SentenceBody.of(row) for row in rows]


@router.get("/coverage")
async def listened_to(
    service: ServiceOf, room_id: Id, start_ts: Milliseconds, end_ts: Milliseconds
) -> LiveAudioCoverage:
    """How much of `[start_ts, end_ts)` was listened to, and which spans of it."""
    if end_ts <= start_ts:
        return LiveAudioCoverage(coverage=1.0, heard=[])
    window = Window(start_ts, end_ts)
    heard = await service.speech_spans.within(room_id, window)
    return LiveAudioCoverage(
        coverage=share_heard(heard, window),
        heard=[HeardSpan(start_ts=span.start_ms, end_ts=span.end_ms) for span in heard],
    )
