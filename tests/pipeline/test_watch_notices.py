"""How watched rooms that cannot be recorded are told of."""

from __future__ import annotations

from hostcue.model.recording import Recording, RecordingPlan
from hostcue.model.room import Room
from hostcue.pipeline.notices import watch_notices


def watched(number: int, reason: str) -> Recording:
    room = Room("douyin", str(number), "", f"https://live.douyin.com/{number}", f"room {number}")
    return Recording(
        f"r{number}", RecordingPlan(room.url), room, "", number, "monitoring", reason, number
    )


def test_up_to_five_rooms_are_told_of_one_by_one() -> None:
    notices = watch_notices([watched(n, "risk_control") for n in range(1, 6)])
    assert [notice.code for notice in notices] == ["not_watched"] * 5
    assert [notice.subject for notice in notices] == ["r1", "r2", "r3", "r4", "r5"]


def test_more_for_one_reason_make_one_notice_with_their_number_and_the_first_names() -> None:
    notices = watch_notices(
        [
            *(watched(n, "transport_failed") for n in range(1, 80)),
            watched(80, "auth_required"),
            watched(81, "offline"),
        ]
    )
    many, one = notices
    assert (many.code, many.subject, many.since_ms) == ("many_not_watched", "service", 1)
    assert many.message == (
        "79 rooms are not recorded when they are live (transport_failed): "
        "room 1, room 2, room 3 and 76 more"
    )
    assert (one.code, one.subject) == ("not_watched", "r80")
