"""How listening stands, as others see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from hostcue.model.room import Room
from hostcue.model.speech import Level, SpeechPlan, SpeechState, SpeechTally
from hostcue.pipeline.live_audio_room import ListenedRoom
from hostcue.pipeline.live_audio_supply import Supply
from hostcue.speech.engine import EngineStatus

SpeechMode = Literal["recording", "room"]
"""`recording`: over the recorder's connection. `room`: over one of its own, nothing is recorded."""

SpeechEngineState = Literal["off", "missing", "idle", "loading", "ready", "down"]


@dataclass(frozen=True, slots=True)
class SpeechSessionStatus:
    """One room that is listened to, or was; `live_url` is for people, without secrets.

    `reason` is a code, empty when all is well; `since_ms` is when this state began.
    """

    session_id: str
    room: Room
    live_url: str
    recording_id: str | None
    mode: SpeechMode
    plan: SpeechPlan
    model: str
    state: SpeechState
    reason: str
    since_ms: int
    started_ms: int
    tally: SpeechTally = field(default_factory=SpeechTally)
    level: Level | None = None


@dataclass(frozen=True, slots=True)
class SpeechHealth:
    """Whether rooms can be listened to, and what is missing.

    `error` is a code, empty when all is well, `remedy` what to do then. `waiting` stretches of
    speech wait for the recogniser; of at most `most` rooms `sessions` are listened to.
    """

    ready: bool
    extra_installed: bool
    model: str
    model_found: bool
    vad_found: bool
    state: SpeechEngineState
    error: str
    remedy: str
    waiting: int
    sessions: int
    most: int


def health_of(
    found: Supply, engine: EngineStatus, waiting: int, *, off: bool, sessions: int, most: int
) -> SpeechHealth:
    """From what was found on this machine and what the engine says."""
    state: SpeechEngineState = engine.state
    error, remedy = engine.code, engine.remedy
    if off:
        state, error, remedy = "off", "", ""
    elif found.error is not None:
        state, error, remedy = "missing", found.error.code, found.error.remedy or ""
    elif state == "missing":  # it was when the engine looked last
        state, error, remedy = "idle", "", ""
    return SpeechHealth(
        ready=state not in {"off", "missing", "down"},
        extra_installed=found.extra_installed,
        model=found.model,
        model_found=found.model_found,
        vad_found=found.vad_found,
        state=state,
        error=error,
        remedy=remedy,
        waiting=waiting,
        sessions=sessions,
        most=most,
    )


def status_of(room: ListenedRoom, model: str) -> SpeechSessionStatus:
    """A session at this moment."""
    state, reason = room.state
    return SpeechSessionStatus(
        session_id=room.session_id,
        room=room.room,
        live_url=room.live_url,
        recording_id=room.recording_id,
        mode="room" if room.recording_id is None else "recording",
        plan=room.plan,
        model=model,
        state=state,
        reason=reason,
        since_ms=room.since_ms,
        started_ms=room.started_ms,
        tally=room.tally,
        level=room.session.level,
    )
