"""What the host sounds like, on its way from the stream to the recogniser."""

from __future__ import annotations

from dataclasses import dataclass, field

SAMPLE_HZ = 16_000
SAMPLE_BYTES = 2
BYTES_PER_S = SAMPLE_HZ * SAMPLE_BYTES


@dataclass(frozen=True, slots=True)
class Sound:
    """A stretch of sound: signed 16-bit little-endian samples, mono, 16 kHz.

    `at_ms` is when its first sample was live, in Unix milliseconds. `lost_ms` of sound were
    dropped just before it, because nobody took them in time; a hole in the times that it does not
    explain is one of the stream. One that `follows` goes on with the stream's very next sample,
    even where their times don't meet: how late a stream comes is learned as it comes.
    """

    at_ms: float
    pcm: bytes
    lost_ms: float = 0.0
    follows: bool = False

    @property
    def length_ms(self) -> float:
        """How long it lasts."""
        return len(self.pcm) * 1000 / BYTES_PER_S


@dataclass(frozen=True, slots=True)
class SoundPlace:
    """Where a recording worker brings a room's sound: a port on loopback, and what lets it in."""

    port: int
    token: str = field(repr=False)
