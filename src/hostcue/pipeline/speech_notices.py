"""What an operator should know of listening."""

from __future__ import annotations

from collections.abc import Sequence

from hostcue.model.clock import now_ms
from hostcue.pipeline.folders import room_key
from hostcue.pipeline.live_audio import LiveAudio, SpeechHealth, SpeechSessionStatus
from hostcue.pipeline.notices import Notice

_DOWN_MS = 60_000
_LEAST_S = 60.0
_POOR = 0.8


def speech_notices(live_audio: LiveAudio) -> list[Notice]:
    """What is wrong at this moment.

    Nothing is wrong where the extra is not installed: nobody wants to listen there.
    """
    health, sessions = live_audio.health(), live_audio.every()
    newest = {room_key(session.room, session.session_id): session for session in sessions}
    found = [notice for session in newest.values() for notice in _of_session(session)]
    found += _down(health, sessions)
    unheard = live_audio.unheard()
    if unheard and health.extra_installed and health.state == "missing":
        found.append(
            Notice(
                "speech_missing",
                "service",
                min(recorded.since_ms for recorded in unheard),
                "what the host says is not written down: the model is missing or damaged",
                health.remedy or "see `hostcue models list`; or set HOSTCUE_SPEECH=off",
            )
        )
    full = [recorded for recorded in unheard if recorded.refusal == "limit_reached"]
    if full:
        names = ", ".join(recorded.room.anchor_name for recorded in full[:3])
        found.append(
            Notice(
                "speech_limit",
                "service",
                min(recorded.since_ms for recorded in full),
                f"{len(full)} recorded rooms are not listened to live, {health.most} are: {names}",
                "raise HOSTCUE_MAX_LISTENING; their segments are heard afterwards",
            )
        )
    return found


def _of_session(session: SpeechSessionStatus) -> list[Notice]:
    name, tally = session.room.anchor_name, session.tally
    if session.state == "failed":
        return [
            Notice(
                "speech_failed",
                session.room.live_id,
                session.since_ms,
                f"listening to {name} failed ({session.reason})",
                "start it again; the log says more",
            )
        ]
    running = session.state != "stopped"
    if running and tally.received_s >= _LEAST_S and tally.coverage < _POOR:
        return [
            Notice(
                "speech_poor",
                session.room.live_id,
                session.started_ms,
                f"only {tally.coverage:.0%} of what was said in {name}'s room could be heard live",
                "the machine is too slow for so many rooms: lower HOSTCUE_MAX_LISTENING, or raise "
                "HOSTCUE_SPEECH_WORKERS where cores are idle; segments are heard afterwards",
            )
        ]
    return []


def _down(health: SpeechHealth, sessions: Sequence[SpeechSessionStatus]) -> list[Notice]:
    """The recogniser gives no answers, for so long that it is no mere restart."""
    waiting = [session.since_ms for session in sessions if session.state == "waiting"]
    if not waiting or health.state == "missing" or now_ms() - min(waiting) < _DOWN_MS:
        return []
    return [
        Notice(
            "speech_down",
            "service",
            min(waiting),
            "the recogniser does not work: what is said is not written down",
            health.remedy or "it is started again and again; the log says why it ends",
        )
    ]
