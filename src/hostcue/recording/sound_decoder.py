"""Packets of sound, copied from a stream, are decoded apart from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.codec.codec import Codec

from hostcue.model.sound import Sound
from hostcue.recording.sound_shaper import SoundShaper


@dataclass(frozen=True, slots=True)
class SoundForm:
    """What a decoder has to know of a stream."""

    codec: Codec
    header: bytes | None
    hz: int

    @classmethod
    def of(cls, stream: AudioStream) -> Self:
        """That of an open one."""
        context = stream.codec_context
        return cls(context.codec, context.extradata, context.sample_rate)


@dataclass(frozen=True, slots=True)
class SoundPacket:
    """A copy of a packet: its content, when it was live, and how long it plays.

    `media_ms` is its place in the stream, which tells what follows what; None where only `at_ms`
    does.
    """

    form: SoundForm
    data: bytes
    at_ms: float
    length_ms: float
    media_ms: float | None = None


class SoundDecoder:
    """Has a codec of its own: what it does can't harm what is recorded.

    A packet's time is that of the first sample that a decoder makes of it: encoders stamp the
    silence with which they begin, and who copies packets copies that too.
    """

    def __init__(self) -> None:
        self._form: SoundForm | None = None
        self._context: AudioCodecContext | None = None
        self._shaper = SoundShaper()

    def take(self, packet: SoundPacket, lost_ms: float = 0.0) -> list[Sound]:
        """The blocks that are whole now; so much was lost just before this packet.

        What can't be decoded is left out.
        """
        if packet.form is not self._form or self._context is None:
            self._form, self._context = packet.form, _context(packet.form)
        elif lost_ms:
            self._context.flush_buffers()
        try:
            frames = self._context.decode(av.Packet(packet.data))
        except av.FFmpegError:  # a damaged packet; what comes after it may be whole
            frames = []
        blocks: list[Sound] = []
        at_ms, media_ms = packet.at_ms, packet.media_ms
        ahead_ms = 0.0 if media_ms is None else at_ms - media_ms
        for frame in frames:
            blocks += self._shaper.take(frame, at_ms, lost_ms, ahead_ms=ahead_ms)
            at_ms += frame.samples * 1000 / frame.sample_rate
            lost_ms = 0.0
        return blocks

    def rest(self) -> list[Sound]:
        """What is left, when no more packets come."""
        return self._shaper.rest()


def _context(form: SoundForm) -> AudioCodecContext:
    context = av.CodecContext.create(form.codec, "r")
    if not isinstance(context, AudioCodecContext):
        raise TypeError(form.codec.name)
    context.thread_count = 1
    context.extradata = form.header
    if form.hz:
        context.sample_rate = form.hz
    return context
