"""A room's life: watched, recorded, interrupted, recorded again, stopped."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import anyio
import pytest
from recording_house import House, Platform, open_house

from hostcue.errors import (
    BadRequest,
    Blocked,
    DiskFull,
    LimitReached,
    RoomNotFound,
    RoomOffline,
    TransportFailed,
)
from hostcue.model.clock import now_ms
from hostcue.model.comment import RoomControl, RoomStats
from hostcue.model.recording import RecordingPlan
from hostcue.model.room import Access
from hostcue.model.schedule import Showtime
from hostcue.pipeline.disk_gate import DiskGate
from hostcue.sim.flv import LiveFlv

LINK = "https://own.example/42"


@pytest.fixture
async def flv() -> AsyncIterator[LiveFlv]:
    async with LiveFlv.open() as opened:
        yield opened


def end(platform: Platform, flv: LiveFlv) -> None:
    """The host ends the broadcast."""
    platform.go_offline(LINK)
    flv.refuse(404)
    flv.drop_line()


def begin(platform: Platform, flv: LiveFlv, room_id: str) -> None:
    """The host begins another one."""
    flv.refuse(None)
    platform.go_live(LINK, flv.url, room_id=room_id)


async def recorded(house: House, recording_id: str, flv: LiveFlv) -> None:
    """Until the room is recorded, and at least one segment of it is closed."""
    begin(house.platform, flv, "1")
    await house.until_state(recording_id, "recording")
    await house.until_segments(recording_id, 1)


async def test_a_watched_room_is_recorded_each_time_it_is_live_under_one_id(
    tmp_path: Path, flv: LiveFlv
) -> None:
    async with open_house(tmp_path, Platform()) as house:
        recording_id = await house.watch(LINK)
        assert house.states(recording_id) == [("monitoring", "offline")]
        await recorded(house, recording_id, flv)
        end(house.platform, flv)
        await house.until_state(recording_id, "monitoring", "offline", times=2)
        first = len(house.of("segment_ready", recording_id))
        begin(house.platform, flv, "2")
        await house.until_segments(recording_id, first + 1)
        status = await house.status(recording_id)
        assert (status.recording.room.room_id, status.recording.room.title) == ("2", "title 2")
        assert status.gap_count == 0
        segments = await house.segments.page(recording_id, after=None, limit=100)
        assert [segment.seq for segment in segments] == list(range(len(segments)))
        assert {segment.room_id for segment in segments} == {"1", "2"}
        assert {Path(s.file.path).parent.parent for s in segments} == {
            Path(status.recording.output)
        }
        stopped = await house.supervisor.stop(recording_id)
        assert (stopped.recording.state, stopped.recording.wanted) == ("stopped", False)
        assert stopped.coverage > 0.95


async def test_the_answer_comes_at_once_whatever_the_platform_says(tmp_path: Path) -> None:
    platform = Platform()
    refusals = [RoomOffline("no"), Blocked("no"), TransportFailed("no line")]
    async with open_house(tmp_path, platform, poll_s=60) as house:
        for number, refusal in enumerate(refusals):
            platform.answers[str(number)] = refusal
            recording_id = await house.watch(str(number))
            status = await house.status(recording_id)
            assert status.recording.state == "monitoring"
            assert status.recording.reason == refusal.code.removeprefix("room_")
        for refused in (RoomNotFound("no such room"), BadRequest("no link")):
            platform.answers["refused"] = refused
            with pytest.raises(type(refused)):
                await house.watch("refused")
        with pytest.raises(RoomOffline):
            await house.supervisor.start(RecordingPlan("0"))
        assert len(house.supervisor.running()) == len(refusals)


async def test_a_stop_ends_watching_and_recording_at_once(tmp_path: Path, flv: LiveFlv) -> None:
    async with open_house(tmp_path, Platform(), poll_s=60) as house:
        watched = await house.watch(LINK)
        with anyio.fail_after(30):
            status = await house.supervisor.stop(watched)
        assert (status.recording.state, status.recording.reason) == ("stopped", "stopped")
        house.platform.go_live(LINK, flv.url)
        recording_id = await house.watch(LINK)
        await house.until_segments(recording_id, 1)
        with anyio.fail_after(30):
            await house.supervisor.stop(recording_id)
        assert house.states(recording_id)[-1] == ("stopped", "stopped")
        assert house.supervisor.running() == []


async def test_offline_said_once_does_not_end_a_broadcast(tmp_path: Path, flv: LiveFlv) -> None:
    async with open_house(tmp_path, Platform(), offline_recheck_s=0.5) as house:
        recording_id = await house.watch(LINK)
        await recorded(house, recording_id, flv)
        live = house.platform.answers[LINK]
        house.platform.go_offline(LINK)
        flv.refuse(404)
        flv.drop_line()
        await house.until(lambda: ("reconnecting", "room_offline") in house.states(recording_id))
        house.platform.answers[LINK] = live
        flv.refuse(None)
        await house.until_state(recording_id, "recording", times=2)
        assert [state for state, _ in house.states(recording_id)].count("monitoring") == 1
        await house.until(lambda: bool(house.of("gap_closed", recording_id)))
        assert len(await house.gaps.of(recording_id)) == 1


async def test_a_host_who_begins_again_at_once_begins_another_broadcast_without_a_gap(
    tmp_path: Path, flv: LiveFlv
) -> None:
    """At another address: while nobody has said so, the old one may be the same broadcast."""
    platform = Platform()
    async with open_house(tmp_path, platform) as house, LiveFlv.open() as other:
        platform.go_live(LINK, flv.url, room_id="1")
        recording, _ = await house.supervisor.start(RecordingPlan(LINK, segment_s=1))
        await house.until_segments(recording.id, 1)
        flv.refuse(404)
        flv.drop_line()
        await house.until_state(recording.id, "reconnecting", "http_404")
        begin(platform, other, "2")
        first = len(house.of("segment_ready", recording.id))
        await house.until_segments(recording.id, first + 1)
        status = await house.status(recording.id)
        assert (status.recording.room.room_id, status.gap_count) == ("2", 0)
        segments = await house.segments.page(recording.id)
        assert {segment.room_id for segment in segments} == {"1", "2"}
        assert house.supervisor.running()[0].recording.state == "recording"


async def test_a_mistake_of_ours_does_not_end_a_watch(tmp_path: Path, flv: LiveFlv) -> None:
    platform = Platform()
    async with open_house(tmp_path, platform, poll_s=0.02) as house:
        recording_id = await house.watch(LINK)
        platform.mistake = ZeroDivisionError("ours")
        await house.until_state(recording_id, "monitoring", "internal_error")
        platform.mistake = None
        platform.go_live(LINK, flv.url)
        await house.until_segments(recording_id, 1)


async def test_a_room_never_seen_is_watched_on_also_where_a_full_disk_and_a_restart_come_between(
    tmp_path: Path, flv: LiveFlv
) -> None:
    platform, gate = Platform(), DiskGate()
    gate.close("low")
    async with open_house(tmp_path, platform, gate=gate) as house:
        recording_id = await house.watch(LINK)
        await house.until_state(recording_id, "paused_disk", "low")
    platform.go_live(LINK, flv.url)
    async with open_house(tmp_path, platform, gate=gate) as house:
        gate.open()
        await house.until_segments(recording_id, 1)
        status = await house.status(recording_id)
        assert (status.recording.room.anchor_name, status.gap_count) == (f"host-{LINK}", 0)
        (segment, *_) = await house.segments.page(recording_id)
        assert Path(status.recording.output) in Path(segment.file.path).parents


async def test_a_stop_while_a_restart_recovers_gives_the_place_back(
    tmp_path: Path, flv: LiveFlv
) -> None:
    platform = Platform()
    async with open_house(tmp_path, platform, max_recordings=1) as house:
        recording_id = await house.watch(LINK)
        await recorded(house, recording_id, flv)
    platform.go_live("other", flv.url)
    async with open_house(tmp_path, platform, max_recordings=1) as house:
        await house.supervisor.stop(recording_id)
        await house.supervisor.start(RecordingPlan("other", segment_s=1))


async def test_the_comment_streams_word_makes_one_offline_enough(
    tmp_path: Path, flv: LiveFlv
) -> None:
    async with open_house(tmp_path, Platform(), offline_recheck_s=60) as house:
        recording_id = await house.watch(LINK)
        await recorded(house, recording_id, flv)
        await house.platform.say(LINK, RoomControl("1", now_ms(), "ended"))
        end(house.platform, flv)
        await house.until_state(recording_id, "monitoring", "offline", times=2)


async def test_a_hint_of_the_comment_stream_has_a_watched_room_asked_for_at_once(
    tmp_path: Path, flv: LiveFlv
) -> None:
    async with open_house(tmp_path, Platform(), poll_s=600) as house:
        live = house.platform.go_live(LINK, flv.url)
        recording_id = await house.watch(LINK)
        await house.until_segments(recording_id, 1)
        end(house.platform, flv)
        await house.until_state(recording_id, "monitoring", "offline")
        begin(house.platform, flv, "2")
        (session,) = house.supervisor.running()
        session.hear(RoomControl(live.room.room_id, now_ms(), "resumed"))
        await house.until_state(recording_id, "recording", times=2)


async def test_the_disk_pauses_a_recording_and_its_gap_says_so(
    tmp_path: Path, flv: LiveFlv
) -> None:
    async with open_house(tmp_path, Platform()) as house:
        recording_id = await house.watch(LINK)
        await recorded(house, recording_id, flv)
        house.gate.close("low")
        await house.until_state(recording_id, "paused_disk", "low")
        await house.until(lambda: bool(house.of("gap_opened", recording_id)))
        last = house.of("segment_ready", recording_id)[-1]
        opened = house.of("gap_opened", recording_id)
        assert [(gap["start_ts"], gap["cause"]) for gap in opened] == [(last["end_ts"], "disk")]
        assert (await house.status(recording_id)).gap_ms >= 0
        assert flv.viewers == 0
        house.gate.open()
        await house.until_state(recording_id, "recording", times=2)
        await house.until(lambda: bool(house.of("gap_closed", recording_id)))
        count = len(house.of("segment_ready", recording_id))
        await house.until_segments(recording_id, count + 1)
        segments = await house.segments.page(recording_id, after=None, limit=100)
        gaps = await house.gaps.before(segments)
        (((_, seq), gap),) = gaps.items()
        after = next(segment for segment in segments if segment.seq == seq)
        assert (gap.start_ms, gap.end_ms) == (last["end_ts"], after.window.start_ms)
        status = await house.status(recording_id)
        assert status.gap_count == 1
        assert 0.5 < status.coverage < 1.0


async def test_a_paused_recording_is_stopped_at_once_and_its_gap_ends(
    tmp_path: Path, flv: LiveFlv
) -> None:
    async with open_house(tmp_path, Platform()) as house:
        recording_id = await house.watch(LINK)
        await recorded(house, recording_id, flv)
        house.gate.close("low")
        await house.until_state(recording_id, "paused_disk")
        with anyio.fail_after(30):
            status = await house.supervisor.stop(recording_id)
        assert status.recording.state == "stopped"
        assert all(gap.end_ms is not None for gap in await house.gaps.of(recording_id))


async def test_while_the_disk_is_full_a_start_is_refused_and_a_watch_waits(
    tmp_path: Path, flv: LiveFlv
) -> None:
    gate = DiskGate()
    gate.close("low")
    async with open_house(tmp_path, Platform(), gate=gate) as house:
        house.platform.go_live(LINK, flv.url)
        with pytest.raises(DiskFull):
            await house.supervisor.start(RecordingPlan(LINK, segment_s=1))
        recording_id = await house.watch(LINK)
        await house.until_state(recording_id, "paused_disk", "low")
        gate.open()
        await house.until_segments(recording_id, 1)
        assert (await house.status(recording_id)).gap_count == 0


async def test_a_room_that_goes_live_while_the_disk_is_full_is_missed_from_then_on(
    tmp_path: Path, flv: LiveFlv
) -> None:
    async with open_house(tmp_path, Platform()) as house:
        recording_id = await house.watch(LINK)
        await anyio.wait_all_tasks_blocked()
        house.gate.close("low")
        house.platform.go_live(LINK, flv.url)
        await house.until_state(recording_id, "paused_disk", "low")
        await house.until(lambda: bool(house.of("gap_opened", recording_id)))
        house.gate.open()
        await house.until_segments(recording_id, 1)
        (gap,) = await house.gaps.of(recording_id)
        assert gap.cause == "disk"
        assert gap.end_ms is not None


async def test_a_room_that_finds_no_place_waits_visibly_and_starts_when_there_is_one(
    tmp_path: Path, flv: LiveFlv
) -> None:
    platform = Platform()
    async with open_house(tmp_path, platform, max_recordings=1) as house:
        platform.go_live("one", flv.url)
        one = await house.watch("one")
        await house.until_state(one, "recording")
        two, three = await house.watch("two"), await house.watch("three")
        platform.go_live("two", flv.url)
        await house.until_state(two, "monitoring", "limit_reached")
        platform.go_live("four", flv.url)
        with pytest.raises(LimitReached):
            await house.supervisor.start(RecordingPlan("four"))
        await house.supervisor.stop(one)
        await house.until_state(two, "recording")
        assert (await house.status(three)).recording.state == "monitoring"


async def test_outside_its_showtimes_a_room_is_not_recorded_and_a_broadcast_is_to_its_end(
    tmp_path: Path, flv: LiveFlv
) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    moments = [datetime(2026, 11, 27, 18, 0, tzinfo=zone)]
    friday = Showtime(19 * 60 + 30, 60, frozenset({"fri"}))
    platform = Platform()
    platform.go_live(LINK, flv.url)
    async with open_house(
        tmp_path, platform, clock=lambda: round(moments[-1].timestamp() * 1000)
    ) as house:
        recording_id = await house.watch(LINK, schedule=(friday,))
        await house.until_state(recording_id, "monitoring", "off_schedule")
        status = await house.status(recording_id)
        begins = datetime(2026, 11, 27, 19, 30, tzinfo=zone)
        assert status.next_check_ms == round(begins.timestamp() * 1000)
        moments.append(begins)
        house.supervisor.running()[0].hear(RoomControl("1", now_ms(), "resumed"))
        await house.until_segments(recording_id, 1)
        moments.append(datetime(2026, 11, 28, 1, 30, tzinfo=zone))
        await house.until_segments(recording_id, 2)
        end(platform, flv)
        await house.until_state(recording_id, "monitoring", "off_schedule", times=2)


async def test_a_later_start_takes_over_what_can_change_and_keeps_the_id(
    tmp_path: Path, flv: LiveFlv
) -> None:
    platform = Platform()
    platform.go_live(LINK, flv.url)
    access = Access(cookie="a=b")
    async with open_house(tmp_path, platform) as house:
        first, _ = await house.supervisor.start(RecordingPlan(LINK, segment_s=1))
        later = RecordingPlan(LINK, segment_s=9, monitor=True, access=access)
        again, already = await house.supervisor.start(later)
        assert (again.id, already) == (first.id, True)
        assert (again.plan.monitor, again.plan.segment_s, again.plan.access) == (True, 1, access)
        third, _ = await house.supervisor.start(RecordingPlan(LINK))
        assert (third.plan.monitor, third.plan.access) == (True, access)
        await house.until_segments(first.id, 1)
        end(platform, flv)
        await house.until_state(first.id, "monitoring", "offline")
        assert platform.asked[-1] == (LINK, access)


async def test_comments_that_want_a_login_come_with_the_cookie_of_a_later_start(
    tmp_path: Path, flv: LiveFlv
) -> None:
    platform = Platform(wants_login=True)
    platform.go_live(LINK, flv.url)
    async with open_house(tmp_path, platform) as house:
        await house.supervisor.start(RecordingPlan(LINK, segment_s=1))
        refused = ("failed", "auth_required")
        await house.until(lambda: refused in house.comment_states("1"))
        await house.supervisor.start(RecordingPlan(LINK, access=Access(cookie="a=b")))
        with anyio.fail_after(30):
            await platform.listened_to.wait()
        await platform.say(LINK, RoomStats("1", now_ms(), 1, 1))
        await house.until(lambda: house.comment_states("1")[-1] == ("live", ""))


async def test_one_room_watched_by_two_links_is_recorded_once(tmp_path: Path, flv: LiveFlv) -> None:
    platform = Platform()
    async with open_house(tmp_path, platform) as house:
        one, two = await house.watch("one"), await house.watch("two")
        assert await house.supervisor.start(RecordingPlan("one", monitor=True)) == (
            (await house.status(one)).recording,
            True,
        )
        platform.go_live("one", flv.url, live_id="42")
        await house.until_state(one, "recording")
        platform.go_live("two", flv.url, live_id="42")
        await house.until_state(two, "stopped", "superseded")
        assert not (await house.status(two)).recording.wanted
        assert [session.recording.id for session in house.supervisor.running()] == [one]


async def test_a_stream_that_cannot_be_recorded_has_the_room_watched_on(
    tmp_path: Path, flv: LiveFlv
) -> None:
    platform = Platform()
    flv.refuse(404)
    async with open_house(tmp_path, platform) as house:
        platform.go_live(LINK, flv.url)
        recording_id = await house.watch(LINK)
        await house.until_state(recording_id, "monitoring", "transport_failed")
        flv.refuse(None)
        await house.until_segments(recording_id, 1)
        assert (await house.status(recording_id)).gap_count == 0


async def test_what_runs_is_on_the_first_page_however_old_it_is(tmp_path: Path) -> None:
    async with open_house(tmp_path, Platform(), poll_s=60) as house:
        ids = [await house.watch(str(number)) for number in range(4)]
        await house.supervisor.stop(ids[1])
        first = [status.recording.id for status in await house.supervisor.newest(1)]
        assert sorted(first) == sorted({ids[0], ids[2], ids[3]})
        started_ms = (await house.status(ids[2])).recording.started_ms
        later = await house.supervisor.newest(10, before_ms=started_ms)
        assert {status.recording.id for status in later} <= {ids[0], ids[1]}


async def test_watching_survives_a_restart_and_so_does_what_was_asked_for(
    tmp_path: Path, flv: LiveFlv
) -> None:
    platform = Platform()
    async with open_house(tmp_path, platform) as house:
        recording_id = await house.watch(LINK, access=Access(cookie="a=b"))
        await house.until_state(recording_id, "monitoring")
    assert house.states(recording_id)[-1] == ("monitoring", "offline")
    platform.go_live(LINK, flv.url)
    async with open_house(tmp_path, platform) as house:
        await house.until_segments(recording_id, 1)
        assert platform.asked[-1] == (LINK, Access(cookie="a=b"))
        assert (await house.status(recording_id)).gap_count == 0


async def test_a_stop_of_the_server_interrupts_a_recording_and_its_next_start_goes_on(
    tmp_path: Path, flv: LiveFlv
) -> None:
    platform = Platform()
    async with open_house(tmp_path, platform) as house:
        recording_id = await house.watch(LINK)
        await recorded(house, recording_id, flv)
    assert house.states(recording_id)[-1] == ("stopped", "server_stopped")
    last = house.of("segment_ready", recording_id)[-1]
    async with open_house(tmp_path, platform) as house:
        await house.until_segments(recording_id, 1)
        assert house.states(recording_id) == [("reconnecting", "restart"), ("recording", "")]
        (gap,) = await house.gaps.of(recording_id)
        first = house.of("segment_ready", recording_id)[0]
        assert (gap.start_ms, gap.cause, gap.end_ms) == (
            last["end_ts"],
            "restart",
            first["start_ts"],
        )
        assert int(str(first["seq"])) > int(str(last["seq"]))


async def test_a_broadcast_that_ended_while_the_server_was_away_leaves_no_gap(
    tmp_path: Path, flv: LiveFlv
) -> None:
    platform = Platform()
    async with open_house(tmp_path, platform) as house:
        recording_id = await house.watch(LINK)
        await recorded(house, recording_id, flv)
    for begin_another in (False, True):
        if begin_another:
            begin(platform, flv, "2")
        else:
            end(platform, flv)
        async with open_house(tmp_path, platform) as house:
            if begin_another:
                await house.until_segments(recording_id, 1)
            else:
                await house.until_state(recording_id, "monitoring", "offline")
            status = await house.status(recording_id)
            assert (status.gap_count, status.gaps) == (0, ())


async def test_a_pause_of_the_disk_outlives_the_server(tmp_path: Path, flv: LiveFlv) -> None:
    platform, gate = Platform(), DiskGate()
    async with open_house(tmp_path, platform, gate=gate) as house:
        recording_id = await house.watch(LINK)
        await recorded(house, recording_id, flv)
        gate.close("low")
        await house.until_state(recording_id, "paused_disk")
        await house.until(lambda: bool(house.of("gap_opened", recording_id)))
        (before,) = await house.gaps.of(recording_id)
    async with open_house(tmp_path, platform, gate=gate) as house:
        await house.until_state(recording_id, "paused_disk", "low")
        gate.open()
        await house.until_segments(recording_id, 1)
        (gap,) = await house.gaps.of(recording_id)
        assert (gap.start_ms, gap.cause) == (before.start_ms, "disk")
        assert gap.end_ms is not None


async def test_sixteen_rooms_are_closed_side_by_side(tmp_path: Path, flv: LiveFlv) -> None:
    platform = Platform()
    async with open_house(tmp_path, platform, stop=False, comments=False) as house:
        rooms = [f"room-{number}" for number in range(16)]
        for room in rooms:
            platform.go_live(room, flv.url)
        ids = [await house.watch(room) for room in rooms]
        for recording_id in ids:
            await house.until_state(recording_id, "recording")
        with anyio.fail_after(30):
            await house.supervisor.close()
        for recording_id in ids:
            assert house.states(recording_id)[-1] == ("stopped", "server_stopped")
            assert house.of("segment_ready", recording_id)
    assert not list(tmp_path.rglob("*.part"))
