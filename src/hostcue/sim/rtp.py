"""The tags of a clip as RTP packets: H.264 (RFC 6184) and AAC (RFC 3640)."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from hostcue.sim.media import Clip, Tag

_AUDIO, _VIDEO = 8, 9
_VIDEO_HZ = 90_000
_ROOM = 1400  # bytes of payload
_FU_A = 28
_SINGLE_AU_BITS = 16


class Packetizer:
    """One track of a clip; `channel` numbers it, `kind` says which tags belong to it."""

    def __init__(self, clip: Clip, channel: int, kind: int) -> None:
        self.channel = channel
        self.kind = kind
        self._header = next(tag.body for tag in clip.headers if tag.kind == kind)
        self._config = self._header[2:]
        self._hz = _VIDEO_HZ if kind == _VIDEO else _sample_hz(self._config)
        self._number = 0

    @property
    def description(self) -> str:
        """This track's part of the session description."""
        number = 96 + self.channel
        if self.kind == _VIDEO:
            sets = ",".join(base64.b64encode(part).decode() for part in self._parameter_sets())
            lines = (
                f"m=video 0 RTP/AVP {number}",
                f"a=rtpmap:{number} H264/{_VIDEO_HZ}",
                f"a=fmtp:{number} packetization-mode=1;sprop-parameter-sets={sets}",
            )
        else:
            lines = (
                f"m=audio 0 RTP/AVP {number}",
                f"a=rtpmap:{number} mpeg4-generic/{self._hz}/1",
                f"a=fmtp:{number} profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;"
                f"indexdeltalength=3;config={self._config.hex()}",
            )
        return "\r\n".join((*lines, f"a=control:track{self.channel}", ""))

    def stamp(self, at_ms: int) -> int:
        """A moment in the track's own ticks."""
        return at_ms * self._hz // 1000 & 0xFFFFFFFF

    @property
    def next_number(self) -> int:
        """The sequence number that the next packet gets."""
        return self._number

    def packets(self, at_ms: int, tag: Tag) -> Iterator[bytes]:
        """The packets of one tag, framed for the RTSP connection that they share."""
        if self.kind == _AUDIO:
            unit = tag.body[2:]
            head = _SINGLE_AU_BITS.to_bytes(2) + (len(unit) << 3).to_bytes(2)
            yield self._packet(head + unit, at_ms, last=True)
            return
        shown_ms = at_ms + int.from_bytes(tag.body[2:5], signed=True)
        payloads = [p for unit in _units(tag.body[5:], 4) for p in _split(unit)]
        for number, payload in enumerate(payloads, 1):
            yield self._packet(payload, shown_ms, last=number == len(payloads))

    def _packet(self, payload: bytes, at_ms: int, *, last: bool) -> bytes:
        number, self._number = self._number, (self._number + 1) & 0xFFFF
        source = 0x1234_0000 + self.channel
        packet = b"".join(
            (
                bytes((0x80, last << 7 | 96 + self.channel)),
                number.to_bytes(2),
                self.stamp(at_ms).to_bytes(4),
                source.to_bytes(4),
                payload,
            )
        )
        return b"$" + bytes((2 * self.channel,)) + len(packet).to_bytes(2) + packet

    def _parameter_sets(self) -> Iterator[bytes]:
        """SPS and PPS out of the decoder's configuration (ISO 14496-15)."""
        record = self._header[5:]
        at = 6
        sets = record[5] & 0x1F
        for _ in range(2):
            for _ in range(sets):
                size = int.from_bytes(record[at : at + 2])
                yield record[at + 2 : at + 2 + size]
                at += 2 + size
            sets, at = record[at] if at < len(record) else 0, at + 1


def packetizers(clip: Clip) -> list[Packetizer]:
    """One for each track of the clip."""
    kinds = [kind for kind, has in ((_VIDEO, clip.has_video), (_AUDIO, clip.has_audio)) if has]
    return [Packetizer(clip, channel, kind) for channel, kind in enumerate(kinds)]


def _units(data: bytes, prefix: int) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + prefix])
        yield data[at + prefix : at + prefix + size]
        at += prefix + size


def _split(unit: bytes) -> Iterator[bytes]:
    """A NAL unit as it is, or in fragments."""
    if len(unit) <= _ROOM:
        yield unit
        return
    indicator, kind = unit[0] & 0xE0 | _FU_A, unit[0] & 0x1F
    body = unit[1:]
    for at in range(0, len(body), _ROOM):
        begins, ends = at == 0, at + _ROOM >= len(body)
        yield bytes((indicator, begins << 7 | ends << 6 | kind)) + body[at : at + _ROOM]


def _sample_hz(config: bytes) -> int:
    """The rate in an AudioSpecificConfig, which gives it as a number in a table."""
    table = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000)
    return table[int.from_bytes(config[:2]) >> 7 & 0x0F]
