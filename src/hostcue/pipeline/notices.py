"""What an operator should know without asking: what silently stopped, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hostcue.model.clock import now_ms
from hostcue.model.disk import DATA_LOW_BYTES, DISK
from hostcue.model.notification import Delivery
from hostcue.model.recording import LINK_LOST, Recording
from hostcue.pipeline.chat import ChatStatus
from hostcue.pipeline.chats import Chats
from hostcue.pipeline.disk import DiskGuard, DiskStatus
from hostcue.pipeline.notifier import Notifications
from hostcue.pipeline.retention import Refusal, Retention, size
from hostcue.pipeline.session import RecordingSession
from hostcue.pipeline.supervisor import Supervisor
from hostcue.storage.analyses import Analyses
from hostcue.storage.recordings import Recordings
from hostcue.storage.tips import Tips
from hostcue.storage.vault import RIGHT_KEY

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


_WATCHED_WELL = {"", "offline", "off_schedule", "not_streaming", "restart"}
"""Why a watched room is not recorded, where nothing is wrong with that."""
_WATCHED_AGAIN = "it is tried again by itself; the reason is explained in docs/troubleshooting.md"
_REFUSALS = {"risk_control", "auth_required", "rate_limited"}
_LET_IN = (
    "the platform gives no new address: start the room again with another cookie or proxy, "
    "they are taken over at once; trying again goes on by itself"
)
_MOST_ALIKE = 5
"""So many rooms with one reason are told of one by one."""
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Notice:
    """`subject` is a recording, a room, `disk` or `service`; `code` is stable."""

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
        guard: DiskGuard,
        retention: Retention,
        notifications: Notifications,
        *,
        silent_after_s: float = 60,
        with_analysis: bool = True,
        more: Callable[[], Sequence[Notice]] = tuple,
    ) -> None:
        """`more` tells of what is only known elsewhere."""
        self._supervisor = supervisor
        self._chats = chats
        self._recordings = recordings
        self._analyses = analyses
        self._tips = tips
        self._guard = guard
        self._retention = retention
        self._notifications = notifications
        self._silent_ms = round(silent_after_s * 1000)
        self._with_analysis = with_analysis
        self._more = more

    async def now(self) -> list[Notice]:
        """All that is wrong at this moment, the oldest first."""
        sessions = self._supervisor.running()
        found = watch_notices([session.recording for session in sessions])
        found += [
            notice
            for session in sessions
            for notice in (_lost_notice(session.recording), await self._tips_notice(session))
            if notice is not None
        ]
        found += [_failed_notice(r) for r in await self._recordings.wanted() if r.state == "failed"]
        found += self._comment_notices(self._chats.every())
        found += _disk_notices(self._guard.status)
        if (refusal := self._retention.refusal) is not None:
            found.append(_refusal_notice(refusal))
        found += [_unsent_notice(delivery) for delivery in await self._notifications.failing()]
        found += self._more()
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
        since = max(recording.since_ms, newest[0].created_ms if newest else 0)
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


def watch_notices(recordings: Sequence[Recording]) -> list[Notice]:
    """One for each room that is watched in vain, or for all of a reason where they are many."""
    by_reason: dict[str, list[Recording]] = {}
    for recording in recordings:
        if recording.state == "monitoring" and recording.reason not in _WATCHED_WELL:
            by_reason.setdefault(recording.reason, []).append(recording)
    found = []
    for reason, failing in by_reason.items():
        names = [recording.room.anchor_name or recording.room.url for recording in failing]
        if len(failing) > _MOST_ALIKE:
            first = ", ".join(names[:_NAMED])
            found.append(
                Notice(
                    "many_not_watched",
                    "service",
                    min(recording.since_ms for recording in failing),
                    f"{len(failing)} rooms are not recorded when they are live ({reason}): "
                    f"{first} and {len(failing) - _NAMED} more",
                    _WATCHED_AGAIN,
                )
            )
            continue
        found += [
            Notice(
                "not_watched",
                recording.id,
                recording.since_ms,
                f"{name} is not recorded when it is live ({reason})",
                _WATCHED_AGAIN,
            )
            for recording, name in zip(failing, names, strict=True)
        ]
    return found


def _lost_notice(recording: Recording) -> Notice | None:
    if recording.state != "reconnecting":
        return None
    return Notice(
        "reconnecting",
        recording.id,
        recording.since_ms,
        f"the stream of {recording.room.anchor_name} is gone ({recording.reason}); trying again",
        _LET_IN
        if recording.reason in _REFUSALS
        else "nothing to do while the room is live; the gap is recorded",
    )


def _failed_notice(recording: Recording) -> Notice:
    name = recording.room.anchor_name or recording.room.url
    if recording.reason == LINK_LOST:
        return Notice(
            "recording_failed",
            recording.id,
            recording.since_ms,
            f"the recording of {name} cannot go on: its link was sealed with another key",
            f"{RIGHT_KEY}: it goes on by itself then; or stop it and start it again",
        )
    return Notice(
        "recording_failed",
        recording.id,
        recording.since_ms,
        f"the recording of {name} failed ({recording.reason})",
        "start it again, or stop it to dismiss this; the log says more",
    )


def _disk_notices(disk: DiskStatus | None) -> list[Notice]:
    if disk is None:
        return []
    found = []
    left = f"{disk.space.free_bytes / 1e9:.1f} GB are left"
    if disk.silent:
        found.append(
            Notice(
                "disk_silent",
                DISK,
                disk.since_ms,
                "the disk of the recordings does not answer",
                "check that it is connected; recording stalls as long as it is so",
            )
        )
    if disk.refused:
        found.append(
            Notice(
                "folder_refused",
                DISK,
                disk.since_ms,
                f"the folder of the recordings takes no files: {disk.refused}",
                "make RECORDS_ROOT writable for hostcue; nothing can be recorded until then",
            )
        )
    if disk.state == "paused":
        found.append(_paused_notice(disk, left))
    elif disk.state == "low":
        found.append(
            Notice(
                "disk_low",
                DISK,
                disk.since_ms,
                f"the disk of the recordings gets full: {left}, "
                f"recording can go on for {disk.hours_left:.1f} h",
                "make room, or let old recordings be deleted (HOSTCUE_KEEP_DAYS, "
                "HOSTCUE_KEEP_BYTES, HOSTCUE_KEEP_FREE_BYTES)",
            )
        )
    if disk.data.free_bytes < DATA_LOW_BYTES:
        found.append(
            Notice(
                "data_disk_low",
                DISK,
                disk.since_ms,
                f"the disk of the database has {disk.data.free_bytes / 1e6:.0f} MB left",
                "make room on the disk of HOSTCUE_DATA_DIR: without it nothing can be stored",
            )
        )
    return found


def _paused_notice(disk: DiskStatus, left: str) -> Notice:
    resume_gb = disk.lines.resume.free_bytes / 1e9
    match disk.reason:
        case "write_failed":
            message = f"recording is paused: the disk refused a write ({left})"
            remedy = "check quota, permissions and health of the disk; it is tried again by itself"
        case "no_files":
            message = "recording is paused: the disk can hold no more files (inodes)"
            remedy = "delete files on the disk of RECORDS_ROOT; it goes on by itself then"
        case _:
            message = f"recording is paused: {left} on the disk"
            remedy = (
                f"make room: it goes on by itself above {resume_gb:.1f} GB "
                "(HOSTCUE_RESUME_FREE_BYTES)"
            )
    return Notice("disk_paused", DISK, disk.since_ms, message, remedy)


def _refusal_notice(refusal: Refusal) -> Notice:
    return Notice(
        "cleanup_refused",
        DISK,
        refusal.since_ms,
        f"old recordings are not deleted: it would be {size(refusal.bytes)} of "
        f"{size(refusal.stored_bytes)}",
        "look with `hostcue clean --dry-run`; if it is meant, `hostcue clean --force`",
    )


def _unsent_notice(delivery: Delivery) -> Notice:
    return Notice(
        "alarms_not_delivered",
        "service",
        delivery.updated_ms,
        f"alarms do not reach {delivery.target.label}: {delivery.message}",
        "mend the address or its receiver, then try `hostcue notify test`",
    )
