"""How sound comes from a worker to the server: a greeting, then numbered blocks, each answered.

The greeting is a line: the token of the place, and a name that the line keeps when it is made
anew. A block is a head and its samples. For each block that was taken comes one byte back, so a
sender knows what arrived, and never has more on the way than the other side wants to hold.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator

from hostcue.model.sound import SAMPLE_BYTES, Sound

TAKEN = b"."
LONGEST_GREETING = 128

_HEAD = struct.Struct("<IIdd?")  # number, bytes, at_ms, lost_ms, follows
_LONGEST_BLOCK = 65536
_FARTHEST_MS = 1e15


class WireBroken(Exception):
    """What came is not what a worker of ours sends."""


def greeting(token: str, line: str) -> bytes:
    """How a line begins."""
    return f"{token} {line}\n".encode()


def parse_greeting(text: bytes) -> tuple[str, str]:
    """The token and the line's name, of a greeting without its end.

    Raises:
        WireBroken: it is none.
    """
    parts = text.split(b" ")
    if len(parts) != 2 or not text.isascii():
        raise WireBroken
    return parts[0].decode(), parts[1].decode()


def block(number: int, sound: Sound) -> bytes:
    """One block."""
    head = _HEAD.pack(number, len(sound.pcm), sound.at_ms, sound.lost_ms, sound.follows)
    return head + sound.pcm


class BlockReader:
    """Bytes in, blocks out."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, Sound]]:
        """The blocks that are whole now, with their numbers; to be taken to the end.

        Raises:
            WireBroken: no block begins where one should.
        """
        self._pending += data
        while len(self._pending) >= _HEAD.size:
            number, length, at_ms, lost_ms, follows = _HEAD.unpack_from(self._pending)
            if not _makes_sense(length, at_ms, lost_ms):
                raise WireBroken
            end = _HEAD.size + length
            if end > len(self._pending):
                return
            pcm = bytes(self._pending[_HEAD.size : end])
            del self._pending[:end]
            yield number, Sound(at_ms, pcm, lost_ms, follows)


def _makes_sense(length: int, at_ms: float, lost_ms: float) -> bool:
    if length > _LONGEST_BLOCK or length % SAMPLE_BYTES:
        return False
    if not (math.isfinite(at_ms) and math.isfinite(lost_ms)):
        return False
    return abs(at_ms) <= _FARTHEST_MS and 0 <= lost_ms <= _FARTHEST_MS
