"""The sound of a file: all of it, or a span, at the pace of whoever takes it."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import cast

import anyio
import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from recording_studio import Studio, live_room
from sound_house import Floats, Heard, as_file, listening, offset_ms, sweep

from hostcue.errors import HostcueError, MediaUnsupported, NoMedia, RecordingError, WorkerDied
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.model.recording import RecorderEvent, SaveFormat, StateChanged
from hostcue.model.room import LiveRoom
from hostcue.model.sound import SAMPLE_HZ, SoundPlace
from hostcue.model.window import Window
from hostcue.recording.engine import Engine
from hostcue.recording.listener import Listener
from hostcue.recording.sound_inlet import SoundInlet
from hostcue.sim.flv import LiveFlv
from hostcue.sim.media import make_clip

SECONDS = 16
SOUND = sweep(SECONDS)
START_MS = 1_790_000_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sound in files of several kinds; but for WAV, encoded."""
    folder = tmp_path_factory.mktemp("files")
    pcm = (SOUND * 32767).astype("<i2")
    with wave.open(str(folder / "a.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_HZ)
        out.writeframes(pcm.tobytes())
    for name, codec in (("a.m4a", "aac"), ("a.mp3", "mp3"), ("a.flac", "flac"), ("a.ogg", "opus")):
        with av.open(str(folder / name), "w") as media:
            track = cast("AudioStream", media.add_stream(codec, rate=48_000, layout="stereo"))
            frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate, frame.pts = SAMPLE_HZ, 0
            resampler = av.AudioResampler(
                track.codec_context.format, "stereo", 48_000, track.codec_context.frame_size or 1024
            )
            for part in (*resampler.resample(frame), *resampler.resample(None)):
                media.mux(track.encode(part))
            media.mux(track.encode(None))
    return folder


class Reading:
    """Listens to files."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.events: list[RecorderEvent] = []

    def of(
        self, path: Path, place: SoundPlace, *, span: Window | None = None, start_ms: int = START_MS
    ) -> Listener:
        async def resolve() -> LiveRoom:
            raise AssertionError

        async def emit(event: RecorderEvent) -> None:
            self.events.append(event)

        return Listener(
            self.engine,
            live=live_room(str(path), "file"),
            place=place,
            proxies=Proxies(),
            policy=AddressPolicy(),
            resolve=resolve,
            emit=emit,
            span=span,
            start_ms=start_ms,
        )


@pytest.fixture
def reading(engine: Engine) -> Reading:
    return Reading(engine)


def slip_ms(heard: Heard, at_ms: float, whole: Floats = SOUND) -> float:
    """By how much what is heard at a moment was another moment of the whole."""
    samples = heard.samples()
    begin = round((at_ms - heard.sounds[0].at_ms) * SAMPLE_HZ / 1000)
    found_ms = offset_ms(samples[begin : begin + SAMPLE_HZ], whole)
    return found_ms - (at_ms - START_MS)


async def test_all_of_a_file_comes_to_the_sample(
    reading: Reading, inlet: SoundInlet, folder: Path
) -> None:
    async with listening(inlet) as heard:
        with anyio.fail_after(20):
            await reading.of(folder / "a.wav", heard.place).run()
        pcm = b"".join(sound.pcm for sound in heard.sounds)
        assert pcm == (SOUND * 32767).astype("<i2").tobytes()
        assert heard.sounds[0].at_ms == START_MS
        assert heard.holes == []
    [last] = [e for e in reading.events if isinstance(e, StateChanged)]
    assert (last.state, last.reason) == ("stopped", "ended")


@pytest.mark.parametrize("name", ["a.m4a", "a.mp3", "a.flac", "a.ogg"])
async def test_what_encoders_add_is_left_out(
    reading: Reading, inlet: SoundInlet, folder: Path, name: str
) -> None:
    async with listening(inlet) as heard:
        with anyio.fail_after(20):
            await reading.of(folder / name, heard.place).run()
        assert heard.length_ms == pytest.approx(1000 * SECONDS, abs=80)
        for at_s in (1, 8, 14):
            assert slip_ms(heard, START_MS + 1000 * at_s) == pytest.approx(0, abs=8)


@pytest.mark.parametrize("name", ["a.wav", "a.m4a", "a.mp3"])
@pytest.mark.parametrize("from_s", [2.25, 12.5], ids=["near", "far-in"])
async def test_of_a_span_no_more_comes_and_no_less(
    reading: Reading, inlet: SoundInlet, folder: Path, name: str, from_s: float
) -> None:
    start_ms = START_MS + round(1000 * from_s)
    async with listening(inlet) as heard:
        with anyio.fail_after(20):
            span = Window(start_ms, start_ms + 3000)
            await reading.of(folder / name, heard.place, span=span).run()
        assert heard.sounds[0].at_ms == pytest.approx(start_ms, abs=0.1)
        assert heard.length_ms == pytest.approx(3000, abs=0.2)
        assert slip_ms(heard, start_ms + 1000) == pytest.approx(0, abs=8)


async def test_of_a_span_with_nothing_in_it_nothing_comes(
    reading: Reading, inlet: SoundInlet, folder: Path
) -> None:
    async with listening(inlet) as heard:
        with anyio.fail_after(20):
            span = Window(START_MS + 100_000, START_MS + 101_000)
            await reading.of(folder / "a.m4a", heard.place, span=span).run()
        assert heard.sounds == []


@pytest.mark.parametrize("save_format", ["mp4", "ts", "mkv", "flv"])
async def test_a_recorded_segment_sounds_as_it_did_live(
    studio: Studio, reading: Reading, inlet: SoundInlet, tmp_path: Path, save_format: SaveFormat
) -> None:
    sound = sweep(4)
    clip = make_clip(seconds=4, width=96, height=160, sound=sound, sound_hz=SAMPLE_HZ)
    source = as_file(clip, tmp_path / "source.flv", turns=2)
    async with listening(inlet) as live, listening(inlet) as heard:
        take = studio.take(
            str(source), container="file", save_format=save_format, sound=live.place, segment_s=60
        )
        await studio.whole(take)
        [file] = take.closed
        with anyio.fail_after(20):
            await reading.of(Path(file.path), heard.place, start_ms=file.window.start_ms).run()
        assert heard.length_ms == pytest.approx(live.length_ms, abs=1)
        for at in (1, 30, 70):
            now, then = (Heard(one.place, one.sounds[at : at + 8]) for one in (live, heard))
            moved_ms = offset_ms(then.samples(), sound) - offset_ms(now.samples(), sound)
            told_ms = then.sounds[0].at_ms - now.sounds[0].at_ms
            assert (moved_ms - told_ms + 2000) % 4000 - 2000 == pytest.approx(0, abs=10)


async def test_a_file_waits_for_whoever_takes_it(
    reading: Reading, inlet: SoundInlet, folder: Path
) -> None:
    async with listening(inlet, closed=True) as heard, anyio.create_task_group() as tasks:
        tasks.start_soon(reading.of(folder / "a.wav", heard.place).run)
        with anyio.move_on_after(0.5):
            await heard.until_s(SECONDS)
        assert heard.sounds == []
        heard.gate.set()
        await heard.until_s(SECONDS)
    assert heard.lost_ms == 0
    assert len(heard.samples()) == len(SOUND)


async def test_a_damaged_file_is_heard_as_far_as_it_is_whole(
    reading: Reading, inlet: SoundInlet, folder: Path, tmp_path: Path
) -> None:
    data = bytearray((folder / "a.mp3").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = np.random.default_rng(1).bytes(4000)
    (tmp_path / "damaged.mp3").write_bytes(data[: len(data) * 9 // 10])
    async with listening(inlet) as heard:
        with anyio.fail_after(20):
            await reading.of(tmp_path / "damaged.mp3", heard.place).run()
        assert heard.length_ms > 800 * SECONDS
        assert slip_ms(heard, START_MS + 5000) == pytest.approx(0, abs=8)


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"", HostcueError), (b"no media" * 500, NoMedia), (None, HostcueError)],
    ids=["empty", "no-media", "not-there"],
)
async def test_a_file_that_holds_nothing_is_refused(
    reading: Reading,
    inlet: SoundInlet,
    tmp_path: Path,
    content: bytes | None,
    error: type[HostcueError],
) -> None:
    path = tmp_path / "x.mp4"
    if content is not None:
        path.write_bytes(content)
    async with listening(inlet) as heard:
        with pytest.raises(error), anyio.fail_after(20):
            await reading.of(path, heard.place).run()


async def test_a_file_without_sound_is_refused_in_words(
    studio: Studio, reading: Reading, inlet: SoundInlet
) -> None:
    mute = make_clip(seconds=4, width=96, height=160, audio=False)
    async with LiveFlv.open(mute) as flv:
        take = studio.take(flv.url)
        async with studio.running(take):
            await take.until_closed(1)
    async with listening(inlet) as heard:
        with pytest.raises(MediaUnsupported, match="no sound"), anyio.fail_after(20):
            await reading.of(Path(take.closed[0].path), heard.place).run()


async def test_nobody_who_takes_it_ends_it(
    reading: Reading, inlet: SoundInlet, folder: Path
) -> None:
    async with listening(inlet) as heard:
        place = heard.place
    with pytest.raises(RecordingError), anyio.fail_after(20):
        await reading.of(folder / "a.wav", place).run()


async def test_stopped_it_ends_in_the_middle(
    reading: Reading, inlet: SoundInlet, folder: Path
) -> None:
    async with listening(inlet, closed=True) as heard, anyio.create_task_group() as tasks:
        listener = reading.of(folder / "a.wav", heard.place)
        await tasks.start(listener.run)
        with anyio.fail_after(10):
            await listener.stop("enough")
    [last] = [e for e in reading.events if isinstance(e, StateChanged)]
    assert (last.state, last.reason) == ("stopped", "enough")


async def test_a_crash_of_the_reader_is_told(
    reading: Reading, inlet: SoundInlet, folder: Path
) -> None:
    async with listening(inlet, closed=True) as heard, anyio.create_task_group() as tasks:
        listener = reading.of(folder / "a.wav", heard.place)

        async def run(*, task_status: anyio.abc.TaskStatus[None]) -> None:
            with pytest.raises(WorkerDied):
                await listener.run(task_status=task_status)

        await tasks.start(run)
        worker = listener._connections._worker
        assert worker is not None
        await worker.kill()
