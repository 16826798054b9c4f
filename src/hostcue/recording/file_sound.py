"""The sound of a local file, as fast as somebody takes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from hostcue.errors import MediaUnsupported
from hostcue.model.sound import SAMPLE_BYTES, SAMPLE_HZ, Sound
from hostcue.recording.protocol import ListenJob
from hostcue.recording.sound_shaper import SoundShaper
from hostcue.recording.source import NothingCame, choose, choose_sound, open_local

_SEEK_S = 10.0  # less than that is decoded sooner than found
_EARLY_S = 1.0  # so much before a moment a decoder begins, that it is right there


class FileSound:
    """All of it, or what is live in the span that the job asks for; to the sample."""

    def __init__(self, job: ListenJob) -> None:
        """Opens it.

        Raises:
            MediaUnsupported: there is no sound in it.
        """
        self._job = job
        self._media = open_local(job.url)
        sound = choose_sound(self._media).sound
        if sound is None:
            raise TypeError
        self._stream: AudioStream = sound
        self._zero_s = _begin_s(job.url, sound)

    def blocks(self) -> Iterator[Sound]:
        """One after the other; a damaged packet leaves a hole, a torn tail is the end."""
        shaper = SoundShaper()
        for frame, at_ms in self._timed():
            if self._job.to_ms is not None and at_ms >= self._job.to_ms:
                break
            yield from self._inside(shaper.take(frame, at_ms))
        yield from self._inside(shaper.rest())

    def _timed(self) -> Iterator[tuple[AudioFrame, float]]:
        next_s = self._zero_s
        for frame in self._frames():
            at_s = next_s if frame.time is None else frame.time
            next_s = at_s + frame.samples / frame.sample_rate
            yield frame, self._job.start_ms + 1000 * (at_s - self._zero_s)

    def _frames(self) -> Iterator[AudioFrame]:
        from_s = 0.0
        if self._job.from_ms is not None:
            from_s = (self._job.from_ms - self._job.start_ms) / 1000
        if from_s < _SEEK_S:
            yield from _decoded(self._media, self._stream)
            return
        from_s += self._zero_s
        tick_s = float(self._stream.time_base or 1)
        frames: Iterator[AudioFrame] = iter(())
        with suppress(av.FFmpegError):
            self._media.seek(round((from_s - _EARLY_S) / tick_s), stream=self._stream)
            frames = _decoded(self._media, self._stream)
        first = next(frames, None)
        if first is not None and first.time is not None and first.time <= from_s:
            yield first
            yield from frames
            return
        self._media.close()  # it can't be sought in
        self._media = open_local(self._job.url)
        stream = choose_sound(self._media).sound
        if stream is not None:
            yield from _decoded(self._media, stream)

    def _inside(self, blocks: list[Sound]) -> Iterator[Sound]:
        """What of them is in the span."""
        for sound in blocks:
            begin = self._sample(sound, self._job.from_ms, 0)
            end = self._sample(sound, self._job.to_ms, len(sound.pcm) // SAMPLE_BYTES)
            if begin < end:
                at_ms = sound.at_ms + begin * 1000 / SAMPLE_HZ
                yield Sound(at_ms, sound.pcm[begin * SAMPLE_BYTES : end * SAMPLE_BYTES])

    def _sample(self, sound: Sound, moment_ms: int | None, otherwise: int) -> int:
        if moment_ms is None:
            return otherwise
        samples = len(sound.pcm) // SAMPLE_BYTES
        return min(max(round((moment_ms - sound.at_ms) * SAMPLE_HZ / 1000), 0), samples)


def _decoded(media: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    packets = media.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            packet = None
        if packet is None:
            return
        try:
            yield from packet.decode()
        except av.FFmpegError:
            continue


def _begin_s(path: str, sound: AudioStream) -> float:
    """Where in the file's time its window begins: with its first picture, as when it was recorded.

    Decode time counts there. Of sound alone it is where that begins.
    """
    with suppress(MediaUnsupported, NothingCame, av.FFmpegError):
        source = choose(open_local(path))
        try:
            if source.info.video_codec:
                tick_s = float(source.lead.time_base or 1)
                for packet in source.packets():
                    if packet.stream_index == source.lead.index:
                        return (packet.dts or 0) * tick_s
        finally:
            source.close()
    return float((sound.start_time or 0) * (sound.time_base or 1))
