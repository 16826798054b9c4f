"""What is in a media file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av

from hostcue.errors import MediaUnsupported
from hostcue.model.recording import MediaInfo
from hostcue.recording.source import MediaPacket, NothingCame, Source, choose


@dataclass(frozen=True, slots=True)
class Measured:
    """`keys` counts the moments at which playing can begin."""

    info: MediaInfo
    length_s: float
    keys: int


def open_file(path: Path) -> Source:
    """The picture and sound of a local file.

    Raises:
        MediaUnsupported: there is neither.
    """
    try:
        options = {"protocol_whitelist": "file"}
        return choose(av.open(str(path), "r", options=options, metadata_errors="replace"))
    except (av.FFmpegError, NothingCame):
        raise MediaUnsupported(f"{path.name} holds no media") from None


def packets(source: Source) -> Iterator[MediaPacket]:
    """All whole packets; a torn tail is the end."""
    try:
        for packet in source.packets():
            if not packet.is_corrupt:
                yield packet
    except av.FFmpegError:
        return


class Meter:
    """Measures packets as they pass."""

    def __init__(self, source: Source) -> None:
        self._lead = source.lead.index
        self._tick_s = float(source.lead.time_base or 1)
        self._picture = bool(source.info.video_codec)
        self._first: int | None = None
        self._last = self._step = 0
        self.keys = 0

    def pass_by(self, packet: MediaPacket) -> None:
        """Count one packet."""
        if packet.stream_index != self._lead or packet.dts is None:
            return
        if self._first is None:
            self._first = packet.dts
        else:
            self._step = packet.dts - self._last
        self._last = packet.dts
        self.keys += packet.is_keyframe or not self._picture

    @property
    def length_s(self) -> float:
        """From the first packet of the picture to the end of its last."""
        first = self._last if self._first is None else self._first
        return (self._last - first + self._step) * self._tick_s


def measure(path: Path) -> Measured:
    """Read a file through.

    Raises:
        MediaUnsupported: there is nothing in it to play.
    """
    source = open_file(path)
    meter = Meter(source)
    for packet in packets(source):
        meter.pass_by(packet)
    source.container.close()
    if not meter.keys:
        raise MediaUnsupported(f"{path.name} holds no picture that can be played")
    return Measured(source.info, meter.length_s, meter.keys)
