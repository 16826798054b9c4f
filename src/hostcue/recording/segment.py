"""One segment from its first key frame to its final name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hostcue.errors import DiskFull, MediaUnsupported
from hostcue.model.clock import now_ms
from hostcue.model.recording import MediaInfo, Progress, SegmentOpened
from hostcue.model.segment import ClosedFile, SegmentStatus
from hostcue.model.window import Window
from hostcue.recording.measure import measure
from hostcue.recording.naming import segment_path
from hostcue.recording.overlap import SEAM_MS
from hostcue.recording.protocol import WorkerEvent
from hostcue.recording.segment_file import SegmentFile, publish, writing
from hostcue.recording.source import MediaPacket
from hostcue.recording.trim import trim

_REFINE_S = 10.0
_REFINE_MS = 20  # a smaller correction is not worth telling


class Segment:
    """Knows its window: `wall_ms` turns the stream's time into the world's.

    A segment that follows another in the same connection starts where that one ended. The first
    of a connection learns its start better during its first ten seconds, since the clock does;
    it never starts before `floor_ms`, where earlier media ended, nor by a hair behind it.
    """

    def __init__(
        self,
        seq: int,
        file: SegmentFile,
        info: MediaInfo,
        *,
        first_s: float,
        wall_ms: Callable[[float], int],
        emit: Callable[[WorkerEvent], None],
        zone: str | None,
        start_ms: int | None = None,
        floor_ms: int = 0,
    ) -> None:
        self.seq = seq
        self._file = file
        self._info = info
        self._first_s = self._end_s = first_s
        self._wall_ms = wall_ms
        self._emit = emit
        self._zone = zone
        self._known = start_ms is not None
        self._floor_ms = floor_ms
        self._start_ms = self._measured_start_ms() if start_ms is None else start_ms
        with writing():  # now, since a full disk may refuse it later
            self._final(self._start_ms).parent.mkdir(exist_ok=True)
        self._announce()

    def _measured_start_ms(self) -> int:
        start_ms = self._wall_ms(self._first_s)
        return start_ms if start_ms > self._floor_ms + SEAM_MS else self._floor_ms

    def _announce(self) -> None:
        opened = SegmentOpened(self.seq, str(self._file.path), self._start_ms, self._info)
        self._emit(opened)

    def length_s(self, until_s: float | None = None) -> float:
        """How much media it holds, up to a moment of the stream."""
        return (self._end_s if until_s is None else until_s) - self._first_s

    def write(self, packet: MediaPacket, shift_s: float) -> None:
        """Append a packet; see `SegmentFile.write`."""
        self._file.write(packet, shift_s)

    def reach(self, end_s: float) -> None:
        """It now lasts until this moment of the stream."""
        self._end_s = end_s

    def refine(self) -> None:
        """Correct the start by what the clock learned."""
        if self._corrected():
            self._announce()

    def _corrected(self) -> bool:
        """Whether the start is another than was announced, by enough to tell."""
        if self._known:
            return False
        start_ms = self._measured_start_ms()
        self._known = self.length_s() >= _REFINE_S
        if abs(start_ms - self._start_ms) < _REFINE_MS:
            return False
        self._start_ms = start_ms
        return True

    def progress(self) -> Progress:
        """How far it is."""
        with writing():  # somebody may have removed it
            size = self._file.path.stat().st_size
        length_s = self.length_s()
        window_ms = self._ends_ms(length_s) - self._start_ms
        return Progress(self.seq, size, round(length_s * 1000), window_ms, now_ms())

    def _ends_ms(self, length_s: float) -> int:
        """When so much of it was live."""
        return max(self._start_ms, self._wall_ms(self._first_s + length_s))

    def close(self, status: SegmentStatus, end_s: float | None = None) -> int:
        """Complete, name and announce the file; the end of its window is returned.

        Raises:
            DiskFull: the end of the file did not fit; what did is announced as truncated.
        """
        part, length_s = self._file.path, self.length_s(end_s)
        full: DiskFull | None = None
        try:
            self._file.close()
        except DiskFull as exc:
            full, status = exc, "truncated"
            trim(part, _ext(part))
            try:
                length_s = measure(part).length_s
            except MediaUnsupported:  # it was full from the start
                raise exc from None
        self._corrected()
        start_ms, end_ms = self._start_ms, self._ends_ms(length_s)
        path = publish(part, self._final(start_ms))
        self._emit(
            ClosedFile(
                seq=self.seq,
                path=str(path),
                window=Window(start_ms, end_ms),
                duration_ms=round(length_s * 1000),
                bytes=path.stat().st_size,
                video_codec=self._info.video_codec,
                audio_codec=self._info.audio_codec,
                width=self._info.width,
                height=self._info.height,
                fps=self._info.fps,
                status=status,
            )
        )
        if full:
            raise full
        return end_ms

    def _final(self, start_ms: int) -> Path:
        part = self._file.path
        return segment_path(
            part.parent, start_ms=start_ms, seq=self.seq, ext=_ext(part), zone=self._zone
        )


def _ext(part: Path) -> str:
    return part.suffixes[-2][1:]
