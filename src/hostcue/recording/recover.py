"""What a worker left open becomes a segment after all."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from hostcue.errors import DiskFull, MediaUnsupported
from hostcue.model.recording import SaveFormat
from hostcue.model.segment import ClosedFile, SegmentStatus
from hostcue.model.window import Window
from hostcue.recording.file_lock import FileLock
from hostcue.recording.measure import Measured, Meter, measure, open_file, packets
from hostcue.recording.naming import PART, part_fields, segment_path
from hostcue.recording.segment_file import SegmentFile, publish
from hostcue.recording.trim import trim

_NEAR_S = 15  # a start is corrected by seconds at most after it was announced


def recover(
    part: Path, *, start_ms: int | None, zone: str | None, wait_s: float = 5.0
) -> ClosedFile | None:
    """Finish `part`, or find what it was finished as; None when there is nothing to play in it.

    Without `start_ms` the segment is taken to end when the file was last written. A file that
    can't be played is kept under another name.

    Raises:
        Conflict: somebody still writes the file.
        ValueError: the name is not that of an open segment.
    """
    seq, ext = part_fields(part)
    if not part.exists():
        return _finished(part.parent, seq, ext, start_ms, zone)
    lock = FileLock(part, wait_s=wait_s)
    try:
        written_ms = round(part.stat().st_mtime * 1000)
        try:
            measured = _repaired(part, cast("SaveFormat", ext))
        except MediaUnsupported:
            part.rename(_aside(part))
            return None
        if start_ms is None:
            start_ms = written_ms - round(measured.length_s * 1000)
        final = segment_path(part.parent, start_ms=start_ms, seq=seq, ext=ext, zone=zone)
        return _closed(publish(part, final), seq, start_ms, measured, "recovered")
    finally:
        lock.release()


def _repaired(part: Path, save_format: SaveFormat) -> Measured:
    """Copy what can be played into a whole file of the same name."""
    whole = part.with_suffix(".whole")
    try:
        measured = _copied(part, whole, save_format)
    except DiskFull:  # the open file can be played too, only not so well
        whole.unlink(missing_ok=True)
        trim(part, save_format)
        return measure(part)
    except MediaUnsupported:
        whole.unlink(missing_ok=True)
        raise
    whole.replace(part)
    return measured


def _copied(part: Path, whole: Path, save_format: SaveFormat) -> Measured:
    source = open_file(part)
    meter = Meter(source)
    file = SegmentFile(whole, save_format, source.streams)
    try:
        for packet in packets(source):
            meter.pass_by(packet)
            if meter.keys:
                file.write(packet, 0.0)
        if not meter.keys:
            raise MediaUnsupported(f"{part.name} holds no picture that can be played")
    finally:
        file.close()
    return Measured(source.info, meter.length_s, meter.keys)


def _finished(
    folder: Path, seq: int, ext: str, start_ms: int | None, zone: str | None
) -> ClosedFile | None:
    """The complete file, if the process ended between naming and announcing it."""
    if start_ms is None:
        return None
    for off_s in sorted(range(-_NEAR_S, _NEAR_S + 1), key=abs):
        path = segment_path(folder, start_ms=start_ms + off_s * 1000, seq=seq, ext=ext, zone=zone)
        if path.exists():
            return _closed(path, seq, start_ms, measure(path), "ready")
    return None


def _closed(
    path: Path, seq: int, start_ms: int, measured: Measured, status: SegmentStatus
) -> ClosedFile:
    length_ms = round(measured.length_s * 1000)
    return ClosedFile(
        seq=seq,
        path=str(path),
        window=Window(start_ms, start_ms + length_ms),
        duration_ms=length_ms,
        bytes=path.stat().st_size,
        video_codec=measured.info.video_codec,
        audio_codec=measured.info.audio_codec,
        width=measured.info.width,
        height=measured.info.height,
        fps=measured.info.fps,
        status=status,
    )


def _aside(part: Path) -> Path:
    """A free name for a file that can't be played."""
    stem = part.name.removesuffix(PART)
    taken = 0
    while (path := part.with_name(f"{stem}.{taken}.unplayable")).exists():
        taken += 1
    return path
