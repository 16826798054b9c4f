"""A disk to fill up: a file system of its own where this machine lets a test mount one."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

MIB = 1 << 20


@dataclass(frozen=True)
class Disk:
    """`own` says that nobody else writes to it and that it is really as small as asked for."""

    folder: Path
    own: bool

    @property
    def free_bytes(self) -> int:
        return shutil.disk_usage(self.folder).free

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def fill(self, size_bytes: int) -> None:
        """Take so much space away, or what there is of it."""
        self.make_room()
        with self._ballast.open("wb") as file:
            while True:
                try:
                    _take(file, min(size_bytes, self.free_bytes))
                except OSError as exc:  # somebody wrote to it meanwhile
                    if exc.errno != errno.ENOSPC:
                        raise
                else:
                    return

    def make_room(self) -> None:
        """Give it back."""
        self._ballast.unlink(missing_ok=True)


def _take(file: BinaryIO, size_bytes: int) -> None:
    if size_bytes and hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size_bytes)
    else:
        file.write(b"\0" * size_bytes)


@contextmanager
def small_disk(folder: Path, size_mib: int = 64) -> Iterator[Disk]:
    """A tmpfs of that size on `folder`; without the right to mount, a folder in shared memory.

    On the latter others may write too, so tests leave a margin.
    """
    folder.mkdir(parents=True)
    if _mount(folder, size_mib):
        try:
            yield Disk(folder, own=True)
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        return
    memory = Path("/dev/shm")  # noqa: S108 - the one place that is no real disk's
    with TemporaryDirectory(dir=memory if memory.is_dir() else folder) as place:
        yield Disk(Path(place), own=False)


def _mount(folder: Path, size_mib: int) -> bool:
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m,mode=0755", "tmpfs", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
