"""HLS, whatever the playlist and its pieces do."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from typing import Literal

import anyio
import av
import pytest
from clip_frames import frames_in
from recording_studio import Studio, Take, live_room

from hostcue.errors import RoomNotFound
from hostcue.model.comment import Gap
from hostcue.recording.playlist import Playlist, media_playlist
from hostcue.sim.frames import clip_frames
from hostcue.sim.hls import LiveHls
from hostcue.sim.media import Clip, make_clip

KINDS: tuple[Literal["ts", "fmp4"], ...] = ("ts", "fmp4")
TOLERANCE_MS = 400  # under a piece; how exact it is on a quiet machine, the benchmark tells
FPS = 20


@pytest.fixture(scope="module")
def clip() -> Clip:
    """Four seconds of 192x320 at 20 pictures a second, a key frame each half second."""
    return make_clip(seconds=4, width=192, height=320, fps=FPS, gop_s=0.5)


@pytest.fixture
async def hls(clip: Clip) -> AsyncIterator[LiveHls]:
    async with LiveHls.open(clip, piece_s=0.5) as hls:
        yield hls


def take_of(studio: Studio, hls: LiveHls, *, read_timeout_s: float = 2.0) -> Take:
    return studio.take(hls.url, container="hls", read_timeout_s=read_timeout_s)


def window_errors_ms(take: Take, hls: LiveHls, clip: Clip) -> list[float]:
    """How far each segment's start is from when its first picture was live."""
    frames = clip_frames(clip)
    errors: list[float] = []
    for file in take.closed:
        begins = frames_of(file.path)[0]
        claim_ms = file.window.start_ms
        turn = int((claim_ms - hls.lived_ms(0)) // clip.duration_ms)
        places = [
            around * clip.duration_ms + number * 1000 / FPS
            for number, frame in enumerate(frames)
            for around in range(turn - 2, turn + 2)  # a pause puts it off
            if frame == begins
        ]
        errors.append(min((claim_ms - hls.lived_ms(at_ms) for at_ms in places), key=abs))
    return errors


def frames_of(path: str) -> list[str]:
    with av.open(path) as file:
        pictures = [frame.to_ndarray().tobytes() for frame in file.decode(video=0)]
    return [hashlib.md5(picture, usedforsecurity=False).hexdigest() for picture in pictures]


def goes_on(take: Take, clip: Clip) -> bool:
    """Whether each frame is the clip's next, whatever the windows say."""
    frames = clip_frames(clip)
    found = [frame for file in take.closed[:-1] for frame in frames_of(file.path)]
    turns = [*frames] * (len(found) // len(frames) + 2)
    return any(found == turns[at : at + len(found)] for at in range(len(frames)))


def assert_in_time(take: Take, hls: LiveHls, clip: Clip) -> None:
    errors = window_errors_ms(take, hls, clip)
    assert max(map(abs, errors)) <= TOLERANCE_MS, errors


def length_ms(gap: Gap) -> int:
    return 0 if gap.end_ms is None else gap.end_ms - gap.start_ms


def abut(take: Take) -> bool:
    return all(a.window.end_ms == b.window.start_ms for a, b in pairwise(take.closed))


@pytest.mark.parametrize("kind", KINDS)
async def test_pieces_are_recorded_without_loss_and_in_time(
    studio: Studio, clip: Clip, kind: Literal["ts", "fmp4"]
) -> None:
    async with LiveHls.open(clip, kind=kind, piece_s=0.5) as hls:
        take = studio.take(hls.master_url, container="hls")
        async with studio.running(take):
            await take.until_closed(3)
        assert frames_in(take.closed[:-1], clip).whole
        assert_in_time(take, hls, clip)
        assert abut(take)
        assert take.gaps == []
        assert [file.duration_ms for file in take.closed[:3]] == [1000, 1000, 1000]
        assert hls.connections == 1  # kept for all that is asked for
        assert set(hls.asked_for(".m3u8")[1:]) == {"/live/room.m3u8"}  # the best variant


Fault = Callable[[LiveHls], None]
HARMLESS: dict[str, Fault] = {
    "dropped line": lambda hls: hls.drop_line("reset"),
    "a piece torn twice": lambda hls: hls.tear_pieces(2),
    "an hour ahead": lambda hls: hls.shift_timestamps(3_600_000),
    "an hour ahead, tagged": lambda hls: hls.shift_timestamps(3_600_000, tagged=True),
    "back to zero": lambda hls: hls.reset_timestamps(),
    "back to zero, tagged": lambda hls: hls.reset_timestamps(tagged=True),
    "a piece listed twice": lambda hls: hls.repeat_piece(),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_what_a_player_can_mend_leaves_no_trace(
    studio: Studio, clip: Clip, kind: Literal["ts", "fmp4"]
) -> None:
    async def suffer(name: str, fault: Fault) -> None:
        async with LiveHls.open(clip, kind=kind, piece_s=0.5) as hls:
            take = studio.take(hls.url, container="hls", anchor=name, read_timeout_s=2.0)
            async with studio.running(take):
                await take.until_closed(1)
                fault(hls)
                await take.until_closed(3)
        assert frames_in(take.closed[:-1], clip).whole, name
        assert_in_time(take, hls, clip)
        assert abut(take), name
        assert take.gaps == [], name
        assert take.states == ["recording", "stopped"], name

    async with anyio.create_task_group() as tasks:
        for name, fault in HARMLESS.items():
            tasks.start_soon(suffer, name, fault, name=name)


@pytest.mark.parametrize(("kind", "tagged"), [("ts", True), ("ts", False), ("fmp4", False)])
async def test_another_picture_begins_a_segment_of_its_own(
    studio: Studio, clip: Clip, kind: Literal["ts", "fmp4"], tagged: bool
) -> None:
    other = make_clip(seconds=4, width=176, height=320, fps=FPS, gop_s=0.5)
    async with LiveHls.open(clip, kind=kind, piece_s=0.5) as hls:
        take = take_of(studio, hls)
        async with studio.running(take):
            await take.until_closed(1)
            hls.switch(other, tagged=tagged)
            await take.until(lambda: take.closed[-1].width == 176)
    before = [file for file in take.closed if file.width == 192]
    after = [file for file in take.closed if file.width == 176]
    assert frames_in(before, clip).whole
    assert frames_in(after[:-1], other).whole
    assert abut(take)
    assert take.gaps == []


async def test_a_piece_that_is_not_there_is_a_gap_of_its_length(
    studio: Studio, clip: Clip, hls: LiveHls
) -> None:
    take = take_of(studio, hls)
    async with studio.running(take):
        await take.until_closed(1)
        hls.lose_pieces(1)
        await take.until(lambda: any(gap.end_ms for gap in take.gaps))
        await take.until_closed(len(take.closed) + 2)
    found = frames_in(take.closed[:-1], clip)
    assert [len(missing) for missing in found.missing] == [FPS // 2]
    assert (found.damaged, found.doubled) == (0, [])
    gap = take.gaps[-1]
    assert gap.cause == "lost"
    assert length_ms(gap) == pytest.approx(500, abs=400)
    assert_in_time(take, hls, clip)
    assert take.states == ["recording", "stopped"]


async def test_a_server_that_counts_anew_is_followed(
    studio: Studio, clip: Clip, hls: LiveHls
) -> None:
    take = take_of(studio, hls)
    async with studio.running(take):
        await take.until_closed(1)
        hls.count_anew()
        await take.until_closed(4)
    assert frames_in(take.closed[:-1], clip).whole
    assert_in_time(take, hls, clip)
    assert all(length_ms(gap) <= TOLERANCE_MS for gap in take.gaps)
    assert take.states == ["recording", "stopped"]


async def test_a_playlist_that_stands_still_is_noticed_and_taken_up_again(
    studio: Studio, clip: Clip
) -> None:
    async with LiveHls.open(clip, piece_s=0.5, listed=40) as hls:
        take = take_of(studio, hls)
        async with studio.running(take):
            await take.until_closed(1)
            hls.stall()
            await take.until_state("reconnecting")
            assert take.reasons[-1] == "stalled"  # well before the worker's own patience ends
            hls.resume()
            await take.until_state("recording")
            await take.until_closed(len(take.closed) + 2)
        assert frames_in(take.closed[:-1], clip).whole  # the list was long enough
        assert_in_time(take, hls, clip)
        assert {gap.cause for gap in take.gaps} == {"stalled"}
        assert max(map(length_ms, take.gaps)) <= TOLERANCE_MS


@pytest.mark.parametrize("kind", KINDS)
async def test_a_playlist_that_stands_still_for_long_is_one_gap(
    studio: Studio, clip: Clip, kind: Literal["ts", "fmp4"]
) -> None:
    async with LiveHls.open(clip, kind=kind, piece_s=0.5) as hls:
        take = take_of(studio, hls, read_timeout_s=1.0)
        async with studio.running(take):
            await take.until_closed(1)
            hls.stall()
            await take.until_state("reconnecting")
            before = len(take.opened)
            await anyio.sleep(3.5)  # two connections more wait in vain
            assert len(take.opened) == before
            assert take.states == ["recording", "reconnecting"]
            hls.resume(catch_up=False)
            await take.until_state("recording")
            await take.until_closed(len(take.closed) + 2)
    assert goes_on(take, clip)
    assert take.states == ["recording", "reconnecting", "recording", "stopped"]
    assert {gap.start_ms for gap in take.gaps} == {take.gaps[0].start_ms}
    assert {gap.cause for gap in take.gaps} == {"stalled"}
    assert length_ms(take.gaps[-1]) > 4500
    assert_in_time(take, hls, clip)


@pytest.mark.parametrize(
    ("numbered", "names", "place"),
    [
        (7, "a b c.ts?sign=2 d", 3),
        (0, "a b c.ts d", 3),  # counted anew
        (8, "x y a/b/c.ts", None),  # names are used again
        (9, "c.ts c.ts c.ts", 1),  # all are called the same
        (8, "c.ts c.ts c.ts", 2),
        (10, "d e f", None),
        (0, "x y z", None),
    ],
)
def test_a_piece_is_known_again(numbered: int, names: str, place: int | None) -> None:
    def lists(first: int, entries: str) -> Playlist:
        lines = [f"#EXTINF:2,\n{name}" for name in entries.split()]
        head = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:{first}"
        text = "\n".join([head, *lines])
        return media_playlist(text, "http://cdn/live/list.m3u8")

    last = lists(9, "../c.ts?sign=1").pieces[-1]
    assert lists(numbered, names).place_after(last.mark) == place
    assert lists(numbered, names).place_after("") is None


async def test_one_can_leave_a_playlist_that_stands_still(studio: Studio, hls: LiveHls) -> None:
    take = take_of(studio, hls, read_timeout_s=60.0)
    async with studio.running(take):
        await take.until_closed(1)
        hls.stall()
        with anyio.fail_after(15):
            await take.recorder.stop()


async def test_a_pause_of_the_source_moves_later_windows(
    studio: Studio, clip: Clip, hls: LiveHls
) -> None:
    take = take_of(studio, hls, read_timeout_s=8.0)
    async with studio.running(take):
        await take.until_closed(1)
        hls.stall()
        await anyio.sleep(1.5)  # that long the source pauses
        hls.resume(catch_up=False)
        await take.until_closed(3)
    assert frames_in(take.closed[:-1], clip).whole
    assert_in_time(take, hls, clip)
    assert take.gaps == []


async def test_slow_delivery_loses_nothing_that_is_still_listed(
    studio: Studio, clip: Clip, hls: LiveHls
) -> None:
    take = take_of(studio, hls)
    async with studio.running(take):
        await take.until_closed(1)
        hls.trickle(0.6)
        await hls.wait_requests(len(hls.requests) + 6)
        hls.trickle(None)
        await take.until_closed(3)
    assert frames_in(take.closed[:-1], clip).whole
    assert_in_time(take, hls, clip)
    assert take.gaps == []


async def test_a_refused_playlist_is_asked_for_anew(studio: Studio, clip: Clip) -> None:
    async with LiveHls.open(clip, piece_s=0.5, listed=20) as hls:
        take = take_of(studio, hls)
        async with studio.running(take):
            await take.until_closed(1)
            hls.refuse(403)
            await take.until_state("reconnecting")
            assert take.reasons[-1] == "http_403"
            hls.refuse(None)
            await take.until_state("recording")
            await take.until_closed(len(take.closed) + 2)
        assert frames_in(take.closed[:-1], clip).whole
        assert_in_time(take, hls, clip)
        assert {gap.cause for gap in take.gaps} == {"http_403"}


async def test_an_address_that_expires_is_replaced(studio: Studio, clip: Clip) -> None:
    async with LiveHls.open(clip, piece_s=0.5, listed=20) as hls:
        hls.sign_urls(60)
        take = studio.take(hls.sign(hls.url), container="hls", read_timeout_s=2.0)
        async with studio.running(take):
            await take.until_closed(1)
            hls.expire_urls()
            studio.answers = [live_room(hls.sign(hls.url), "hls")]
            await take.until(lambda: take.states.count("recording") == 2)
            await take.until_closed(len(take.closed) + 2)
        assert frames_in(take.closed[:-1], clip).whole
        assert {gap.cause for gap in take.gaps} == {"http_403"}


async def test_what_is_not_there_is_told_at_once(studio: Studio, hls: LiveHls) -> None:
    hls.refuse(404)
    with anyio.fail_after(30), pytest.raises(RoomNotFound):
        await take_of(studio, hls).recorder.run()
