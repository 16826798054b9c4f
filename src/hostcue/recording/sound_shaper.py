"""Decoded frames become stretches of sound of one form."""

from __future__ import annotations

from fractions import Fraction

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from hostcue.model.sound import BYTES_PER_S, SAMPLE_BYTES, SAMPLE_HZ, Sound

_BLOCK_BYTES = BYTES_PER_S // 10
_TORN_MS = 50.0  # off by more: something is missing between two frames


class SoundShaper:
    """Frames in, mono at 16 kHz out, in blocks of about a tenth of a second.

    A block's time goes by that of the last frame in it. Where the stream leaps, a block ends, and
    the next one does not follow.
    """

    def __init__(self) -> None:
        self._resampler: AudioResampler | None = None
        self._shape: tuple[str, str, int] | None = None
        self._fed = 0
        self._made = 0
        self._lost_ms = 0.0
        self._pending = bytearray()
        self._at_ms = self._end_ms = 0.0
        self._follows = False

    def take(
        self, frame: AudioFrame, at_ms: float, lost_ms: float = 0.0, *, ahead_ms: float = 0.0
    ) -> list[Sound]:
        """The blocks that are whole now; so much was lost just before this frame.

        `ahead_ms` is how far its time is ahead of its place in the stream.
        """
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        blocks: list[Sound] = []
        place_ms = at_ms - ahead_ms
        torn = bool(lost_ms) or abs(place_ms - self._end_ms) > _TORN_MS
        if torn or shape != self._shape:
            blocks = self.rest()
            self._shape = shape
            self._follows &= not torn
        self._lost_ms += lost_ms
        if self._resampler is None:
            self._resampler = av.AudioResampler("s16", "mono", SAMPLE_HZ)
            self._fed = self._made = 0
        behind_s = self._fed / frame.sample_rate - self._made / SAMPLE_HZ  # is in the resampler
        frame.pts, frame.time_base = self._fed, Fraction(1, frame.sample_rate)
        self._fed += frame.samples
        self._end_ms = place_ms + frame.samples * 1000 / frame.sample_rate
        return blocks + self._add(self._resampler.resample(frame), at_ms - 1000 * behind_s)

    def rest(self) -> list[Sound]:
        """What is left: the next frame doesn't follow the last one."""
        resampler, self._resampler = self._resampler, None
        blocks = [] if resampler is None else self._add(resampler.resample(None), None)
        if self._pending:
            blocks.append(self._cut(len(self._pending)))
        return blocks

    def _add(self, frames: list[AudioFrame], at_ms: float | None) -> list[Sound]:
        if at_ms is not None:
            self._at_ms = at_ms - len(self._pending) * 1000 / BYTES_PER_S
        for frame in frames:
            self._made += frame.samples
            # the plane is longer than what is in it
            self._pending += memoryview(frame.planes[0])[: frame.samples * SAMPLE_BYTES]
        blocks: list[Sound] = []
        while len(self._pending) >= _BLOCK_BYTES:
            blocks.append(self._cut(_BLOCK_BYTES))
        return blocks

    def _cut(self, size: int) -> Sound:
        sound = Sound(self._at_ms, bytes(self._pending[:size]), self._lost_ms, self._follows)
        del self._pending[:size]
        self._at_ms += sound.length_ms
        self._lost_ms, self._follows = 0.0, True
        return sound
