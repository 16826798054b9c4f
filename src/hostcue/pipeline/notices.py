"""What an operator should know without asking: what silently stopped, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hostcue.model.clock import now_ms
from hostcue.model.recording import Recording
from hostcue.pipeline.chats import Chats, ChatStatus
from hostcue.pipeline.session import RecordingSession
from hostcue.pipeline.supervisor import Supervisor
from hostcue.storage.analyses import Analyses
from hostcue.storage.recordings import Recordings
from hostcue.storage.tips import Tips

_TEMPLATES_BECAUSE = {
    "no_key": (
        "no model key is set: lines come from templates",
        "set DASHSCOPE_API_KEY and start again",
    ),
    "auth_required": (
        "the model service refuses the key: lines come from templates",
        "check DASHSCOPE_API_KEY and that it belongs to the region of HOSTCUE_QWEN_BASE_URL",
    ),
    "rate_limited": (
        "the model service is over its limit: lines come from templates",
        "wait, or raise the limit of the account",
    ),
}


@dataclass(frozen=True, slots=True)
class Notice:
    """`subject` is a recording, a room, or `service`; `code` is stable."""

    code: str
    subject: str
    since_ms: int
    message: str
    remedy: str


class Notices:
    """Looks at what runs here; nothing is stored."""

    def __init__(
        self,
        supervisor: Supervisor,
        chats: Chats,
        recordings: Recordings,
        analyses: Analyses,
        tips: Tips,
        *,
        silent_after_s: float = 60,
        with_analysis: bool = True,
    ) -> None:
        self._supervisor = supervisor
        self._chats = chats
        self._recordings = recordings
        self._analyses = analyses
        self._tips = tips
        self._silent_ms = round(silent_after_s * 1000)
        self._with_analysis = with_analysis

    async def now(self) -> list[Notice]:
        """All that is wrong at this moment, the oldest first."""
        found = [
            notice
            for session in self._supervisor.running()
            for notice in (_recording_notice(session), await self._tips_notice(session))
            if notice is not None
        ]
        found += [
            _failed_notice(r)
            for r in await self._recordings.every(wanted_only=True)
            if r.state == "failed"
        ]
        found += self._comment_notices(self._chats.every())
        if self._with_analysis:
            found += await self._model_notices()
        return sorted(found, key=lambda notice: notice.since_ms)

    def _comment_notices(self, chats: Sequence[ChatStatus]) -> list[Notice]:
        found = []
        for chat in chats:
            health, room = chat.health, chat.room
            age = health.last_message_age_ms
            if age is None:
                age = now_ms() - chat.since_ms
            if health.state == "failed":
                found.append(
                    Notice(
                        "comments_failed",
                        room.live_id,
                        now_ms() - age,
                        f"comments of {room.anchor_name} cannot be collected: {health.last_error}",
                        "see docs/troubleshooting.md; comments can also be sent to "
                        "POST /api/comments/ingest",
                    )
                )
            elif chat.running and age > self._silent_ms:
                found.append(
                    Notice(
                        "no_comments",
                        room.live_id,
                        now_ms() - age,
                        f"no comment from {room.anchor_name}'s room for {age // 1000} s",
                        "the room may be quiet; if it is not, stop and start its comments",
                    )
                )
        return found

    async def _tips_notice(self, session: RecordingSession) -> Notice | None:
        """No line although segments land: two segments' time and a minute of grace."""
        recording = session.recording
        if not self._with_analysis or recording.state != "recording":
            return None
        patience_ms = 2000 * recording.plan.segment_s + 60_000
        newest = await self._tips.latest(1, recording_id=recording.id)
        since = max(recording.started_ms, newest[0].created_ms if newest else 0)
        if now_ms() - since < patience_ms:
            return None
        return Notice(
            "no_lines",
            recording.id,
            since,
            f"no new line for {recording.room.anchor_name} for {(now_ms() - since) // 1000} s",
            "look at GET /api/analysis/status of the newest segment",
        )

    async def _model_notices(self) -> list[Notice]:
        last = await self._analyses.last_done()
        if last is None or last.reason == "":
            return []
        message, remedy = _TEMPLATES_BECAUSE.get(
            last.reason,
            (
                f"the model failed ({last.reason}): lines come from templates",
                "see the log",
            ),
        )
        return [Notice(f"model_{last.reason}", "service", last.updated_ms, message, remedy)]


def _recording_notice(session: RecordingSession) -> Notice | None:
    recording = session.recording
    if recording.state != "reconnecting":
        return None
    return Notice(
        "reconnecting",
        recording.id,
        recording.since_ms,
        f"the stream of {recording.room.anchor_name} is gone ({recording.reason}); trying again",
        "nothing to do while the room is live; the gap is recorded",
    )


def _failed_notice(recording: Recording) -> Notice:
    return Notice(
        "recording_failed",
        recording.id,
        recording.since_ms,
        f"the recording of {recording.room.anchor_name} failed ({recording.reason})",
        "start it again, or stop it to dismiss this; the log says more",
    )
