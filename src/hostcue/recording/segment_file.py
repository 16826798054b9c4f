"""One media file while it is written: crash-safe containers, base time, lock, final name."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
from av.video.stream import VideoStream

from hostcue.errors import DiskFull, MediaUnsupported, RecordingError
from hostcue.model.recording import SaveFormat
from hostcue.recording.file_lock import FileLock
from hostcue.recording.source import MediaPacket, MediaStream, codec_of

# kill -9 costs what the muxer has not written yet: at most half a second (reference media.md 4, 11)
_MUXERS: dict[SaveFormat, tuple[str, dict[str, str]]] = {
    "mp4": ("mp4", {"movflags": "hybrid_fragmented", "frag_duration": "500000"}),
    "ts": ("mpegts", {}),
    "mkv": ("matroska", {"cluster_time_limit": "500"}),
    "flv": ("flv", {}),
}
# libav writes these as data that nothing can play, without a word
_MUTE: dict[SaveFormat, set[str]] = {"ts": {"av1", "vp8", "vp9", "flac", "vorbis"}}
_EVERY = {"flush_packets": "1", "max_interleave_delta": "500000"}
_HEAD_S = 0.5


@dataclass(frozen=True, slots=True)
class Shape:
    """What a picture's header says, when it changed since the stream was opened."""

    extradata: bytes
    width: int
    height: int


class SegmentFile:
    """Writes packets as they come; times begin at 0 with the earliest packet of the first ones.

    Sound that belongs to the time just before the first picture arrives after it, so the first
    packets wait until every stream had its say.
    """

    def __init__(
        self,
        path: Path,
        save_format: SaveFormat,
        streams: Sequence[MediaStream],
        shape: Shape | None = None,
    ) -> None:
        muxer, options = _MUXERS[save_format]
        self.path = path
        for stream in streams:
            if codec_of(stream) in _MUTE.get(save_format, ()):
                raise _unfit(stream, save_format)
        with writing():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(path)
        self._out = av.open(str(path), "w", format=muxer, options={**options, **_EVERY})
        self._streams = {s.index: self._add(s, shape, save_format) for s in streams}
        self._ticks = {s.index: float(s.time_base or 1) for s in streams}
        self._last: dict[int, int] = {}
        self._head: list[tuple[MediaPacket, float]] | None = []
        self._base_s = 0.0
        self._begun = False
        self._refusal: RecordingError | None = None

    def _add(
        self, stream: MediaStream, shape: Shape | None, save_format: SaveFormat
    ) -> MediaStream:
        try:
            added = self._out.add_stream_from_template(stream, opaque=True)
        except ValueError:
            raise _unfit(stream, save_format) from None
        if save_format == "mp4" and codec_of(stream) == "hevc":
            added.codec_context.codec_tag = "hvc1"  # Apple plays nothing else
        if shape is not None and isinstance(added, VideoStream):
            added.codec_context.extradata = shape.extradata
            added.codec_context.width, added.codec_context.height = shape.width, shape.height
        return added

    def write(self, packet: MediaPacket, shift_s: float) -> None:
        """Append a packet whose own times are `shift_s` behind the recording's.

        Raises:
            DiskFull: it could not be written.
        """
        if self._refusal is not None:  # libav crashes on the next packet where the header failed
            raise self._refusal
        if self._head is None:
            self._mux(packet, shift_s)
            return
        self._head.append((packet, shift_s))
        times = [self._time(p, s) for p, s in self._head]
        complete = {p.stream_index for p, _ in self._head} == set(self._streams)
        if complete or max(times) - min(times) > _HEAD_S:
            self._begin()

    def _time(self, packet: MediaPacket, shift_s: float) -> float:
        return (packet.dts or 0) * self._ticks[packet.stream_index] + shift_s

    def _begin(self) -> None:
        head, self._head = self._head or [], None
        self._base_s = min((self._time(*held) for held in head), default=0.0)
        for packet, shift_s in head:
            self._mux(packet, shift_s)

    def _mux(self, packet: MediaPacket, shift_s: float) -> None:
        index = packet.stream_index
        back = round((self._base_s - shift_s) / self._ticks[index])
        dts = max((packet.dts or 0) - back, self._last.get(index, -1) + 1)
        self._last[index] = dts
        packet.pts = dts if packet.pts is None else max(packet.pts - back, dts)
        packet.dts = dts
        packet.stream = self._streams[index]
        try:
            self._out.mux_one(packet)
            self._begun = True
        except av.InvalidDataError:
            if not self._begun:  # it is the header that can't be written
                raise
            # a damaged packet; what comes after it may be whole
        except OSError as exc:
            self._refusal = _refused(exc)
            raise self._refusal from None

    def close(self) -> None:
        """Complete the file.

        Raises:
            DiskFull: not all of it fits; whether what does can be played has to be looked at.
        """
        try:
            with writing():
                if self._head and self._refusal is None:
                    self._begin()
                self._out.close()
            if self._refusal is not None:  # libav may close such a file without a word
                raise self._refusal
        finally:
            self._lock.release()


def _unfit(stream: MediaStream, save_format: SaveFormat) -> MediaUnsupported:
    codec = codec_of(stream)
    return MediaUnsupported(
        f"a {save_format} file can't hold {codec}",
        remedy="record it in another save_format: mp4 and mkv hold it",
    )


def publish(part: Path, final: Path) -> Path:
    """Give a complete file its final name, durably; the name really given is returned.

    Raises:
        DiskFull: the folder can't be written.
    """
    with writing():
        final.parent.mkdir(parents=True, exist_ok=True)
        _sync(part)
        taken = 1
        name = final
        while name.exists():
            taken += 1
            name = final.with_stem(f"{final.stem}-{taken}")
        part.replace(name)
        if os.name == "posix":
            _sync(name.parent)
    return name


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}


@contextmanager
def writing() -> Iterator[None]:
    """What goes wrong inside concerns the disk, not the stream."""
    try:
        yield
    except OSError as exc:
        raise _refused(exc) from None


def _refused(exc: OSError) -> RecordingError:
    if exc.errno in _FULL:
        return DiskFull(f"the disk takes no more: {exc.strerror}")
    return RecordingError(f"the file can't be written: {exc.strerror}")
