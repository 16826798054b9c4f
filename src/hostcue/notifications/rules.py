"""Which events are worth an alarm, when it is told, and when its end is.

Pure: events and the clock come in, what is due comes out. An alarm and its end always alternate,
and both are told at once. What comes back within ten minutes of its end is told at once too, but
its next end only when it has lasted for a minute, each further time twice as long, up to ten
minutes: a line that comes and goes makes a few messages, and none of them says that all is well.
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
    """`gap_alarm_s` is how long a gap may last untold.

    What comes back within `again_s` of its end has come again: its next end must last for
    `settle_s` first, which doubles each time up to `again_s`.
    """

    gap_alarm_s: float = 60.0
    settle_s: float = 60.0
    again_s: float = 600.0

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
            alarm = _not_in_future(known, now_ms)
            fresh = now_ms < alarm.told_ms + _ms(self.again_s)
            due_ms = self.due_ms(alarm)
            if due_ms is not None and due_ms <= now_ms:
                if alarm.holds:
                    times = _times(alarm) + 1 if fresh else 1
                    alarm = replace(alarm, facts={**alarm.facts, "times": times})
                alarm, fresh = replace(alarm, told=alarm.holds, told_ms=now_ms), True
                turned.append(alarm)
            if alarm.holds or alarm.told or fresh:
                settled[key] = alarm
        return settled, turned

    def due_ms(self, alarm: Alarm) -> int | None:
        """When a message about it is due; None when people know how it stands."""
        if alarm.holds == alarm.told:
            return None
        if alarm.holds:
            return alarm.since_ms + _ms(self.gap_alarm_s if alarm.kind == "gap_open" else 0)
        again = _times(alarm) - 1
        wait_s = min(self.settle_s * 2 ** min(again - 1, 20), self.again_s) if again > 0 else 0
        return _ended_ms(alarm) + _ms(wait_s)

    def next_due_ms(self, book: Book) -> int | None:
        """When something will be due if nothing else happens."""
        return min(
            (due for a in book.values() if (due := self.due_ms(a)) is not None), default=None
        )


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
        else:  # to people it goes on where they were not told of its end
            since_ms = known.since_ms if known.told else since_ms
            alarm = replace(
                known, holds=True, since_ms=since_ms, facts={**facts, "times": _times(known)}
            )
        self.book[kind, subject] = alarm

    def end(
        self,
        kind: AlarmKind,
        subject: str,
        facts: Mapping[str, object],
        ended_ms: int | None = None,
    ) -> None:
        """The condition is over, since `ended_ms` or now; of what nobody was told nothing stays."""
        known = self.book.get((kind, subject))
        if known is None or not known.holds:
            return
        if not known.told and not known.told_ms:
            del self.book[kind, subject]
            return
        at_ms = self.at_ms if ended_ms is None else ended_ms
        ended_ms = min(max(at_ms, known.since_ms), self.at_ms)
        facts = {**known.facts, **facts, "ended_ms": ended_ms}
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
        closed = gap.facts.get("closed") if gap is not None else None
        if over or (state == "recording" and closed):
            self.end("gap_open", subject, facts, closed if isinstance(closed, int) else None)

    def gap_opened(self, data: Mapping[str, object]) -> None:
        """A gap while the disk is full is told of by the disk's own alarm."""
        if data.get("cause") == "disk":
            return
        start = data.get("start_ts")
        self.begin(
            "gap_open",
            str(data.get("recording_id", "")),
            {"cause": str(data.get("cause", "")), "closed": None},
            start if isinstance(start, int) else None,
        )

    def gap_closed(self, data: Mapping[str, object]) -> None:
        """Media is back, unless the gap ends with the connection: a restart opens another."""
        subject = str(data.get("recording_id", ""))
        live = self.book.get(("live_started", subject))
        if live is not None and live.holds and live.facts.get("state") == "recording":
            self.end("gap_open", subject, {}, _end_of(data))
        else:
            self._note("gap_open", subject, {"closed": _end_of(data) or self.at_ms})

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


def _not_in_future(alarm: Alarm, now_ms: int) -> Alarm:
    """A time to come means that the clock was set back."""
    facts = alarm.facts
    if _ended_ms(alarm) > now_ms:
        facts = {**facts, "ended_ms": now_ms}
    since_ms, told_ms = min(alarm.since_ms, now_ms), min(alarm.told_ms, now_ms)
    return replace(alarm, since_ms=since_ms, told_ms=told_ms, facts=facts)


def _times(alarm: Alarm) -> int:
    """How often it was told of, each time within a short while of its end."""
    times = alarm.facts.get("times")
    return times if isinstance(times, int) else 0


def _end_of(data: Mapping[str, object]) -> int | None:
    """Where a gap ends by its own account: that it is over is heard a little later."""
    end = data.get("end_ts")
    return end if isinstance(end, int) else None


def _ended_ms(alarm: Alarm) -> int:
    ended_ms = alarm.facts.get("ended_ms")
    return ended_ms if isinstance(ended_ms, int) else 0


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
