"""A clip cut into the pieces of an HLS stream: MPEG-TS files, or fragments of one mp4."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Literal

from hostcue.sim.media import Clip

if TYPE_CHECKING:
    from av import Packet
    from av.container import InputContainer, OutputContainer
    from av.stream import Stream

Kind = Literal["ts", "fmp4"]


@dataclass(frozen=True, slots=True)
class _Sample:
    at_ms: int
    track: int
    delay_ms: int
    length_ms: int
    is_key: bool
    data: bytes


class Cutter:
    """Cuts a clip, which repeats for ever, at any key frame."""

    def __init__(self, clip: Clip, kind: Kind) -> None:
        self._clip = clip
        self._kind = kind
        self._source, self._samples = _unwrap(clip)

    def piece(self, from_ms: int, until_ms: int, stamp_ms: int) -> bytes:
        """What is in `[from_ms, until_ms)` of the endless clip; its first stamp is `stamp_ms`."""
        inside = [(at_ms - from_ms, s) for at_ms, s in self._between(from_ms, until_ms)]
        if self._kind == "ts":
            return b"".join(data for _, data in self._mux(inside, stamp_ms))
        starts = {s.track: at for at, s in reversed(inside)}
        boxes = self._mux([(at - starts[s.track], s) for at, s in inside], 0)
        body = b"".join(data for name, data in boxes if name in {b"moof", b"mdat"})
        return _at_time(body, {t + 1: stamp_ms + at for t, at in starts.items()}, self._scales)

    @cached_property
    def init(self) -> bytes:
        """What every fragment needs before it."""
        return b"".join(data for name, data in self._mux([], 0) if name in {b"ftyp", b"moov"})

    @cached_property
    def _scales(self) -> dict[int, int]:
        """Ticks per second of each track, by its number in the mp4."""
        scales: dict[int, int] = {}
        for at in _all_of(b"mdhd", self.init):
            scale = at + (20 if self.init[at] else 12)  # by the box's version
            scales[len(scales) + 1] = int.from_bytes(self.init[scale : scale + 4])
        return scales

    def _between(self, from_ms: int, until_ms: int) -> Iterator[tuple[int, _Sample]]:
        length_ms = self._clip.duration_ms
        for turn in range(from_ms // length_ms, -(-until_ms // length_ms)):
            for sample in self._samples:
                at_ms = turn * length_ms + sample.at_ms
                if from_ms <= at_ms < until_ms:
                    yield at_ms, sample

    def _mux(self, inside: list[tuple[int, _Sample]], stamp_ms: int) -> list[tuple[bytes, bytes]]:
        """The boxes of an mp4 with their names, or a whole TS as one without."""
        import av

        buffer = io.BytesIO()
        options = _STREAMED if self._kind == "ts" else _FRAGMENTED
        out: OutputContainer
        with av.open(buffer, "w", format=_FORMATS[self._kind], options=options) as out:
            tracks = [out.add_stream_from_template(s, opaque=True) for s in self._source.streams]
            out.start_encoding()
            for at_ms, sample in inside:
                out.mux(_packet(sample, tracks[sample.track], stamp_ms + at_ms))
        data = buffer.getvalue()
        return [(b"", data)] if self._kind == "ts" else list(_boxes(data))


_FORMATS = {"ts": "mpegts", "fmp4": "mp4"}
# a muxer per piece counts its packets anew, and says so
_STREAMED = {"mpegts_copyts": "1", "mpegts_flags": "initial_discontinuity"}
_FRAGMENTED = {"movflags": "empty_moov+default_base_moof+frag_custom", "use_editlist": "0"}


@lru_cache(maxsize=16)
def cutter(clip: Clip, kind: Kind) -> Cutter:
    """The cutter of a clip, made once."""
    return Cutter(clip, kind)


def _unwrap(clip: Clip) -> tuple[InputContainer, list[_Sample]]:
    import av

    tags = (tag.encode(tag.at_ms) for tag in (*clip.headers, *clip.tags))
    source = av.open(io.BytesIO(b"".join((clip.flv_header, *tags))), "r", format="flv")
    samples = [
        _Sample(
            at_ms=packet.dts,
            track=packet.stream_index,
            delay_ms=(packet.pts or packet.dts) - packet.dts,
            length_ms=packet.duration or 0,
            is_key=packet.is_keyframe,
            data=bytes(packet),
        )
        for packet in source.demux()
        if packet.size and packet.dts is not None
    ]
    return source, samples


def _packet(sample: _Sample, track: Stream, at_ms: int) -> Packet[Stream]:
    import av

    packet = av.Packet(sample.data)
    packet.stream = track
    packet.time_base = Fraction(1, 1000)
    packet.dts, packet.pts = at_ms, at_ms + sample.delay_ms
    packet.duration = sample.length_ms
    packet.is_keyframe = sample.is_key
    return packet


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4])
        yield data[at + 4 : at + 8], data[at : at + size]
        at += size


def _all_of(name: bytes, data: bytes | bytearray) -> Iterator[int]:
    """Where the contents of each box of this name begin."""
    at = data.find(name)
    while at >= 0:
        yield at + 4
        at = data.find(name, at + 4)


def _at_time(body: bytes, starts_ms: dict[int, int], scales: dict[int, int]) -> bytes:
    """Move the tracks of a fragment to their times; the muxer had each begin at zero."""
    moof_size = int.from_bytes(body[:4])
    moof = bytearray(body[:moof_size])
    for head, time in zip(_all_of(b"tfhd", moof), _all_of(b"tfdt", moof), strict=True):
        track = int.from_bytes(moof[head + 4 : head + 8])
        ticks = starts_ms[track] * scales[track] // 1000
        struct.pack_into(">Q", moof, time + 4, ticks)  # version 1: 64 bits
    return bytes(moof) + body[moof_size:]
