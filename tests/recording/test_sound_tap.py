"""What is recorded can be heard, and who hears it badly harms nobody."""

from __future__ import annotations

import io
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import anyio
import anyio.to_thread
import av
import numpy as np
import pytest
from anyio.abc import SocketAttribute, SocketStream
from av.audio.stream import AudioStream
from sound_house import Floats, listening, offset_ms, sweep

from hostcue.model.sound import SAMPLE_HZ, Sound, SoundPlace
from hostcue.recording.sound_decoder import SoundDecoder, SoundForm, SoundPacket
from hostcue.recording.sound_inlet import SoundInlet
from hostcue.recording.sound_tap import SoundQueue, SoundTap
from hostcue.sim.media import Clip, make_clip

SOUND = sweep(4)
START_MS = 1_790_000_000_000


@dataclass
class Track:
    """A clip's track of sound, as a demuxer brings it."""

    media: av.container.InputContainer
    stream: AudioStream
    packets: list[tuple[bytes, float, float]]

    def play(self, tap: SoundTap, *, turns: int = 1, first: int = 0) -> None:
        """Let a tap hear the whole track, as often as that; a turn is four seconds."""
        for turn in range(first, first + turns):
            for data, at_ms, length_ms in self.packets:
                tap.hear(data, START_MS + 4000 * turn + at_ms, length_ms)


def track_of(clip: Clip) -> Track:
    tags = (*(t.encode(0) for t in clip.headers), *(t.encode(t.at_ms) for t in clip.tags))
    media = av.open(io.BytesIO(b"".join((clip.flv_header, *tags))), "r", format="flv")
    stream = media.streams.audio[0]
    found = [
        (bytes(p), 1000 * float((p.pts or 0) * p.time_base), 1000 * float(p.duration * p.time_base))
        for p in media.demux(stream)
        if p.size and p.duration is not None
    ]
    return Track(media, stream, found)


@pytest.fixture(scope="module")
def aac() -> Iterator[Track]:
    track = track_of(make_clip(seconds=4, video_codec=None, sound=SOUND, sound_hz=SAMPLE_HZ))
    with track.media:
        yield track


@pytest.fixture(scope="module")
def mp3() -> Iterator[Track]:
    track = track_of(
        make_clip(seconds=4, video_codec=None, sound=SOUND, sound_hz=SAMPLE_HZ, audio_codec="mp3")
    )
    with track.media:
        yield track


async def close(tap: SoundTap) -> None:
    """As a worker does at its end; it waits for the server, which is this thread."""
    await anyio.to_thread.run_sync(tap.close, 10.0)


@asynccontextmanager
async def cutting(to: int) -> AsyncIterator[int]:
    """A port that leads to another, and whose first three connections are cut after a while."""
    limits = iter([40_000] * 3)

    async def serve(near: SocketStream) -> None:
        left = next(limits, 10**9)
        async with (
            near,
            await anyio.connect_tcp("127.0.0.1", to) as far,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(answer, far, near)
            with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                while left > 0:
                    data = await near.receive()
                    left -= len(data)
                    await far.send(data)
            tasks.cancel_scope.cancel()

    async def answer(far: SocketStream, near: SocketStream) -> None:
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            while True:
                await near.send(await far.receive())

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        yield listener.extra(SocketAttribute.local_port)  # noqa: S610 - not Django's
        tasks.cancel_scope.cancel()


def decoded(track: Track) -> tuple[Floats, list[float]]:
    form, decoder = SoundForm.of(track.stream), SoundDecoder()
    sounds = [s for p in track.packets for s in decoder.take(SoundPacket(form, *p))]
    sounds += decoder.rest()
    pcm = np.frombuffer(b"".join(s.pcm for s in sounds), "<i2")
    return (pcm / 32768).astype(np.float32), [s.at_ms for s in sounds]


def test_sound_follows_by_its_place_in_the_stream_whatever_its_times_say(aac: Track) -> None:
    form, decoder = SoundForm.of(aac.stream), SoundDecoder()
    sounds: list[Sound] = []
    for number, (data, at_ms, length_ms) in enumerate(aac.packets):
        leap_ms = 5000.0 if number >= 100 else 0.0
        late_ms = 700.0 if 30 <= number < 60 else 0.0
        place_ms = at_ms + leap_ms
        packet = SoundPacket(form, data, place_ms + late_ms + START_MS, length_ms, place_ms)
        sounds += decoder.take(packet)
    sounds += decoder.rest()
    first, leap = [number for number, sound in enumerate(sounds) if not sound.follows]
    assert first == 0
    before, after = sounds[leap - 1], sounds[leap]
    assert after.at_ms - before.at_ms > 5000


@pytest.mark.parametrize("codec", ["aac", "mp3"])
def test_a_moment_of_the_sound_has_the_time_it_was_sent_with(
    codec: str, request: pytest.FixtureRequest
) -> None:
    """Encoders begin with some silence that was not there; it shifts nothing."""
    samples, times = decoded(request.getfixturevalue(codec))
    for second in (1, 2, 3):
        piece = samples[second * SAMPLE_HZ : second * SAMPLE_HZ + 3200]
        assert offset_ms(piece, SOUND) == pytest.approx(1000 * second - times[0], abs=2)
    assert len(samples) == pytest.approx(4 * SAMPLE_HZ, abs=SAMPLE_HZ * 0.03)


def test_a_damaged_packet_takes_nothing_with_it(aac: Track) -> None:
    broken = list(aac.packets)
    for place in (20, 21, 50):
        broken[place] = (b"\xff" * 40, *broken[place][1:])
    samples, times = decoded(Track(aac.media, aac.stream, broken))
    assert len(samples) >= SAMPLE_HZ * 3.85
    assert times == sorted(times)
    assert offset_ms(samples[-8000:], SOUND) == pytest.approx(3500, abs=5)


def test_of_a_queue_that_is_full_the_oldest_is_lost_and_counted(aac: Track) -> None:
    queue = SoundQueue(keep_ms=1000)
    form = SoundForm.of(aac.stream)
    for data, at_ms, length_ms in aac.packets:
        queue.put(SoundPacket(form, data, at_ms, length_ms))
    taken = queue.take()
    assert taken is not None
    packet, lost_ms = taken
    assert packet.at_ms - aac.packets[0][1] == lost_ms
    assert lost_ms == pytest.approx(3000, abs=33)


async def test_all_of_it_comes_once_and_in_order(inlet: SoundInlet, aac: Track) -> None:
    async with listening(inlet) as heard:
        tap = SoundTap(heard.place)
        tap.follow(aac.stream)
        aac.play(tap, turns=3)
        await close(tap)
        assert heard.length_ms == 12_000
        assert heard.lost_ms == 0
        assert heard.holes == []
        assert heard.sounds[0].at_ms == START_MS


async def test_what_nobody_took_in_time_is_told_as_lost(inlet: SoundInlet, aac: Track) -> None:
    """To the sample: what came and what was lost are together what there was."""
    async with listening(inlet, closed=True) as heard:
        tap = SoundTap(heard.place, keep_ms=2000)
        tap.follow(aac.stream)
        aac.play(tap, turns=5)  # nobody takes it
        heard.gate.set()
        await heard.until(lambda: heard.sounds[-1:] != [] and heard.lost_ms > 0)
        aac.play(tap, first=5)
        await close(tap)
        assert heard.length_ms + heard.lost_ms == pytest.approx(24_000, abs=1)
        assert heard.lost_ms > 10_000
        lost = [(sound.at_ms, sound.lost_ms) for sound in heard.sounds[1:] if sound.lost_ms]
        assert [at_ms for at_ms, _ in heard.holes] == [at_ms for at_ms, _ in lost]
        assert [ms for _, ms in heard.holes] == pytest.approx([ms for _, ms in lost], abs=1)
        assert heard.sounds[-1].at_ms + heard.sounds[-1].length_ms == START_MS + 24_000


async def test_a_line_that_breaks_loses_and_doubles_nothing(aac: Track) -> None:
    """Each time the server hangs up in the middle of what was sent."""
    async with SoundInlet.open() as inlet, listening(inlet) as heard:
        async with cutting(heard.place.port) as port:
            tap = SoundTap(SoundPlace(port, heard.place.token))
            tap.follow(aac.stream)
            aac.play(tap, turns=3)
            await close(tap)
        assert heard.length_ms == 12_000
        assert heard.lost_ms == 0
        assert heard.holes == []


async def test_sound_in_another_codec_goes_on(inlet: SoundInlet, aac: Track, mp3: Track) -> None:
    async with listening(inlet) as heard:
        tap = SoundTap(heard.place)
        for turn, track in enumerate((aac, mp3, aac)):
            tap.follow(track.stream)
            track.play(tap, first=turn)
        await close(tap)
        assert heard.length_ms == pytest.approx(12_000, abs=8)
        last = heard.samples()[-2 * SAMPLE_HZ :]
        assert offset_ms(last, SOUND) == pytest.approx(2000, abs=2)


async def test_it_can_be_turned_off_and_elsewhere(inlet: SoundInlet, aac: Track) -> None:
    async with listening(inlet) as one, listening(inlet) as two:
        tap = SoundTap()
        tap.follow(aac.stream)
        aac.play(tap)
        tap.turn_to(one.place)
        aac.play(tap, first=1)
        await one.until_s(3)
        tap.turn_to(None)
        aac.play(tap, first=2)
        tap.turn_to(two.place)
        aac.play(tap, first=3)
        await close(tap)
        await one.until_s(4)
        assert [one.length_ms, two.length_ms] == [4000, 4000]
        assert one.sounds[0].at_ms == START_MS + 4000
        assert two.sounds[0].at_ms == START_MS + 12_000


def test_nobody_there_makes_nobody_wait(aac: Track) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    tap = SoundTap(SoundPlace(port, "t"))
    tap.follow(aac.stream)
    aac.play(tap, turns=20)
    tap.close(0.0)
    assert not tap.listens
