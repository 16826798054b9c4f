"""Bodies that say how listening goes."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from hostcue.model.speech import Level, SpeechState
from hostcue.pipeline.live_audio_status import (
    SpeechEngineState,
    SpeechHealth,
    SpeechMode,
    SpeechSessionStatus,
)
from hostcue.web.contract.common import Answer, example
from hostcue.web.contract.remedies import speech_remedy_for


class LevelBody(Answer):
    """How loud it was of late (root mean square, 0..1), and whether somebody speaks."""

    ts: int
    rms: float
    speaking: bool

    @classmethod
    def of(cls, level: Level) -> Self:
        """From the model."""
        return cls(ts=level.at_ms, rms=level.rms, speaking=level.speaking)


class LiveAudioStatus(Answer):
    """One room that is listened to, or was.

    Seconds of sound: `received_s` = `heard_s` + what was dropped + `held_s`, which waits; of what
    was heard `speech_s` went to the recogniser. `coverage` is the share that was not dropped,
    `lag_s` how far the last known word is behind the sound. `remedy` says what can be done about
    `reason`.
    """

    model_config = example(
        session_id="4be1c09d22aa",
        is_running=True,
        platform="douyin",
        live_id="80017709309",
        room_id="7576912345678901234",
        live_url="https://live.douyin.com/80017709309",
        anchor_name="小满的鞋铺",
        recording_id="3f9a1c0b77de",
        mode="recording",
        profile="fast",
        model="sensevoice-int8",
        language="zh",
        partials=False,
        state="listening",
        reason="",
        remedy="",
        since_ts=1764000000000,
        started_at=1764000000000,
        coverage=1.0,
        lag_s=0.7,
        received_s=1800.0,
        heard_s=1799.2,
        speech_s=1310.4,
        held_s=0.8,
        dropped_s={},
        utterances=402,
        empty=11,
        retried=0,
        events={"BGM": 31},
        level={"ts": 1764001800000, "rms": 0.08, "speaking": True},
        waiting=0,
    )
    session_id: str
    is_running: bool
    platform: str
    live_id: str
    room_id: str
    live_url: str
    anchor_name: str
    recording_id: str | None = None
    mode: SpeechMode = Field(
        description="`recording`: over its connection; `room`: over one of its own"
    )
    profile: str
    model: str
    language: str
    partials: bool
    state: SpeechState
    reason: str
    remedy: str
    since_ts: int
    started_at: int
    coverage: float
    lag_s: float
    received_s: float
    heard_s: float
    speech_s: float
    held_s: float
    dropped_s: dict[str, float] = Field(description="By the cause of the gap")
    utterances: int = Field(description="Stretches of speech with text")
    empty: int = Field(description="Stretches of speech without")
    retried: int
    events: dict[str, int] = Field(description="How many stretches bore which tag of the model")
    level: LevelBody | None
    waiting: int = Field(description="Stretches of all rooms that wait for the recogniser")

    @classmethod
    def of(cls, status: SpeechSessionStatus, health: SpeechHealth) -> Self:
        """From the flow."""
        tally, plan, room = status.tally, status.plan, status.room
        return cls(
            session_id=status.session_id,
            is_running=status.state not in {"stopped", "failed"},
            platform=room.platform,
            live_id=room.live_id,
            room_id=room.room_id,
            live_url=status.live_url,
            anchor_name=room.anchor_name,
            recording_id=status.recording_id,
            mode=status.mode,
            profile=plan.profile,
            model=status.model,
            language=plan.language,
            partials=plan.partials,
            state=status.state,
            reason=status.reason,
            remedy=speech_remedy_for(status.reason),
            since_ts=status.since_ms,
            started_at=status.started_ms,
            coverage=tally.coverage,
            lag_s=tally.lag_s,
            received_s=tally.received_s,
            heard_s=tally.heard_s,
            speech_s=tally.speech_s,
            held_s=tally.held_s,
            dropped_s=dict(tally.dropped_s),
            utterances=tally.utterances,
            empty=tally.empty,
            retried=tally.retried,
            events=dict(tally.events),
            level=None if status.level is None else LevelBody.of(status.level),
            waiting=health.waiting,
        )


class LiveAudioHealth(Answer):
    """Whether rooms can be listened to; asking loads nothing and starts nothing.

    `error` is the code of what is missing, empty when nothing is, and `remedy` the command that
    mends it.
    """

    model_config = example(
        ready=False,
        state="missing",
        extra_installed=True,
        model="sensevoice-int8",
        model_present=False,
        vad_present=False,
        error="speech_missing",
        remedy="hostcue models pull sensevoice-int8",
        waiting=0,
        sessions=0,
        max_sessions=8,
    )
    ready: bool
    state: SpeechEngineState
    extra_installed: bool
    model: str
    model_present: bool
    vad_present: bool
    error: str
    remedy: str
    waiting: int
    sessions: int
    max_sessions: int

    @classmethod
    def of(cls, health: SpeechHealth) -> Self:
        """From the flow."""
        return cls(
            ready=health.ready,
            state=health.state,
            extra_installed=health.extra_installed,
            model=health.model,
            model_present=health.model_found,
            vad_present=health.vad_found,
            error=health.error,
            remedy=health.remedy,
            waiting=health.waiting,
            sessions=health.sessions,
            max_sessions=health.most,
        )


class HeardSpan(Answer):
    """A span that was listened to, to its end."""

    start_ts: int
    end_ts: int


class LiveAudioCoverage(Answer):
    """How much of a window was listened to; what was said in the rest is not known.

    `coverage` is the share, 0..1. What your own recogniser sent does not count.
    """

    model_config = example(
        coverage=0.986,
        heard=[
            {"start_ts": 1764000000000, "end_ts": 1764000120000},
            {"start_ts": 1764000124200, "end_ts": 1764000300000},
        ],
    )
    coverage: float
    heard: list[HeardSpan]
