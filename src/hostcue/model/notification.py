"""What people are told who are not looking at the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

AlarmKind = Literal[
    "live_started",
    "gap_open",
    "disk_low",
    "disk_paused",
    "recording_failed",
    "risk_control",
    "auth_required",
    "limit_reached",
]
RecoveryKind = Literal[
    "live_ended",
    "gap_closed",
    "disk_ok",
    "disk_resumed",
    "recording_again",
    "risk_control_over",
    "auth_accepted",
    "limit_over",
]
NotificationKind = AlarmKind | RecoveryKind | Literal["test"]
Language = Literal["zh", "en"]

RECOVERY_OF: Mapping[AlarmKind, RecoveryKind] = {
    "live_started": "live_ended",
    "gap_open": "gap_closed",
    "disk_low": "disk_ok",
    "disk_paused": "disk_resumed",
    "recording_failed": "recording_again",
    "risk_control": "risk_control_over",
    "auth_required": "auth_accepted",
    "limit_reached": "limit_over",
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """A condition that people are told of when it begins, and again when it is over.

    `holds` is what the events say, `told` what people were told last: where the two differ, a
    message is due. `subject` is a recording or `disk`; `told_ms` is when that was, 0
    for never, and `notification_id` the message that told of the condition.
    """

    kind: AlarmKind
    subject: str
    holds: bool
    since_ms: int
    facts: Mapping[str, object] = field(default_factory=dict[str, object])
    told: bool = False
    told_ms: int = 0
    notification_id: str = ""


@dataclass(frozen=True, slots=True)
class Notification:
    """One message; `alarm_id` names the alarm whose end it tells, empty for an alarm itself.

    Texts and `data` hold no secrets: they leave the house.
    """

    id: str
    kind: NotificationKind
    subject: str
    created_ms: int
    title: str
    text: str
    data: Mapping[str, object] = field(default_factory=dict[str, object])
    alarm_id: str = ""


TargetKind = Literal["webhook", "apprise"]


@dataclass(frozen=True, slots=True)
class Target:
    """Where messages go: `id` stays the same over restarts, `label` says where without secrets."""

    id: str
    kind: TargetKind
    label: str


DeliveryState = Literal["pending", "delivered", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way to one target; `number` grows with each.

    `id` stays the same from try to try, so a receiver can tell a repetition. `error` is a code:
    why the last try failed, or why there was none.
    """

    number: int
    id: str
    target: Target
    notification: Notification
    state: DeliveryState
    attempts: int
    error: str
    message: str
    due_ms: int
    updated_ms: int

    @classmethod
    def of(cls, notification: Notification, target: Target, now_ms: int) -> Self:
        """One that is still to be sent; the store gives it its number."""
        return cls(
            number=0,
            id=f"{notification.id}-{target.id}",
            target=target,
            notification=notification,
            state="pending",
            attempts=0,
            error="",
            message="",
            due_ms=now_ms,
            updated_ms=now_ms,
        )
