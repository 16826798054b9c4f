"""A room is listened to without being recorded."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest
from recording_studio import Told, live_room
from sound_house import Heard, listening, offset_ms, sweep

from hostcue.errors import HostcueError, MediaUnsupported, NoMedia, RoomNotFound, RoomOffline
from hostcue.model.clock import now_ms
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.model.recording import RecorderEvent, StateChanged
from hostcue.model.room import Container, LiveRoom
from hostcue.model.sound import SAMPLE_HZ
from hostcue.recording.engine import Engine
from hostcue.recording.listener import Listener
from hostcue.recording.sound_inlet import SoundInlet
from hostcue.recording.stream_keeper import StreamRules
from hostcue.sim.flv import LiveFlv
from hostcue.sim.hls import LiveHls
from hostcue.sim.media import Clip, make_clip
from hostcue.sim.rtmp import LiveRtmp

SOUND = sweep(4)
NEAR_MS = 60


@pytest.fixture(scope="module")
def spoken() -> Clip:
    return make_clip(
        seconds=4, width=96, height=160, fps=20, gop_s=0.5, sound=SOUND, sound_hz=SAMPLE_HZ
    )


@pytest.fixture
async def room(spoken: Clip) -> AsyncIterator[LiveFlv]:
    async with LiveFlv.open(spoken, burst_s=1.0) as flv:
        yield flv


@dataclass
class Hearing(Told):
    """A listener under test, and what it brought."""

    listener: Listener
    heard: Heard

    @property
    def states(self) -> list[tuple[str, str]]:
        return [(e.state, e.reason) for e in self.events if isinstance(e, StateChanged)]

    def check_times(self, position_ms: int, *, first: int = 0) -> None:
        """What is heard was live when it says so, if that is the broadcast's moment now."""
        sounds, zero_ms = self.heard.sounds, now_ms() - position_ms
        for at in range(first, len(sounds) - 8, 8):
            part = Heard(self.heard.place, sounds[at : at + 8]).samples()
            off_ms = sounds[at].at_ms - zero_ms - offset_ms(part, SOUND)
            assert abs((off_ms + 2000) % 4000 - 2000) <= NEAR_MS


@dataclass
class Ears:
    """Makes listeners; what the room resolves to is `answers`, one after the other."""

    engine: Engine
    inlet: SoundInlet
    answers: list[LiveRoom | HostcueError] = field(default_factory=list)

    @asynccontextmanager
    async def at(self, url: str, container: Container = "flv") -> AsyncIterator[Hearing]:
        async def resolve() -> LiveRoom:
            answer = self.answers.pop(0) if self.answers else live_room(url, container)
            if isinstance(answer, HostcueError):
                raise answer
            return answer

        async def emit(event: RecorderEvent) -> None:
            await hearing.emit(event)

        async with listening(self.inlet) as heard:
            listener = Listener(
                self.engine,
                live=live_room(url, container),
                place=heard.place,
                proxies=Proxies(),
                policy=AddressPolicy(allow_private=True),
                resolve=resolve,
                emit=emit,
                rules=StreamRules(
                    open_timeout_s=5.0,
                    read_timeout_s=1.0,
                    ladder_s=(0.0, 0.05, 0.1),
                    resolve_ladder_s=(0.1,),
                    offline_recheck_s=0.3,
                ),
            )
            hearing = Hearing(listener, heard)
            yield hearing

    @asynccontextmanager
    async def running(self, url: str, container: Container = "flv") -> AsyncIterator[Hearing]:
        async with self.at(url, container) as hearing, anyio.create_task_group() as tasks:
            with anyio.fail_after(20):
                await tasks.start(hearing.listener.run)
            yield hearing
            with anyio.fail_after(10):
                await hearing.listener.stop()


@pytest.fixture
def ears(engine: Engine, inlet: SoundInlet) -> Ears:
    return Ears(engine, inlet)


async def test_a_room_is_heard_when_it_is_live_and_nothing_is_written(
    ears: Ears, room: LiveFlv, tmp_path: Path
) -> None:
    async with ears.running(room.url) as hearing:
        await hearing.heard.until_s(2.5)
        hearing.check_times(room.position_ms())
    assert hearing.states == [("recording", ""), ("stopped", "stopped")]
    assert hearing.gaps == []
    assert hearing.heard.holes == []
    assert hearing.heard.lost_ms == 0
    assert list(tmp_path.iterdir()) == []


async def test_hls_is_heard_too(ears: Ears, spoken: Clip) -> None:
    async with LiveHls.open(spoken, piece_s=1) as hls, ears.running(hls.url, "hls") as hearing:
        await hearing.heard.until_s(4)
    assert hearing.heard.holes == []
    first, later = [Heard(hearing.heard.place, hearing.heard.sounds[at : at + 8]) for at in (0, 16)]
    moved_ms = offset_ms(later.samples(), SOUND) - offset_ms(first.samples(), SOUND)
    told_ms = later.sounds[0].at_ms - first.sounds[0].at_ms
    assert moved_ms % 4000 == pytest.approx(told_ms, abs=40)


async def test_rtmp_is_heard_too(ears: Ears, spoken: Clip) -> None:
    async with LiveRtmp.open(spoken) as rtmp, ears.running(rtmp.url) as hearing:
        await hearing.heard.until_s(1)
    assert hearing.states[0] == ("recording", "")


async def test_a_stream_that_drops_leaves_a_gap_and_is_taken_up_again(
    ears: Ears, room: LiveFlv
) -> None:
    async with ears.running(room.url) as hearing:
        await hearing.heard.until_s(1.5)
        room.burst(0)
        room.refuse(404)
        room.drop_line("reset")
        await hearing.until(lambda: hearing.states[-1] == ("reconnecting", "http_404"))
        at = len(hearing.heard.sounds)
        room.refuse(None)
        await hearing.until(lambda: hearing.states[-1] == ("recording", ""))
        await hearing.heard.until(lambda: len(hearing.heard.sounds) >= at + 10)
        hearing.check_times(room.position_ms(), first=at)
    begun, ended = hearing.gaps[0], hearing.gaps[-1]
    before, after = hearing.heard.sounds[at - 1], hearing.heard.sounds[at]
    assert (begun.cause, begun.end_ms) == ("reset", None)
    assert begun.start_ms == pytest.approx(before.at_ms + before.length_ms, abs=100)
    assert ended.end_ms == pytest.approx(after.at_ms, abs=100)


async def test_what_was_heard_before_a_drop_is_not_heard_again(ears: Ears, room: LiveFlv) -> None:
    """A server greets with the last second; of it comes what is new, give or take a packet."""
    async with ears.running(room.url) as hearing:
        await hearing.heard.until_s(1.5)
        at = len(hearing.heard.sounds)
        room.drop_line()
        await hearing.until(lambda: hearing.states.count(("recording", "")) == 2)
        await hearing.heard.until(lambda: len(hearing.heard.sounds) >= at + 10)
    assert sum(-hole for _, hole in hearing.heard.holes if hole < 0) <= 150
    assert sum(hole for _, hole in hearing.heard.holes if hole > 0) <= 150


async def test_a_stream_that_stands_still_is_given_up(ears: Ears, room: LiveFlv) -> None:
    async with ears.running(room.url) as hearing:
        await hearing.heard.until_s(1)
        room.stall()
        await hearing.until(lambda: hearing.states[-1] == ("reconnecting", "stalled"))


async def test_the_platforms_word_given_twice_ends_it(ears: Ears, room: LiveFlv) -> None:
    async with ears.running(room.url) as hearing:
        ears.answers += [RoomOffline("over")] * 2
        room.refuse(404)
        room.drop_line()
        await hearing.until(lambda: hearing.states[-1] == ("stopped", "offline"))


async def test_a_killed_worker_is_replaced(ears: Ears, room: LiveFlv) -> None:
    async with ears.running(room.url) as hearing:
        worker = hearing.listener._connections._worker
        assert worker is not None
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        await hearing.until(lambda: hearing.states.count(("recording", "")) == 2)
        at = len(hearing.heard.sounds)
        await hearing.heard.until(lambda: len(hearing.heard.sounds) > at)
    assert hearing.states[1] == ("reconnecting", "worker_died")


async def test_a_stream_without_sound_is_refused_in_words(ears: Ears) -> None:
    mute = make_clip(seconds=4, width=96, height=160, audio=False)
    async with LiveFlv.open(mute) as room, ears.at(room.url) as hearing:
        with pytest.raises(MediaUnsupported, match="no sound"), anyio.fail_after(20):
            await hearing.listener.run()


@pytest.mark.parametrize(
    ("path", "error"),
    [("/live/none.txt", RoomNotFound), ("/page", NoMedia)],
    ids=["nothing", "a-page"],
)
async def test_what_is_no_stream_is_refused(
    ears: Ears, room: LiveFlv, path: str, error: type[HostcueError]
) -> None:
    room.serve_text("/page", "<html>no stream</html>" * 100, "text/html")
    url = room.url.removesuffix("/live/room.flv") + path
    async with ears.at(url) as hearing:
        with pytest.raises(error), anyio.fail_after(20):
            await hearing.listener.run()


async def test_stopped_before_anything_came_it_just_ends(ears: Ears, room: LiveFlv) -> None:
    room.stall()
    async with ears.at(room.url) as hearing, anyio.create_task_group() as tasks:
        tasks.start_soon(hearing.listener.run)
        await room.wait_viewers(1)
        await hearing.listener.stop("enough")
    assert hearing.states == [("stopped", "enough")]


async def test_cancelled_it_ends_its_worker(ears: Ears, room: LiveFlv) -> None:
    async with ears.at(room.url) as hearing, anyio.create_task_group() as tasks:
        await tasks.start(hearing.listener.run)
        tasks.cancel_scope.cancel()
    with anyio.fail_after(10):
        await room.wait_viewers(0)
    assert hearing.states[-1] == ("stopped", "server_stopped")
