"""When the old address is tried again, when the room is resolved, and when a broadcast is over."""

from __future__ import annotations

import time
from itertools import pairwise

import anyio
import pytest
from recording_studio import Studio, live_room

from hostcue.errors import (
    Blocked,
    HostcueError,
    RateLimited,
    RoomOffline,
    TransportFailed,
)
from hostcue.model.clock import now_ms
from hostcue.model.comment import Gap
from hostcue.model.room import LiveRoom, StreamSource
from hostcue.recording.reconnect import LADDER_S, RESOLVE_LADDER_S, Ladders, Reconnect
from hostcue.sim.flv import LiveFlv

SOURCE = StreamSource("http://cdn/x.flv", "flv")
LIVE = live_room("http://cdn/new.flv")


class Platform:
    """Answers one after the other, and notes what it said."""

    def __init__(
        self,
        *answers: LiveRoom | HostcueError,
        said_over: bool = False,
        resolve_ladder_s: tuple[float, ...] = (60.0,),
    ) -> None:
        self.answers = list(answers)
        self.said_over = said_over
        self.notes: list[str] = []
        self.reconnect = Reconnect(
            self._resolve,
            ladder_s=(0.0, 0.005),
            resolve_ladder_s=resolve_ladder_s,
            offline_recheck_s=0.05,
            expiry_margin_s=60.0,
            said_over=lambda: self.said_over,
        )
        self.reconnect.recorded(60.0)

    async def _resolve(self) -> LiveRoom:
        answer = self.answers.pop(0)
        if isinstance(answer, HostcueError):
            raise answer
        return answer

    async def turn(self, cause: str = "eof", source: StreamSource = SOURCE) -> LiveRoom | None:
        async def note(reason: str) -> None:
            self.notes.append(reason)

        with anyio.fail_after(30):
            return await self.reconnect.turn(cause, source, note)

    async def turns_until(self, found: LiveRoom, cause: str = "eof") -> int:
        """How often the old address was tried before."""
        for tries in range(100):
            if await self.turn(cause) is found:
                return tries
        raise AssertionError


async def test_the_old_address_is_tried_on_until_it_is_time_to_resolve() -> None:
    platform = Platform(LIVE, resolve_ladder_s=(60.0,))
    assert [await platform.turn() for _ in range(4)] == [None] * 4


async def test_when_it_is_time_the_room_is_resolved() -> None:
    platform = Platform(LIVE, resolve_ladder_s=(0.03,))
    began = time.monotonic()
    await platform.turns_until(LIVE)
    assert time.monotonic() - began >= 0.03


@pytest.mark.parametrize("cause", ["http_401", "http_403", "http_404", "http_410", "url_expired"])
async def test_an_address_that_was_refused_is_not_tried_again(cause: str) -> None:
    assert await Platform(LIVE).turn(cause) is LIVE


@pytest.mark.parametrize("cause", ["http_429", "http_500", "http_503", "stalled", "lagging"])
async def test_a_fault_of_the_moment_does_not_spend_a_resolution(cause: str) -> None:
    assert await Platform().turn(cause) is None


@pytest.mark.parametrize(("left_s", "resolved"), [(-5, True), (30, True), (3600, False)])
async def test_an_address_that_expires_soon_is_not_tried_again(
    left_s: float, resolved: bool
) -> None:
    source = StreamSource("http://cdn/x", "flv", expires_ms=now_ms() + round(left_s * 1000))
    assert (await Platform(LIVE).turn("eof", source) is LIVE) == resolved


async def test_a_platform_that_fails_leaves_the_old_address() -> None:
    platform = Platform(Blocked("captcha"), TransportFailed("no line"), resolve_ladder_s=(0.0,))
    assert await platform.turn("http_403") is None
    assert await platform.turn("http_403") is None
    assert platform.notes == ["risk_control", "transport_failed"]


async def test_while_the_platform_has_no_other_address_the_old_one_is_tried_on() -> None:
    platform = Platform(RoomOffline("flap"), Blocked("captcha"), LIVE, resolve_ladder_s=(0.03,))
    began = time.monotonic()
    assert await platform.turns_until(LIVE, "http_404") >= 2
    assert time.monotonic() - began >= 0.05 + 0.03
    assert platform.notes == ["room_offline", "risk_control"]


async def test_who_asks_to_be_left_alone_is_left_alone() -> None:
    platform = Platform(RateLimited("slow", retry_after_s=0.1), LIVE, resolve_ladder_s=(0.0,))
    began = time.monotonic()
    assert await platform.turns_until(LIVE, "http_403") >= 1
    assert time.monotonic() - began >= 0.1


async def test_offline_said_twice_and_apart_is_the_end() -> None:
    platform = Platform(RoomOffline("over"), RoomOffline("over"))
    began = time.monotonic()
    with pytest.raises(RoomOffline):
        await platform.turns_until(LIVE, "http_404")
    assert time.monotonic() - began >= 0.05
    assert platform.notes == ["room_offline"]


async def test_offline_said_once_is_the_end_when_the_comment_stream_said_so_too() -> None:
    platform = Platform(RoomOffline("over"), said_over=True)
    with pytest.raises(RoomOffline):
        await platform.turn("eof")
    assert platform.notes == []


async def test_what_the_comment_stream_says_alone_is_no_end() -> None:
    platform = Platform(LIVE, said_over=True)
    assert await platform.turn("eof") is LIVE


async def test_offline_that_was_only_a_flap_is_forgotten() -> None:
    platform = Platform(
        RoomOffline("flap"), LIVE, RoomOffline("flap"), LIVE, resolve_ladder_s=(0.0,)
    )
    for _ in range(2):
        assert await platform.turns_until(LIVE, "http_404") >= 1


class Outage:
    """A drop by the real ladders, in no time: when what is tried."""

    def __init__(self) -> None:
        self.ladders = Ladders(LADDER_S, RESOLVE_LADDER_S)
        self.now_s = 1000.0

    def last(self, seconds: float, *, urgent: bool = False) -> tuple[list[float], list[float]]:
        """When the address is tried and when the room resolved, in seconds from now."""
        began_s = self.now_s
        tries: list[float] = []
        questions: list[float] = []
        while True:
            wait_s = self.ladders.wait_s()
            if self.now_s + wait_s > began_s + seconds:
                return tries, questions
            self.now_s += wait_s
            if self.ladders.may_resolve(self.now_s, urgent=urgent):
                self.ladders.resolved(self.now_s)
                questions.append(self.now_s - began_s)
            tries.append(self.now_s - began_s)

    def drop(self, brought_s: float) -> None:
        self.ladders.recorded(brought_s, self.now_s)


def test_a_source_is_found_again_soon_after_it_is_back() -> None:
    """With a spread of a fifth, and half a second to connect: within two seconds."""
    outage = Outage()
    outage.drop(3600)
    tries, _ = outage.last(50)
    assert tries[0] == 0
    assert max(b - a for a, b in pairwise(tries)) * 1.2 <= 1.5


def test_a_long_outage_is_asked_about_ever_less() -> None:
    outage = Outage()
    outage.drop(3600)
    tries, questions = outage.last(3600)
    assert len(tries) < 180
    assert tries[-1] - tries[-2] == 30
    assert questions[:3] == [2, 12, 42]
    assert len(questions) <= 62


def test_an_address_that_was_refused_is_replaced_at_once_but_not_over_and_over() -> None:
    outage = Outage()
    outage.drop(3600)
    _, questions = outage.last(60, urgent=True)
    assert questions == [0, 10, 40]


@pytest.mark.parametrize(
    ("brought_s", "wait_s"), [(0.0, 30), (1.0, 30), (5.0, 6), (15.0, 2), (29.0, 30 / 29), (30.0, 0)]
)
def test_the_more_a_stream_brings_each_time_the_sooner_it_is_tried_again(
    brought_s: float, wait_s: float
) -> None:
    """It breaks over and over, each time after so much; what matters is where that leads."""
    ladders, waits_s = Ladders(LADDER_S, RESOLVE_LADDER_S), []
    for turn in range(10):
        ladders.recorded(brought_s, turn * 60.0)
        waits_s.append(ladders.wait_s())
    assert waits_s[0] == 0
    assert waits_s == sorted(waits_s)
    assert waits_s[-1] == wait_s


async def test_recording_goes_on_within_two_seconds_after_the_source_is_back(
    studio: Studio, flv: LiveFlv
) -> None:
    take = studio.take(flv.url, segment_s=60, ladder_s=LADDER_S, resolve_ladder_s=RESOLVE_LADDER_S)
    async with studio.running(take):
        flv.refuse(503)
        flv.drop_line()
        await flv.wait_connections(4)
        flv.refuse(None)
        back_s = time.monotonic()
        await take.until_state("recording")
        assert time.monotonic() - back_s <= 20.0


async def test_a_platform_that_says_offline_by_mistake_costs_nothing(
    studio: Studio, flv: LiveFlv
) -> None:
    take = studio.take(flv.url, segment_s=60, offline_recheck_s=60.0)
    async with studio.running(take):
        studio.answers = [RoomOffline("flap")]
        flv.refuse(404)
        flv.drop_line()
        await take.until(lambda: "room_offline" in take.reasons)
        flv.refuse(None)
        back_s = time.monotonic()
        await take.until_state("recording")
        assert time.monotonic() - back_s <= 20.0


async def test_a_nudge_ends_the_waiting_and_resolves(studio: Studio, flv: LiveFlv) -> None:
    take = studio.take(flv.url, segment_s=60, ladder_s=(600.0,))
    async with studio.running(take), LiveFlv.open() as other:
        studio.answers = [live_room(other.url)]
        flv.drop_line()
        await take.until_state("reconnecting")
        take.recorder.nudge()
        await take.until_state("recording")
        assert other.connections == 1
    assert take.gaps[-1].cause == "eof"


async def test_a_nudge_while_all_is_well_changes_nothing(studio: Studio, flv: LiveFlv) -> None:
    take = studio.take(flv.url, segment_s=60)
    async with studio.running(take):
        take.recorder.nudge()
        await take.until(lambda: bool(take.progress))
        flv.drop_line()
        await take.until_state("reconnecting")
        await take.until_state("recording")
    assert flv.connections == 2


async def test_one_offline_ends_a_recording_whose_comment_stream_said_so(
    studio: Studio, flv: LiveFlv
) -> None:
    take = studio.take(flv.url, segment_s=60, said_over=lambda: True, offline_recheck_s=60.0)
    async with studio.running(take):
        studio.answers = [RoomOffline("over")]
        flv.drop_line()
        await take.until_state("stopped")
    assert take.reasons[-1] == "offline"
    assert take.gaps[-1].end_ms == take.gaps[-1].start_ms


async def test_an_address_near_its_end_is_not_asked_for_again(studio: Studio, flv: LiveFlv) -> None:
    live = live_room(flv.url, expires_ms=now_ms() + 30_000)
    take = studio.take(flv.url, segment_s=60, live=live)
    async with studio.running(take), LiveFlv.open() as other:
        studio.answers = [live_room(other.url)]
        flv.drop_line()
        await take.until(lambda: take.opened[-1].seq == 1)
        assert (flv.connections, other.connections) == (1, 1)


async def test_a_gap_of_before_ends_with_the_first_segment_and_nothing_is_recorded_twice(
    studio: Studio, flv: LiveFlv
) -> None:
    """As after a restart that took no time: the burst reaches back to before it."""
    first = studio.take(flv.url, segment_s=60)
    async with studio.running(first):
        await first.until(lambda: bool(first.progress))
    end_ms = first.closed[0].window.end_ms
    second = studio.take(flv.url, segment_s=60, first_seq=1, gap=Gap(end_ms, "restart"))
    async with studio.running(second):
        pass
    assert second.closed[0].window.start_ms >= end_ms
    assert second.gaps[-1] == Gap(end_ms, "restart", second.closed[0].window.start_ms)


async def test_why_the_platform_gives_no_address_outranks_that_the_old_one_is_refused(
    studio: Studio, flv: LiveFlv
) -> None:
    take = studio.take(flv.url, segment_s=60)
    async with studio.running(take):
        studio.answers = [Blocked("captcha") for _ in range(100)]
        flv.refuse(403)
        flv.drop_line()
        await take.until(lambda: "risk_control" in take.reasons)
        seen = flv.connections
        await flv.wait_connections(seen + 4)
        flv.refuse(None)
        await take.until_state("recording")
    after = take.reasons[take.reasons.index("risk_control") :]
    assert "http_403" not in after
    assert after.count("risk_control") == 1
