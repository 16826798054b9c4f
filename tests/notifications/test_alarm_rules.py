"""Which events are alarms, when they are told, and when they are over."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.model.notification import RECOVERY_OF, Alarm, NotificationKind
from hostcue.notifications.rules import Book, Rules

RULES = Rules(gap_alarm_s=60, settle_s=60, again_s=600)
ROOM = "3f9a1c0b77de"


def ms(at_s: int) -> int:
    return (1_764_000_000 + at_s) * 1000


@dataclass
class Desk:
    """Plays events and time against the rules, and keeps what was told."""

    book: Book = field(default_factory=dict)
    told: list[tuple[int, NotificationKind, str]] = field(default_factory=list)

    def at(self, at_s: int, kind: str = "", **data: object) -> list[NotificationKind]:
        """What an event, or the mere passing of time, makes us tell."""
        if kind:
            self.book = RULES.heard(self.book, kind, data, ms(at_s))
        self.book, turned = RULES.settle(self.book, ms(at_s))
        kinds: list[NotificationKind] = [a.kind if a.told else RECOVERY_OF[a.kind] for a in turned]
        self.told += [(at_s, kind, a.subject) for kind, a in zip(kinds, turned, strict=True)]
        return kinds

    def state(self, at_s: int, state: str, reason: str = "") -> list[NotificationKind]:
        return self.at(at_s, "recording_state", recording_id=ROOM, state=state, reason=reason)

    def gap(
        self, at_s: int, *, end: bool = False, cause: str = "stalled"
    ) -> list[NotificationKind]:
        kind = "gap_closed" if end else "gap_opened"
        return self.at(at_s, kind, recording_id=ROOM, start_ts=ms(at_s), cause=cause)


def test_a_broadcast_is_told_of_when_it_begins_and_when_it_ends() -> None:
    desk = Desk()
    assert desk.state(100, "starting") == []
    assert desk.state(103, "recording") == ["live_started"]
    assert desk.state(500, "reconnecting", "stalled") == []
    assert desk.state(505, "recording") == []
    assert desk.state(9000, "monitoring", "offline") == ["live_ended"]


def test_a_gap_is_an_alarm_only_after_its_patience_and_ends_when_media_is_back() -> None:
    desk = Desk()
    desk.state(0, "recording")
    desk.state(100, "reconnecting", "stalled")
    assert desk.gap(100) == []
    assert RULES.next_due_ms(desk.book) == ms(160)
    assert desk.at(159) == []
    assert desk.at(160) == ["gap_open"]
    assert desk.at(400) == []
    assert desk.state(500, "recording") == []
    assert desk.gap(500, end=True) == ["gap_closed"]


def test_a_gap_that_closes_in_time_is_never_mentioned() -> None:
    desk = Desk()
    desk.state(0, "recording")
    desk.state(100, "reconnecting", "stalled")
    desk.gap(100)
    desk.state(130, "recording")
    desk.gap(130, end=True)
    assert desk.at(10_000) == []
    assert RULES.next_due_ms(desk.book) is None


def test_a_gap_within_a_connection_that_lasts_needs_no_change_of_state() -> None:
    desk = Desk()
    desk.state(0, "recording")
    desk.gap(100)
    assert desk.at(160) == ["gap_open"]
    assert desk.gap(170, end=True) == ["gap_closed"]


def test_a_restart_in_the_middle_of_a_gap_is_neither_its_end_nor_another_gap() -> None:
    desk = Desk()
    desk.state(0, "recording")
    desk.state(100, "reconnecting", "stalled")
    desk.gap(100)
    assert desk.at(160) == ["gap_open"]
    desk.gap(200, end=True)  # the recorder finishes
    desk.state(200, "stopped", "server_stopped")
    desk.gap(260, cause="restart")
    desk.state(261, "reconnecting", "restart")
    assert [kind for _, kind, _ in desk.told] == ["live_started", "gap_open"]
    assert desk.state(270, "recording") == []
    assert desk.gap(270, end=True) == ["gap_closed"]


def test_a_planned_restart_says_nothing() -> None:
    desk = Desk()
    desk.state(0, "recording")
    assert desk.state(100, "stopped", "server_stopped") == []
    assert desk.gap(110, cause="restart") == []
    assert desk.state(110, "reconnecting", "restart") == []
    assert desk.state(115, "recording") == []
    assert desk.gap(115, end=True) == []


def test_gaps_of_a_full_disk_are_told_of_by_the_disk_alone() -> None:
    desk = Desk()
    desk.state(0, "recording")
    assert desk.at(10, "disk_low", free_bytes=9) == ["disk_low"]
    assert desk.at(20, "disk_paused", free_bytes=4) == ["disk_paused"]
    desk.state(20, "paused_disk", "low")
    desk.gap(20, cause="disk")
    assert desk.at(200) == []
    assert desk.at(300, "disk_resumed", free_bytes=20) == ["disk_resumed"]
    assert desk.at(301, "disk_ok", free_bytes=20) == ["disk_ok"]


def test_a_failure_is_over_when_it_records_again_or_is_dismissed() -> None:
    desk = Desk()
    desk.state(0, "recording")
    assert desk.state(10, "failed", "internal_error") == ["recording_failed"]
    assert desk.state(20, "recording") == ["recording_again"]
    desk = Desk()
    assert desk.state(10, "failed", "codec_unsupported") == ["recording_failed"]
    assert desk.state(20, "stopped", "stopped") == ["recording_again"]


@pytest.mark.parametrize(
    ("kind", "over"),
    [
        ("risk_control", "risk_control_over"),
        ("auth_required", "auth_accepted"),
        ("limit_reached", "limit_over"),
    ],
)
def test_what_stands_in_the_way_is_over_when_the_platform_answers(kind: str, over: str) -> None:
    desk = Desk()
    assert desk.state(0, "monitoring", "offline") == []
    assert desk.state(30, "monitoring", kind) == [kind]
    assert desk.state(60, "monitoring", "transport_failed") == []
    assert desk.state(90, "monitoring", kind) == []
    assert desk.state(120, "monitoring", "offline") == [over]


def test_what_comes_and_goes_every_few_seconds_makes_three_messages_and_a_last_end() -> None:
    desk = Desk()
    for at_s in range(0, 3600, 20):
        desk.state(at_s, "monitoring", "risk_control")
        desk.state(at_s + 10, "monitoring", "offline")
    assert [kind for _, kind, _ in desk.told] == [
        "risk_control",
        "risk_control_over",
        "risk_control",
    ]
    assert RULES.next_due_ms(desk.book) == ms(3590 + 60)
    assert desk.at(3590 + 60) == ["risk_control_over"]


def test_a_second_pause_is_told_at_once_and_its_end_when_it_has_lasted_for_a_minute() -> None:
    desk = Desk()
    assert desk.at(0, "disk_paused") == ["disk_paused"]
    assert desk.at(20, "disk_resumed") == ["disk_resumed"]
    assert desk.at(50, "disk_paused") == ["disk_paused"]
    assert desk.at(80, "disk_resumed") == []
    assert desk.at(139) == []
    assert desk.at(140) == ["disk_resumed"]


def test_each_time_it_comes_back_its_end_must_last_twice_as_long_up_to_ten_minutes() -> None:
    desk, now_s, waits = Desk(), 0, []
    for _ in range(8):
        assert desk.at(now_s, "disk_paused") == ["disk_paused"]
        now_s += 5
        desk.at(now_s, "disk_resumed")
        due_ms = RULES.next_due_ms(desk.book)
        wait_s = 0 if due_ms is None else (due_ms - ms(now_s)) // 1000
        waits.append(wait_s)
        now_s += wait_s
        desk.at(now_s)
        assert desk.told[-1] == (now_s, "disk_resumed", "disk")
        now_s += 5
    assert waits == [0, 60, 120, 240, 480, 600, 600, 600]
    now_s += 600
    assert desk.at(now_s, "disk_paused") == ["disk_paused"]
    assert desk.at(now_s + 5, "disk_resumed") == ["disk_resumed"]


def test_an_end_that_was_not_told_makes_no_second_beginning() -> None:
    desk = Desk()
    for at_s in (0, 20):
        desk.at(at_s, "disk_paused")
        desk.at(at_s + 10, "disk_resumed")
    desk.at(40, "disk_paused")
    alarm = desk.book["disk_paused", "disk"]
    assert (alarm.since_ms, alarm.facts["times"]) == (ms(20), 2)
    assert "ended_ms" not in alarm.facts


def test_a_clock_that_is_set_back_silences_nothing() -> None:
    desk = Desk()
    desk.at(1_000_000, "disk_paused")
    desk.at(1_000_010, "disk_resumed")
    assert desk.at(1_000_020, "disk_paused") == ["disk_paused"]
    assert desk.at(1_000_030, "disk_resumed") == []
    assert desk.at(100) == []
    assert desk.at(160) == ["disk_resumed"]


def test_what_began_before_the_clock_was_set_back_is_told_all_the_same() -> None:
    desk = Desk()
    desk.gap(1_000_000)
    assert desk.at(100) == []
    assert desk.at(200) == ["gap_open"]


def test_what_is_over_for_long_is_forgotten() -> None:
    desk = Desk()
    desk.state(0, "recording")
    desk.state(10, "stopped", "stopped")
    desk.at(609)
    assert desk.book != {}
    desk.at(610)
    assert desk.book == {}


def test_the_rules_do_not_change_the_book_they_were_given() -> None:
    before: Book = {}
    RULES.heard(before, "disk_low", {}, 1)
    assert before == {}


STATES = st.sampled_from(
    [
        ("starting", ""),
        ("recording", ""),
        ("reconnecting", "stalled"),
        ("reconnecting", "risk_control"),
        ("reconnecting", "auth_required"),
        ("reconnecting", "restart"),
        ("monitoring", "offline"),
        ("monitoring", "risk_control"),
        ("monitoring", "limit_reached"),
        ("paused_disk", "low"),
        ("stopped", "stopped"),
        ("stopped", "server_stopped"),
        ("failed", "internal_error"),
    ]
)
EVENTS = st.one_of(
    st.tuples(st.just("recording_state"), st.sampled_from("ab"), STATES),
    st.tuples(
        st.sampled_from(["gap_opened", "gap_closed"]),
        st.sampled_from("ab"),
        st.sampled_from([("stalled", ""), ("restart", ""), ("disk", "")]),
    ),
    st.tuples(
        st.sampled_from(["disk_low", "disk_ok", "disk_paused", "disk_resumed"]),
        st.just("disk"),
        st.just(("", "")),
    ),
)
HISTORY = st.lists(st.tuples(st.integers(1, 400), st.none() | EVENTS), max_size=40)


Happened = tuple[str, str, tuple[str, str]]
History = list[tuple[int, Happened | None]]


def data_of(event: Happened, at_s: int) -> dict[str, object]:
    kind, subject, (first, second) = event
    if kind == "recording_state":
        return {"recording_id": subject, "state": first, "reason": second}
    return {"recording_id": subject, "start_ts": ms(at_s), "cause": first}


def played(
    history: History,
) -> tuple[Desk, int]:
    desk, now_s = Desk(), 0
    for passed_s, event in history:
        now_s += passed_s
        if event is None:
            desk.at(now_s)
        else:
            desk.at(now_s, event[0], **data_of(event, now_s))
    return desk, now_s


@given(HISTORY)
def test_an_alarm_and_its_end_alternate_and_an_alarm_comes_first(
    history: History,
) -> None:
    desk, _ = played(history)
    alarm_of: dict[str, str] = {recovery: alarm for alarm, recovery in RECOVERY_OF.items()}
    told: dict[tuple[str, str], list[bool]] = defaultdict(list)
    times: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at_s, kind, subject in desk.told:
        told[alarm_of.get(kind, kind), subject].append(kind in alarm_of)
        if kind not in alarm_of:
            times[kind, subject].append(at_s)
    for ends in told.values():
        assert ends == [n % 2 == 1 for n in range(len(ends))]
    for at in times.values():  # what keeps coming back is told of less and less often
        assert all(later - earlier >= 60 for earlier, later in pairwise(at[2:]))


@given(HISTORY)
def test_what_people_were_told_last_is_never_wrong_for_longer_than_the_rules_say(
    history: History,
) -> None:
    desk, now_s = Desk(), 0
    for passed_s, event in history:
        now_s += passed_s
        kind, data = ("", {}) if event is None else (event[0], data_of(event, now_s))
        desk.at(now_s, kind, **data)
        for alarm in desk.book.values():
            wrong_s = now_s - since_s(alarm)
            if alarm.holds and not alarm.told:  # people think that all is well
                assert alarm.kind == "gap_open"
                assert wrong_s < 60
            if alarm.told and not alarm.holds:
                assert wrong_s < 600


def since_s(alarm: Alarm) -> int:
    at_ms = alarm.since_ms if alarm.holds else alarm.facts["ended_ms"]
    assert isinstance(at_ms, int)
    return at_ms // 1000 - ms(0) // 1000


@given(HISTORY)
def test_once_everything_has_settled_people_know_how_it_stands(
    history: History,
) -> None:
    desk, now_s = played(history)
    desk.at(now_s + 1000)
    assert all(alarm.told == alarm.holds for alarm in desk.book.values())
    for begin, end in (("disk_low", "disk_ok"), ("disk_paused", "disk_resumed")):
        happened = [event[0] for _, event in history if event and event[0] in {begin, end}]
        told = [kind for _, kind, _ in desk.told if kind in {begin, end}]
        assert (told[-1:] == [begin]) == (happened[-1:] == [begin])


@given(HISTORY)
def test_what_was_missed_is_told_as_it_stands_now_and_nothing_else(
    history: History,
) -> None:
    book: Book = {}
    now_s = 0
    for passed_s, event in history:
        now_s += passed_s
        if event is not None:
            book = RULES.heard(book, event[0], data_of(event, now_s), ms(now_s))
    _, turned = RULES.settle(book, ms(now_s + 1000))
    assert all(alarm.told for alarm in turned)
    assert len(turned) == sum(alarm.holds for alarm in book.values())


def test_what_was_lost_is_as_long_as_the_gap_whenever_its_end_is_heard() -> None:
    desk = Desk()
    desk.state(0, "recording")
    desk.state(100, "reconnecting", "stalled")
    desk.gap(100)
    assert desk.at(160) == ["gap_open"]
    desk.state(500, "recording")
    end = {"recording_id": ROOM, "start_ts": ms(100), "end_ts": ms(490), "cause": "stalled"}
    assert desk.at(500, "gap_closed", **end) == ["gap_closed"]
    assert desk.book["gap_open", ROOM].facts["ended_ms"] == ms(490)


def test_it_is_so_too_where_the_end_is_heard_before_the_state() -> None:
    desk = Desk()
    desk.state(0, "recording")
    desk.state(100, "reconnecting", "stalled")
    desk.gap(100)
    assert desk.at(160) == ["gap_open"]
    end = {"recording_id": ROOM, "start_ts": ms(100), "end_ts": ms(490), "cause": "stalled"}
    assert desk.at(499, "gap_closed", **end) == []
    assert desk.state(501, "recording") == ["gap_closed"]
    assert desk.book["gap_open", ROOM].facts["ended_ms"] == ms(490)
