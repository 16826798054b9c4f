"""Which events are worth an alarm, when it is told, and when its end is.

Pure: events and the clock come in, what is due comes out. An alarm and its end always alternate.
Within the hold-down after an alarm no other of its kind and subject is told, so that a line which
comes and goes makes one message, not a hundred; what still holds afterwards is told then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hostcue.model.notification import Alarm, AlarmKind

Book = Mapping[tuple[AlarmKind, str], Alarm]
"""Every condition that holds, or that people were told of a short while ago."""

EVENT_TYPES = (
    "recording_state",
    "gap_opened",
    "gap_closed",
    "disk_low",
    "disk_ok",
    "disk_paused",
    "disk_resumed",
)
DISK = "disk"

_OBSTACLES: tuple[AlarmKind, ...] = ("risk_control", "auth_required", "limit_reached")
"""Reasons for which a room stays unrecorded until somebody does something."""
_ANSWERS = frozenset({"", "offline", "room_offline", "off_schedule"})
"""Reasons that are none of these: the platform talks to us, or need not."""


@dataclass(frozen=True, slots=True)
class Rules:
    """`gap_alarm_s` is how long a gap may last untold; `hold_down_s` see above."""

    gap_alarm_s: float = 60.0
    hold_down_s: float = 600.0

    def heard(self, book: Book, kind: str, data: Mapping[str, object], at_ms: int) -> Book:
        """The book after an event that was committed at `at_ms`."""
        changed = _Changes(dict(book), at_ms)
        match kind:
            case "recording_state":
                changed.recording_state(data)
            case "gap_opened":
                changed.gap_opened(data)
            case "gap_closed":
                changed.gap_closed(data)
            case "disk_low" | "disk_paused":
                changed.begin(kind, DISK, data)
            case "disk_ok":
                changed.end("disk_low", DISK, data)
            case "disk_resumed":
                changed.end("disk_paused", DISK, data)
            case _:
                pass
        return changed.book

    def settle(self, book: Book, now_ms: int) -> tuple[Book, list[Alarm]]:
        """The book once all that is due is told, and what that is, the oldest condition first."""
        settled: dict[tuple[AlarmKind, str], Alarm] = {}
        turned = []
        for key, known in sorted(book.items(), key=lambda item: item[1].since_ms):
            # a time to come means that the clock was set back
            since_ms, told_ms = min(known.since_ms, now_ms), min(known.told_ms, now_ms)
            alarm = replace(known, since_ms=since_ms, told_ms=told_ms)
            due_ms = self.due_ms(alarm)
            if due_ms is not None and due_ms <= now_ms:
                told_ms = now_ms if alarm.holds else alarm.told_ms
                alarm = replace(alarm, told=alarm.holds, told_ms=told_ms)
                turned.append(alarm)
            if alarm.holds or alarm.told or now_ms < alarm.told_ms + self._hold_down_ms:
                settled[key] = alarm
        return settled, turned

    def due_ms(self, alarm: Alarm) -> int | None:
        """When a message about it is due; None when people know how it stands."""
        if alarm.holds == alarm.told:
            return None
        if alarm.told:
            return 0
        patience_s = self.gap_alarm_s if alarm.kind == "gap_open" else 0
        held_ms = alarm.told_ms + self._hold_down_ms if alarm.told_ms else 0
        return max(alarm.since_ms + round(patience_s * 1000), held_ms)

    def next_due_ms(self, book: Book) -> int | None:
        """When something will be due if nothing else happens."""
        return min(
            (due for a in book.values() if (due := self.due_ms(a)) is not None), default=None
        )

    @property
    def _hold_down_ms(self) -> int:
        return round(self.hold_down_s * 1000)


@dataclass(slots=True)
class _Changes:
    """What one event changes."""

    book: dict[tuple[AlarmKind, str], Alarm]
    at_ms: int

    def begin(
        self,
        kind: AlarmKind,
        subject: str,
        facts: Mapping[str, object],
        since_ms: int | None = None,
    ) -> None:
        """The condition holds; one that held already keeps its beginning."""
        known = self.book.get((kind, subject))
        since_ms = self.at_ms if since_ms is None else min(since_ms, self.at_ms)
        if known is None:
            alarm = Alarm(kind, subject, True, since_ms, dict(facts))
        elif known.holds:
            alarm = replace(known, facts={**known.facts, **facts})
        else:
            alarm = replace(known, holds=True, since_ms=since_ms, facts=dict(facts))
        self.book[kind, subject] = alarm

    def end(self, kind: AlarmKind, subject: str, facts: Mapping[str, object]) -> None:
        """The condition is over; of what nobody was told nothing stays."""
        known = self.book.get((kind, subject))
        if known is None or not known.holds:
            return
        if not known.told and not known.told_ms:
            del self.book[kind, subject]
            return
        facts = {**known.facts, **facts, "ended_ms": self.at_ms}
        self.book[kind, subject] = replace(known, holds=False, facts=facts)

    def recording_state(self, data: Mapping[str, object]) -> None:
        """A recording went into another state."""
        subject, state = str(data.get("recording_id", "")), str(data.get("state", ""))
        reason = str(data.get("reason", ""))
        if reason == "server_stopped":
            return  # the next start goes on with it
        facts = {"state": state, "reason": reason}
        over = state in {"stopped", "monitoring"}
        if state == "recording":
            self.begin("live_started", subject, facts)
        elif over:
            self.end("live_started", subject, facts)
        else:
            self._note("live_started", subject, facts)
        if state == "failed":
            self.begin("recording_failed", subject, facts)
        elif state == "recording" or over:
            self.end("recording_failed", subject, facts)
        self._obstacles(subject, state, facts)
        gap = self.book.get(("gap_open", subject))
        if over or (state == "recording" and gap is not None and gap.facts.get("closed")):
            self.end("gap_open", subject, facts)

    def gap_opened(self, data: Mapping[str, object]) -> None:
        """A gap while the disk is full is told of by the disk's own alarm."""
        if data.get("cause") == "disk":
            return
        start = data.get("start_ts")
        self.begin(
            "gap_open",
            str(data.get("recording_id", "")),
            {"cause": str(data.get("cause", "")), "closed": False},
            start if isinstance(start, int) else None,
        )

    def gap_closed(self, data: Mapping[str, object]) -> None:
        """Media is back, unless the gap ends with the connection: a restart opens another."""
        subject = str(data.get("recording_id", ""))
        live = self.book.get(("live_started", subject))
        if live is not None and live.holds and live.facts.get("state") == "recording":
            self.end("gap_open", subject, {})
        else:
            self._note("gap_open", subject, {"closed": True})

    def _obstacles(self, subject: str, state: str, facts: Mapping[str, object]) -> None:
        reason = facts["reason"]
        answered = state in {"recording", "stopped"} or reason in _ANSWERS
        for kind in _OBSTACLES:
            if reason == kind and state != "stopped":
                self.begin(kind, subject, facts)
            elif answered or reason in _OBSTACLES:
                self.end(kind, subject, facts)

    def _note(self, kind: AlarmKind, subject: str, facts: Mapping[str, object]) -> None:
        known = self.book.get((kind, subject))
        if known is not None and known.holds:
            self.book[kind, subject] = replace(known, facts={**known.facts, **facts})


def recording_id_of(alarm: Alarm) -> str | None:
    """The recording that an alarm is about; None for the disk."""
    return None if alarm.subject == DISK else alarm.subject
