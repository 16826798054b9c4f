"""What a clip sounds like: tones, or given samples, encoded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from av import Packet
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

AudioCodec = Literal["aac", "mp3"]

_SCALE_HZ = (262, 294, 330, 392, 440)


@dataclass(frozen=True, slots=True)
class Coding:
    """How an encoder works: its rate, what a packet holds, and by how much it is late.

    The last two are in samples.
    """

    encoder: AudioCodec
    hz: int
    samples: int
    primed: int

    def packets(self, duration_ms: int) -> int:
        """How many packets fit into a clip."""
        return duration_ms * self.hz // (self.samples * 1000)


# One AAC frame is 1024 samples: exactly 32 ms, so that a clip of 4, 8, ... 20 s loops without
# a hole in its sound. At other lengths the last frame is dropped, a hole of up to 32 ms.
# FLV knows no MP3 of that rate.
CODINGS: dict[AudioCodec, Coding] = {
    "aac": Coding("aac", 32_000, 1024, 1024),
    "mp3": Coding("mp3", 44_100, 1152, 1105),
}


def add_audio(out: OutputContainer, coding: Coding) -> AudioStream:
    """A track for it."""
    if coding.encoder == "aac":
        return out.add_stream("aac", rate=coding.hz, layout="mono", options={"b": "48k"})
    return out.add_stream("mp3", rate=coding.hz, layout="mono", options={"b": "48k"})


def scale(coding: Coding, seconds: int) -> Samples:
    """One tone a second, each of another pitch."""
    import numpy as np

    at = np.arange(seconds * coding.hz // coding.samples * coding.samples)
    hz = np.array(_SCALE_HZ)[at // coding.hz % len(_SCALE_HZ)]
    return (0.3 * np.sin(2 * np.pi * hz * at / coding.hz)).astype(np.float32)


def fitted(sound: Samples, hz: int, coding: Coding, seconds: int) -> Samples:
    """Given samples at the encoder's rate, cut or followed by silence to the clip's length."""
    import av
    import numpy as np

    found = np.ascontiguousarray(sound, np.float32).reshape(1, -1)
    if hz != coding.hz:
        resampler = av.AudioResampler("flt", "mono", coding.hz)
        frame = av.AudioFrame.from_ndarray(found, format="flt", layout="mono")
        frame.sample_rate, frame.pts = hz, 0
        frames = [*resampler.resample(frame), *resampler.resample(None)]
        found = np.concatenate([f.to_ndarray() for f in frames], axis=1).astype(np.float32)
    whole = np.zeros(seconds * coding.hz // coding.samples * coding.samples, np.float32)
    length = min(len(whole), found.shape[1])
    whole[:length] = found[0, :length]
    return whole


def encoded(
    stream: AudioStream, coding: Coding, sound: Samples
) -> Iterator[list[Packet[AudioStream]]]:
    """The packets of it."""
    import av

    layout = "fltp"
    for first in range(0, len(sound), coding.samples):
        block = sound[first : first + coding.samples].reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(block, format=layout, layout="mono")
        frame.sample_rate, frame.pts = coding.hz, first
        yield stream.encode(frame)
    yield stream.encode(None)
