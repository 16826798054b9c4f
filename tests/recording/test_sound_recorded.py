"""Who records can be listened to, and the recording is the same whoever listens."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from recording_studio import Studio, Take, look
from sound_house import Heard, as_file, listening, offset_ms, sweep

from hostcue.model.clock import now_ms
from hostcue.model.sound import SAMPLE_HZ, SoundPlace
from hostcue.recording.engine import Engine
from hostcue.recording.sound_inlet import SoundInlet
from hostcue.sim.flv import LiveFlv
from hostcue.sim.media import Clip, make_clip

SOUND = sweep(4)
NEAR_MS = 60
PACKET_MS = 32


@pytest.fixture(scope="module")
def spoken() -> Clip:
    return make_clip(seconds=4, width=96, height=160, sound=SOUND, sound_hz=SAMPLE_HZ)


@pytest.fixture
async def room(spoken: Clip) -> AsyncIterator[LiveFlv]:
    async with LiveFlv.open(spoken, burst_s=1.0) as flv:
        yield flv


@pytest.fixture(scope="module")
def minute(spoken: Clip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as long as no queue."""
    return as_file(spoken, tmp_path_factory.mktemp("minute") / "minute.flv", turns=15)


def check_times(heard: Heard, room: LiveFlv, *, first: int = 0) -> None:
    """What is heard was live when it says so."""
    zero_ms = now_ms() - room.position_ms()
    for at in range(first, len(heard.sounds) - 8, 8):
        begin_ms = heard.sounds[at].at_ms - zero_ms
        part = Heard(heard.place, heard.sounds[at : at + 8]).samples()
        off_ms = (begin_ms - offset_ms(part, SOUND) + 2000) % 4000 - 2000
        assert abs(off_ms) <= NEAR_MS


def recorded_ms(take: Take) -> float:
    lengths_ms = {"aac": PACKET_MS, "mp3": 1152 / 44.1, "": 0}
    return sum(len(look(f.path).sounds) * lengths_ms[f.audio_codec] for f in take.closed)


async def test_all_that_is_recorded_is_heard_and_says_when_it_was(
    studio: Studio, inlet: SoundInlet, room: LiveFlv
) -> None:
    async with listening(inlet) as heard:
        take = studio.take(room.url, sound=heard.place)
        async with studio.running(take):
            await heard.until_s(3)
            check_times(heard, room)
        assert len(take.closed) >= 2
        assert heard.length_ms == pytest.approx(recorded_ms(take), abs=PACKET_MS)
        assert heard.lost_ms == 0
        assert heard.holes == []
        assert heard.sounds[0].at_ms == pytest.approx(take.closed[0].window.start_ms, abs=NEAR_MS)


async def test_it_is_listened_to_from_a_moment_on_and_no_longer_and_again(
    studio: Studio, inlet: SoundInlet, room: LiveFlv
) -> None:
    take = studio.take(room.url, segment_s=60)
    async with studio.running(take):
        async with listening(inlet) as one:
            await take.recorder.listen(one.place)
            await one.until_s(0.5)
            await take.recorder.listen(None)
            told = len(take.progress)
            await take.until(lambda: len(take.progress) >= told + 2)
            came = one.length_ms
            told = len(take.progress)
            await take.until(lambda: len(take.progress) > told)
            assert one.length_ms == came
        async with listening(inlet) as two:
            await take.recorder.listen(two.place)
            await two.until_s(0.5)
            check_times(two, room)
            assert two.sounds[0].at_ms > one.sounds[-1].at_ms + 500
    assert len(take.closed) == 1


@contextmanager
def nobody(kind: str) -> Iterator[int]:
    """A port where sound is not taken."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        if kind == "frozen":  # the system accepts for it, and nobody ever reads
            yield port
            return
    yield port


async def record(studio: Studio, path: Path, name: str, place: SoundPlace | None) -> Take:
    take = studio.take(
        str(path), container="file", anchor=name, segment_s=20, sound=place, endless=False
    )
    return await studio.whole(take)


def packets(take: Take) -> list[list[bytes]]:
    media = [look(file.path) for file in take.closed]
    return [[*m.pictures, *m.sounds] for m in media]


async def test_the_files_are_the_same_whoever_listens(
    studio: Studio, inlet: SoundInlet, minute: Path
) -> None:
    alone = packets(await record(studio, minute, "alone", None))
    assert len(alone) == 3
    for kind in ("frozen", "gone"):
        with nobody(kind) as port:
            place = SoundPlace(port, "t" * 32)
            assert packets(await record(studio, minute, kind, place)) == alone, kind
    async with listening(inlet, closed=True) as heard:
        assert packets(await record(studio, minute, "slow", heard.place)) == alone
    stranger = SoundPlace(heard.place.port, "f" * 32)
    assert packets(await record(studio, minute, "stranger", stranger)) == alone


async def test_a_listener_who_was_away_hears_what_is_left_and_how_much_is_not(
    studio: Studio, inlet: SoundInlet, room: LiveFlv
) -> None:
    """Away for less than the queue holds, nothing is lost."""
    async with listening(inlet, closed=True) as heard:
        take = studio.take(room.url, segment_s=60, sound=heard.place)
        async with studio.running(take):
            await take.until(lambda: any(p.duration_ms >= 3500 for p in take.progress))
            heard.gate.set()
            await heard.until_s(3.5)
        assert heard.length_ms == pytest.approx(recorded_ms(take), abs=PACKET_MS)
        assert heard.lost_ms == 0


async def test_a_stream_that_drops_is_heard_again_when_it_is_recorded_again(
    studio: Studio, inlet: SoundInlet, room: LiveFlv
) -> None:
    async with listening(inlet) as heard:
        take = studio.take(room.url, segment_s=60, sound=heard.place)
        async with studio.running(take):
            await heard.until_s(1.5)
            room.drop_line()
            await take.until(lambda: take.states.count("recording") == 2)
            at = len(heard.sounds)
            await heard.until(lambda: len(heard.sounds) >= at + 12)
            check_times(heard, room, first=at)
        assert heard.length_ms == pytest.approx(recorded_ms(take), abs=2 * PACKET_MS)
        times = [sound.at_ms for sound in heard.sounds]
        assert times == sorted(times)


async def test_when_a_worker_is_killed_the_next_one_is_heard(
    studio: Studio, inlet: SoundInlet, room: LiveFlv
) -> None:
    async with listening(inlet) as heard:
        take = studio.take(room.url, segment_s=60, sound=heard.place)
        async with studio.running(take):
            await heard.until_s(1)
            worker = take.recorder._connections._worker
            assert worker is not None
            assert worker.pid is not None
            os.kill(worker.pid, signal.SIGKILL)
            await take.until(lambda: take.states.count("recording") == 2)
            at = len(heard.sounds)
            await heard.until(lambda: len(heard.sounds) >= at + 5)
        assert take.reasons[1] == "worker_died"


async def test_workers_that_are_not_forked_follow_orders_too(
    inlet: SoundInlet, room: LiveFlv, tmp_path: Path
) -> None:
    async with Engine.open(fork=False) as engine, listening(inlet) as heard:
        studio = Studio(engine, tmp_path)
        take = studio.take(room.url, segment_s=60)
        async with studio.running(take):
            await take.recorder.listen(heard.place)
            await heard.until_s(0.5)
            await take.recorder.listen(None)
        assert take.states == ["recording", "stopped"]


async def test_a_stream_without_sound_is_recorded_although_somebody_listens(
    studio: Studio, inlet: SoundInlet
) -> None:
    mute = make_clip(seconds=4, width=96, height=160, audio=False)
    async with LiveFlv.open(mute) as room, listening(inlet) as heard:
        take = studio.take(room.url, sound=heard.place)
        async with studio.running(take):
            await take.until_closed(1)
        assert heard.sounds == []


async def test_sound_in_another_codec_goes_on_being_heard(
    studio: Studio, inlet: SoundInlet, room: LiveFlv
) -> None:
    other = make_clip(
        seconds=4, width=96, height=160, sound=SOUND, sound_hz=SAMPLE_HZ, audio_codec="mp3"
    )
    async with listening(inlet) as heard:
        take = studio.take(room.url, segment_s=60, sound=heard.place)
        async with studio.running(take):
            await heard.until_s(0.5)
            room.switch(other)
            await take.until(lambda: [o.info.audio_codec for o in take.opened][-1] == "mp3")
            at = len(heard.sounds)
            await heard.until(lambda: len(heard.sounds) >= at + 10)
        assert heard.lost_ms == 0
        assert heard.length_ms == pytest.approx(recorded_ms(take), abs=2 * PACKET_MS)
