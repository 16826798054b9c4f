"""When a room is asked for that is not being recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.errors import (
    AuthRequired,
    Blocked,
    HostcueError,
    NotStreaming,
    RateLimited,
    RoomNotFound,
    RoomOffline,
    TransportFailed,
    UpstreamChanged,
    WorkerDied,
)
from hostcue.model.room import LiveRoom, Room, StreamSource
from hostcue.model.schedule import Showtime
from hostcue.pipeline.places import Places
from hostcue.pipeline.watch import Comeback, Polling, Watch

ROOM = LiveRoom(
    Room("own", "42", "42-1", "https://own.example/42", "小满"),
    StreamSource("http://own.example/42.flv", "flv"),
)
OFFLINE = RoomOffline("nobody is live")
ERRORS = [
    OFFLINE,
    RoomNotFound("gone"),
    TransportFailed("no line"),
    NotStreaming("in a moment"),
    Blocked("no"),
    AuthRequired("who are you"),
    UpstreamChanged("what is this"),
    RateLimited("slower", retry_after_s=77),
    WorkerDied("SIGKILL"),
]


def pause_s(answer: HostcueError, failures: int = 1, **more: object) -> float:
    facts = {"quiet_s": 0.0, "in_showtime": False} | more
    return Polling().pause_s(answer=answer, failures=failures, **facts)  # type: ignore[arg-type] # test shorthand


def test_a_room_is_asked_for_twice_a_minute_and_less_often_when_long_quiet() -> None:
    assert pause_s(OFFLINE) == 30
    assert pause_s(OFFLINE, in_showtime=True) == 15
    assert pause_s(OFFLINE, quiet_s=24 * 3600.0) == 120
    assert pause_s(OFFLINE, quiet_s=24 * 3600.0, in_showtime=True) == 15


def test_a_platform_that_refuses_us_is_left_alone_and_one_that_says_how_long_is_obeyed() -> None:
    assert [pause_s(Blocked("no"), n) for n in (1, 2, 20)] == [180, 270, 1800]
    assert pause_s(RateLimited("slower", retry_after_s=400)) == 400
    told = Blocked("no")
    told.retry_after_s = 999
    assert pause_s(told) == 999


def test_after_a_failure_the_wait_doubles_up_to_a_limit() -> None:
    assert [pause_s(TransportFailed(""), n) for n in (1, 2, 3, 50)] == [60, 120, 120, 120]
    assert [pause_s(UpstreamChanged(""), n) for n in (1, 2, 50)] == [60, 120, 900]


def test_after_a_crash_of_ours_the_room_is_asked_for_as_usual_and_later_if_that_repeats() -> None:
    assert [pause_s(WorkerDied(""), n) for n in (1, 2, 3, 50)] == [30, 60, 120, 120]
    assert pause_s(WorkerDied(""), quiet_s=24 * 3600.0) == 30


@given(
    answer=st.sampled_from(ERRORS),
    failures=st.integers(1, 10**6),
    quiet_s=st.floats(0, 10**9),
    in_showtime=st.booleans(),
)
def test_the_wait_is_never_nothing_and_never_longer_than_half_an_hour(
    answer: HostcueError, failures: int, quiet_s: float, in_showtime: bool
) -> None:
    wait_s = pause_s(answer, failures, quiet_s=quiet_s, in_showtime=in_showtime)
    assert 15 <= wait_s <= 1800


class Platform:
    """Answers with its script, then says that the room is live."""

    def __init__(self, *script: LiveRoom | HostcueError) -> None:
        self.script = list(script)
        self.asked = 0
        self._asked = anyio.Event()

    async def resolve(self) -> LiveRoom:
        answer = self.script.pop(0) if self.script else ROOM
        self.asked += 1
        self._asked.set()
        self._asked = anyio.Event()
        if isinstance(answer, HostcueError):
            raise answer
        return answer

    async def until_asked(self, count: int) -> None:
        with anyio.fail_after(30):
            while self.asked < count:
                await self._asked.wait()


class Diary:
    """Why the room was not recorded yet."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    async def note(self, reason: str) -> None:
        self.reasons.append(reason)


@asynccontextmanager
async def watching(watch: Watch, diary: Diary) -> AsyncIterator[list[LiveRoom]]:
    """A watch under way; what it found is in the list."""
    found: list[LiveRoom] = []

    async def run() -> None:
        found.append(await watch.live(diary.note, None))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            await anyio.wait_all_tasks_blocked()
            yield found


async def test_the_room_is_returned_when_it_goes_live_and_each_reason_before_is_told() -> None:
    platform, diary = Platform(OFFLINE, TransportFailed("no line"), OFFLINE), Diary()
    watch = Watch(platform.resolve, tuple, polling=Polling(0.01), zone=None)
    with anyio.fail_after(30):
        assert await watch.live(diary.note, None) == ROOM
    assert diary.reasons == ["offline", "transport_failed", "offline"]
    assert watch.next_check_ms is None


async def test_what_was_just_said_is_not_asked_again_at_once() -> None:
    platform, diary = Platform(), Diary()
    watch = Watch(platform.resolve, tuple, polling=Polling(0.01), zone=None)
    with anyio.fail_after(30):
        assert await watch.live(diary.note, ROOM) == ROOM
        assert platform.asked == 0
        assert await watch.live(diary.note, OFFLINE) == ROOM
    assert (platform.asked, diary.reasons) == (1, ["offline"])


async def test_a_hint_has_the_platform_asked_at_once() -> None:
    platform, diary = Platform(OFFLINE), Diary()
    watch = Watch(platform.resolve, tuple, polling=Polling(3600), zone=None)
    async with watching(watch, diary) as found:
        assert watch.next_check_ms is not None
        watch.nudge()
    assert found == [ROOM]


async def test_outside_its_showtimes_a_room_is_not_asked_for() -> None:
    now = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)  # a Friday
    friday_evening = Showtime(19 * 60 + 30, 60, frozenset({"fri"}))
    moments = [now]
    platform, diary = Platform(), Diary()
    watch = Watch(
        platform.resolve,
        lambda: (friday_evening,),
        polling=Polling(0.01),
        zone="UTC",
        clock=lambda: round(moments[-1].timestamp() * 1000),
    )
    async with watching(watch, diary) as found:
        assert (platform.asked, diary.reasons) == (0, ["off_schedule"])
        begins = datetime(2026, 11, 27, 19, 30, tzinfo=UTC)
        assert watch.next_check_ms == round(begins.timestamp() * 1000)
        moments.append(begins)
        watch.nudge()  # a sleep ends every minute anyway
    assert found == [ROOM]


async def test_a_broadcast_is_over_when_offline_was_said_twice_some_time_apart() -> None:
    platform, diary = Platform(*[OFFLINE] * 9), Diary()
    comeback = Comeback(
        platform.resolve, pauses_s=(0.02,), offline_recheck_s=0.03, said_over=lambda: False
    )
    with anyio.fail_after(30), pytest.raises(RoomOffline):
        await comeback.turn(diary.note)
    assert platform.asked > 1


async def test_once_is_enough_where_the_comment_stream_has_said_it_too() -> None:
    platform, diary = Platform(OFFLINE), Diary()
    comeback = Comeback(
        platform.resolve, pauses_s=(0,), offline_recheck_s=60, said_over=lambda: True
    )
    with anyio.fail_after(30), pytest.raises(RoomOffline):
        await comeback.turn(diary.note)
    assert (platform.asked, diary.reasons) == (1, [])


async def test_offline_once_and_then_live_is_no_end() -> None:
    platform, diary = Platform(OFFLINE, Blocked("no"), OFFLINE), Diary()
    comeback = Comeback(
        platform.resolve, pauses_s=(0,), offline_recheck_s=60, said_over=lambda: False
    )
    with anyio.fail_after(30):
        assert await comeback.turn(diary.note) == ROOM
    assert diary.reasons == ["offline", "risk_control", "offline"]


async def test_a_place_that_is_given_back_goes_to_who_waits() -> None:
    places = Places(1)
    assert places.take("a")
    assert places.take("a")
    assert not places.take("b")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(places.wait_free)
        await anyio.wait_all_tasks_blocked()
        places.give_back("a")
    assert places.take("b")


def test_what_ran_before_a_restart_keeps_its_place_whatever_the_limit_is() -> None:
    places = Places(1)
    places.keep("a")
    places.keep("b")
    places.give_back("a")
    assert not places.take("c")
