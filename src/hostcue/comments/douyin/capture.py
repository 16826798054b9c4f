"""Frames on disk as they came, to be read again: by a developer, or by the replay source.

A file is `MAGIC`, then for each frame its time of arrival (Unix ms, 8 bytes), its length
(4 bytes), both big-endian, and its bytes. It holds what viewers wrote and who they are, in clear:
only its owner may read it.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import structlog

from hostcue.errors import UpstreamChanged
from hostcue.model.clock import now_ms

log = structlog.get_logger(__name__)

SUFFIX = ".frames"
MAGIC = b"hostcue frames 1\n"
MAX_FRAME_BYTES = 16 * 2**20
EARLIEST_MS, LATEST_MS = 10**11, 10**14  # a file that tells another time is damaged

_HEAD = struct.Struct(">QI")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


class Capture:
    """A file that takes frames until it is full; whatever happens to it, comments go on."""

    def __init__(self, descriptor: int, room_bytes: int) -> None:
        self._descriptor = descriptor
        self._left = room_bytes
        self._is_open = True

    def write(self, frame: bytes, received_ms: int) -> None:
        """Append a frame, unless the file is full or could not be written before."""
        if not self._is_open or len(frame) > MAX_FRAME_BYTES:
            return
        record = _HEAD.pack(received_ms, len(frame)) + frame
        if len(record) > self._left:
            log.warning("capture_full")
            self._is_open = False
            return
        try:
            written = os.write(self._descriptor, record)
        except OSError as exc:
            log.warning("capture_failed", error=type(exc).__name__)
            self._is_open = False
            return
        self._left -= written
        self._is_open = written == len(record)  # else the disk is full, and the record cut off


class Captures:
    """The folder of captures.

    Args:
        max_bytes: of one file.
        folder_bytes: of all files together; when they are reached nothing more is captured.
    """

    def __init__(
        self, folder: Path, *, max_bytes: int = 256 * 2**20, folder_bytes: int = 4 * 2**30
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._folder_bytes = folder_bytes

    @contextmanager
    def open(self, live_id: str) -> Iterator[Capture | None]:
        """A new file for a room, named by it and by the moment; None if there can be none."""
        try:
            taken = self._taken_bytes()
            descriptor = self._create(live_id) if taken < self._folder_bytes else None
        except OSError as exc:
            log.warning("capture_failed", error=type(exc).__name__)
            descriptor, taken = None, 0
        if descriptor is None:
            log.warning("not_captured", room=live_id)
            yield None
            return
        try:
            yield Capture(descriptor, min(self._max_bytes, self._folder_bytes - taken))
        finally:
            os.close(descriptor)

    def _taken_bytes(self) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return sum(path.stat().st_size for path in self._folder.glob(f"*{SUFFIX}"))

    def _create(self, live_id: str) -> int:
        moment = datetime.fromtimestamp(now_ms() / 1000, UTC).astimezone()
        stem = f"{_UNSAFE.sub('_', live_id)[:64] or 'room'}_{moment:%Y%m%d_%H%M%S}"
        for number in range(1, 100):
            path = self._folder / f"{stem}{f'_{number}' if number > 1 else ''}{SUFFIX}"
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                continue
            os.write(descriptor, MAGIC)
            log.info("capture_begun", file=path.name)
            return descriptor
        raise FileExistsError(stem)


def frames_in(path: Path) -> Iterator[tuple[int, bytes]]:
    """The frames of a capture with their times of arrival; one cut off at the end is left out.

    Raises:
        UpstreamChanged: it is no capture.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise UpstreamChanged(f"{path.name} is no capture of frames")
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            received_ms, length = _HEAD.unpack(head)
            if length > MAX_FRAME_BYTES or not EARLIEST_MS <= received_ms < LATEST_MS:
                raise UpstreamChanged(f"{path.name} is damaged")
            frame = file.read(length)
            if len(frame) < length:
                return
            yield received_ms, frame
