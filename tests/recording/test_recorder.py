"""A recording of a live room, whatever the stream does."""

from __future__ import annotations

import re
import time
from itertools import pairwise
from pathlib import Path

import anyio
import pytest
from recording_studio import Studio, Take, live_room, look

from hostcue.errors import (
    AuthRequired,
    Blocked,
    NoMedia,
    PrivateAddress,
    RecordingError,
    RoomOffline,
    TransportFailed,
)
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.model.segment import ClosedFile
from hostcue.recording.engine import Engine
from hostcue.sim.flv import LiveFlv
from hostcue.sim.media import Clip, make_clip

VIDEO, AUDIO = 9, 8
WINDOW_ERROR_MS = 500  # how exact it is on a quiet machine, the benchmark tells


def body(clip: Clip, kind: int) -> list[bytes]:
    """The payloads of the broadcast, which repeats them for ever."""
    return [tag.body[5 if kind == VIDEO else 2 :] for tag in clip.tags if tag.kind == kind]


def assert_continuous(clip: Clip, files: list[ClosedFile]) -> None:
    """The packets of the files, one after the other, are those of the broadcast."""
    parts = [look(file.path) for file in files]
    for kind, payloads in (
        (VIDEO, [p for part in parts for p in part.pictures]),
        (AUDIO, [s for part in parts for s in part.sounds]),
    ):
        source = body(clip, kind)
        first = source.index(payloads[0])
        expected = [source[(first + n) % len(source)] for n in range(len(payloads))]
        assert payloads == expected


def moment_ms(flv: LiveFlv, clip: Clip, file: ClosedFile) -> float:
    """When the first picture of a file was live, by the broadcast's own clock."""
    tags = [tag for tag in clip.tags if tag.kind == VIDEO]
    at_ms = tags[[tag.body[5:] for tag in tags].index(look(file.path).pictures[0])].at_ms
    live_ms = flv.position_ms()  # the broadcast's position now
    now_ms = time.time_ns() / 1e6
    # the repetition that is nearest to what the window claims
    claimed = live_ms - (now_ms - file.window.start_ms)
    turn = round((claimed - at_ms) / clip.duration_ms)
    return now_ms - live_ms + turn * clip.duration_ms + at_ms


async def test_segments_land_with_their_names_and_windows(
    studio: Studio, flv: LiveFlv, clip: Clip
) -> None:
    async with studio.running(studio.take(flv.url)) as take:
        await take.until_closed(3)
    files = take.closed
    assert [file.seq for file in files] == list(range(len(files)))
    for file in files:
        name = Path(file.path)
        assert re.fullmatch(rf"小美_\d{{8}}_\d{{6}}_{file.seq:03d}\.mp4", name.name)
        assert name.parent.parent == take.output
        assert name.parent.name == f"{name.name[3:7]}-{name.name[7:9]}-{name.name[9:11]}"
        assert look(name).keys[0]
        assert abs(file.window.start_ms - moment_ms(flv, clip, file)) <= WINDOW_ERROR_MS
    assert all(a.window.end_ms == b.window.start_ms for a, b in pairwise(files))
    assert_continuous(clip, files)
    assert [file.status for file in files] == ["ready"] * len(files)
    assert not list(take.output.rglob("*.part"))


async def test_started_means_that_pictures_are_being_written(studio: Studio, flv: LiveFlv) -> None:
    async with studio.running(studio.take(flv.url, segment_s=60)) as take:
        assert take.states == ["recording"]
        assert Path(take.opened[0].path).exists()
        assert take.opened[0].path.endswith("/rec_000.mp4.part")
        await take.until(lambda: bool(take.progress))
    assert take.progress[-1].bytes > 0


async def test_stopping_announces_the_last_shorter_segment(
    studio: Studio, flv: LiveFlv, clip: Clip
) -> None:
    async with studio.running(studio.take(flv.url, segment_s=60)) as take:
        began = time.monotonic()
        await take.recorder.stop("asked to")
        assert time.monotonic() - began < 15
    (file,) = take.closed
    assert file.status == "ready"
    assert 900 <= file.duration_ms <= 30_000
    assert take.states[-1] == "stopped"
    assert take.reasons[-1] == "asked to"
    assert_continuous(clip, [file])
    await flv.wait_viewers(0)


async def test_stopping_does_not_wait_for_a_stalled_stream(studio: Studio, flv: LiveFlv) -> None:
    async with studio.running(studio.take(flv.url, segment_s=60, read_timeout_s=60)) as take:
        flv.stall()
        began = time.monotonic()
        await take.recorder.stop()
        assert time.monotonic() - began < 15
    assert [file.status for file in take.closed] == ["ready"]
    assert look(take.closed[0].path).keys[0]


async def test_a_cancelled_recording_closes_its_segment(studio: Studio, flv: LiveFlv) -> None:
    take = studio.take(flv.url, segment_s=60)
    async with anyio.create_task_group() as tasks:
        await tasks.start(lambda task_status: take.recorder.run(task_status=task_status))
        tasks.cancel_scope.cancel()
    assert [file.status for file in take.closed] == ["ready"]
    assert take.states[-1] == "stopped"


@pytest.mark.parametrize("how", ["eof", "reset"])
async def test_a_dropped_stream_is_taken_up_again_and_the_gap_told(
    studio: Studio, flv: LiveFlv, clip: Clip, how: str
) -> None:
    async with studio.running(studio.take(flv.url, segment_s=60)) as take:
        flv.drop_line("eof" if how == "eof" else "reset")
        await take.until(lambda: any(p.seq == 1 for p in take.progress))
    before, after = take.closed
    assert (before.seq, before.status) == (0, "truncated")
    assert (after.seq, after.status) == (1, "ready")
    assert take.states == ["recording", "reconnecting", "recording", "stopped"]
    assert take.reasons[1] == how
    opened, *_, ended = take.gaps
    assert (opened.start_ms, opened.cause, opened.end_ms) == (before.window.end_ms, how, None)
    assert (ended.start_ms, ended.cause) == (opened.start_ms, how)
    assert ended.end_ms == after.window.start_ms
    assert 0 <= after.window.start_ms - before.window.end_ms < 15_000
    for file in (before, after):
        assert abs(file.window.start_ms - moment_ms(flv, clip, file)) <= WINDOW_ERROR_MS
        assert_continuous(clip, [file])


async def test_a_stall_is_noticed_after_the_timeout_not_twice_it(
    studio: Studio, flv: LiveFlv
) -> None:
    take = studio.take(flv.url, segment_s=60, read_timeout_s=3.0)
    async with studio.running(take):
        flv.stall()
        began = time.monotonic()
        await take.until_state("reconnecting")
        assert 2 <= time.monotonic() - began < 6
        flv.resume()
        await take.until_state("recording")
    assert take.gaps[0].cause == "stalled"
    assert take.closed[0].status == "truncated"


@pytest.mark.parametrize("catch_up", [True, False], ids=["network", "source"])
async def test_windows_stay_right_after_a_pause(
    studio: Studio, flv: LiveFlv, clip: Clip, catch_up: bool
) -> None:
    async with studio.running(studio.take(flv.url)) as take:
        flv.stall()
        await anyio.sleep(1.0)
        flv.resume(catch_up=catch_up)
        count = len(take.closed)
        await take.until_closed(count + 2)
    assert_continuous(clip, take.closed)
    after = take.closed[count + 1]
    assert abs(after.window.start_ms - moment_ms(flv, clip, after)) <= WINDOW_ERROR_MS
    assert take.states == ["recording", "stopped"]


async def test_progress_tells_a_pause_of_the_source_from_media(
    studio: Studio, flv: LiveFlv
) -> None:
    """Coverage counts the open segment too: what was not broadcast is not on disk."""
    async with studio.running(studio.take(flv.url, segment_s=60)) as take:
        await take.until(lambda: bool(take.progress))
        assert abs(take.progress[-1].window_ms - take.progress[-1].duration_ms) <= WINDOW_ERROR_MS
        flv.stall()
        await anyio.sleep(1.0)
        flv.resume(catch_up=False)
        await take.until(lambda: take.progress[-1].window_ms - take.progress[-1].duration_ms >= 800)
    progress, file = take.progress[-1], take.closed[0]
    assert progress.window_ms - progress.duration_ms == pytest.approx(
        file.window.end_ms - file.window.start_ms - file.duration_ms, abs=300
    )


async def test_a_jump_of_the_time_stamps_costs_no_packet_and_no_accuracy(
    studio: Studio, flv: LiveFlv, clip: Clip
) -> None:
    async with studio.running(studio.take(flv.url)) as take:
        flv.shift_timestamps(3_600_000)
        await take.until_closed(len(take.closed) + 3)
    assert_continuous(clip, take.closed)
    for file in take.closed:
        assert abs(file.window.start_ms - moment_ms(flv, clip, file)) <= WINDOW_ERROR_MS
        assert file.duration_ms <= 1050
    assert all(a.window.end_ms == b.window.start_ms for a, b in pairwise(take.closed))


async def test_a_refused_address_is_resolved_anew_at_once(studio: Studio, flv: LiveFlv) -> None:
    gone = flv.url.replace("/live/room.flv", "/gone")
    async with studio.running(studio.take(flv.url, segment_s=60)) as take:
        studio.answers = [live_room(gone), live_room(flv.url)]
        flv.refuse(403)
        flv.drop_line()
        await take.until(lambda: "http_404" in take.reasons)
        flv.refuse(None)
        await take.until_state("recording")
    asked = [target for target, _ in flv.requests]
    assert asked[:3] == ["/live/room.flv", "/live/room.flv", "/gone"]  # the refused one only once
    assert take.gaps[0].cause == "eof"
    assert {"eof", "http_403", "http_404"} <= set(take.reasons)
    resumed = [event for event in take.events if getattr(event, "live", None)]
    assert resumed, "the new address was not told"


async def test_only_the_platforms_word_given_twice_ends_a_broadcast(
    studio: Studio, flv: LiveFlv
) -> None:
    take = studio.take(flv.url, segment_s=60, ladder_s=(0.0, 0.0), offline_recheck_s=0.2)
    async with anyio.create_task_group() as tasks:
        await tasks.start(lambda task_status: take.recorder.run(task_status=task_status))
        studio.answers = [
            RoomOffline("over"),
            live_room(flv.url),
            RoomOffline("over"),
            RoomOffline("over"),
        ]
        flv.refuse(404)
        flv.drop_line()
        await take.until_state("stopped")
    assert take.reasons[-1] == "offline"
    assert studio.answers == []
    assert take.gaps[-1].end_ms == take.gaps[-1].start_ms == take.closed[-1].window.end_ms


async def test_errors_of_the_platform_are_no_end(studio: Studio, flv: LiveFlv) -> None:
    async with studio.running(studio.take(flv.url, segment_s=60)) as take:
        studio.answers = [Blocked("captcha"), TransportFailed("no line"), live_room(flv.url)]
        flv.refuse(503)
        flv.drop_line()
        await flv.wait_connections(6)
        flv.refuse(None)
        await take.until_state("recording")
    assert {"risk_control", "transport_failed", "http_503"} <= set(take.reasons)


async def test_a_recording_waiting_to_reconnect_stops_at_once(studio: Studio, flv: LiveFlv) -> None:
    take = studio.take(flv.url, segment_s=60, ladder_s=(60.0,))
    async with studio.running(take):
        flv.drop_line()
        await take.until_state("reconnecting")
        began = time.monotonic()
        await take.recorder.stop()
        assert time.monotonic() - began < 20
    assert take.gaps[-1].end_ms is not None


async def test_a_stream_whose_end_is_the_end_is_not_taken_up_again(
    studio: Studio, flv: LiveFlv
) -> None:
    take = studio.take(flv.url, segment_s=60, endless=False)
    async with anyio.create_task_group() as tasks:
        await tasks.start(lambda task_status: take.recorder.run(task_status=task_status))
        flv.drop_line()
    assert take.reasons[-1] == "ended"
    assert flv.connections == 1


async def test_aligned_segments_begin_with_the_spans_of_the_wall_clock(
    studio: Studio, clip: Clip
) -> None:
    """Key frames come each second; two rooms cut at the same ones, whenever they began."""
    # spans begin between two key frames: which of them one belongs to is no matter of milliseconds
    await anyio.sleep((1.5e9 - time.time_ns() % 1e9) % 1e9 / 1e9)
    async with (
        LiveFlv.open(clip, burst_s=1.0) as flv,
        studio.running(studio.take(flv.url, segment_s=2, aligned=True)) as take,
    ):
        await take.until_closed(1)
        async with studio.running(
            studio.take(flv.url, segment_s=2, aligned=True, anchor="b")
        ) as later:
            await later.until_closed(2)
    starts = [f.window.start_ms for f in take.closed[1:]]
    assert [(ms + 50) // 2000 - (starts[0] + 50) // 2000 for ms in starts] == [*range(len(starts))]
    assert all((ms + 50) % 2000 < 1150 for ms in starts)
    # the later one may begin a last segment just before it is stopped, when the first has ended
    others = [f.window.start_ms for f in later.closed[1:]]
    both = [ms for ms in others if ms < take.closed[-1].window.end_ms - WINDOW_ERROR_MS]
    assert both
    assert all(min(abs(ms - start) for start in starts) <= WINDOW_ERROR_MS for ms in both)
    assert take.closed[0].duration_ms <= 2050
    assert_continuous(clip, take.closed)


async def test_sound_that_sets_in_later_and_a_picture_that_does_are_recorded(
    studio: Studio, clip: Clip
) -> None:
    silent = make_clip(seconds=4, width=160, height=288, audio=False)
    sound = make_clip(seconds=4, video_codec=None)
    async with LiveFlv.open(sound, burst_s=1.0) as flv:
        async with studio.running(studio.take(flv.url)) as take:
            await take.until_closed(1)
            flv.switch(silent)
            await take.until(lambda: bool(take.closed[-1].video_codec))
            flv.switch(clip)
            await take.until(
                lambda: take.closed[-1].video_codec != "" and take.closed[-1].audio_codec != ""
            )
        assert flv.connections == 1
    assert take.gaps == []
    assert all(a.window.end_ms == b.window.start_ms for a, b in pairwise(take.closed))


async def test_two_rooms_do_not_disturb_each_other(
    studio: Studio, flv: LiveFlv, clip: Clip
) -> None:
    async with (
        LiveFlv.open(clip, burst_s=1.0) as other,
        studio.running(studio.take(flv.url, recording_id="a", anchor="a")) as first,
        studio.running(studio.take(other.url, recording_id="b", anchor="b")) as second,
    ):
        await first.until_closed(1)
        other.stall()
        await first.until_closed(len(first.closed) + 2)
        other.resume()
        await second.until_closed(len(second.closed) + 1)
    for take in (first, second):
        assert_continuous(clip, take.closed)
        assert take.gaps == []


async def test_numbers_go_on_where_an_earlier_run_ended(studio: Studio, flv: LiveFlv) -> None:
    async with studio.running(studio.take(flv.url, segment_s=60, first_seq=41)) as take:
        assert take.opened[0].seq == 41
    assert take.closed[0].seq == 41
    assert take.closed[0].path.endswith("_041.mp4")


async def test_a_redirect_is_followed(studio: Studio, flv: LiveFlv, clip: Clip) -> None:
    async with LiveFlv.open(clip) as other:
        flv.redirect(other.url)
        async with studio.running(studio.take(flv.url, segment_s=60)):
            assert other.connections == 1


async def fails(take: Take) -> Exception:
    with anyio.fail_after(30), pytest.raises(Exception) as caught:  # noqa: PT011 - told by the test
        await take.recorder.run()
    assert take.events == []
    assert not take.output.exists() or not list(take.output.iterdir())
    return caught.value


async def test_a_private_address_is_refused(studio: Studio, flv: LiveFlv) -> None:
    error = await fails(studio.take(flv.url, policy=AddressPolicy()))
    assert isinstance(error, PrivateAddress)
    assert flv.connections == 0


async def test_what_is_no_media_is_refused(studio: Studio, flv: LiveFlv) -> None:
    url = flv.serve_text("/page.html", "<html>" * 100, "text/html")
    assert type(await fails(studio.take(url))) is NoMedia


async def test_an_address_that_redirects_on_and_on_says_so(studio: Studio, flv: LiveFlv) -> None:
    flv.redirect(flv.url)
    assert "in circles" in str(await fails(studio.take(flv.url)))


async def test_a_server_that_says_no_is_named_with_its_answer(studio: Studio, flv: LiveFlv) -> None:
    flv.refuse(403)
    error = await fails(studio.take(flv.url + "?token=secret"))
    assert isinstance(error, AuthRequired)
    assert "403" in error.message
    assert "secret" not in error.message


async def test_a_server_that_is_not_there_fails_at_once(studio: Studio) -> None:
    assert isinstance(await fails(studio.take("http://127.0.0.1:9/x.flv")), TransportFailed)


async def test_a_server_that_sends_nothing_fails_after_the_timeout(
    studio: Studio, flv: LiveFlv
) -> None:
    flv.stall()
    take = studio.take(flv.url, open_timeout_s=0.4)
    assert isinstance(await fails(take), TransportFailed)


async def test_a_recording_stopped_before_it_began_says_so(studio: Studio, flv: LiveFlv) -> None:
    flv.stall()
    take = studio.take(flv.url)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_stop_once_connected, flv, take)
        with pytest.raises(RecordingError):
            await take.recorder.run()
    assert take.events == []


async def test_a_recording_cancelled_before_it_began_is_just_cancelled(
    studio: Studio, flv: LiveFlv
) -> None:
    flv.stall()
    take = studio.take(flv.url)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take.recorder.run)
        await flv.wait_viewers(1)
        tasks.cancel_scope.cancel()
    assert take.events == []


async def _stop_once_connected(flv: LiveFlv, take: Take) -> None:
    await flv.wait_viewers(1)
    await take.recorder.stop()


async def test_proxies_of_the_environment_are_not_used(
    tmp_path: Path, flv: LiveFlv, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with Engine.open() as engine:
        studio = Studio(engine, tmp_path)
        take = studio.take(flv.url, segment_s=60, proxies=Proxies(http="http://127.0.0.1:9"))
        async with studio.running(take):  # and loopback goes through no proxy at all
            assert flv.viewers == 1
