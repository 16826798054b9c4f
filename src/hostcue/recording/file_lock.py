"""The mark that a file is being written; it vanishes with the process that holds it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from hostcue.errors import Conflict


class FileLock:
    """An flock on a file, which is created if need be.

    Windows forbids to rename or open anew what another process writes, so nothing is held there.
    """

    def __init__(self, path: Path, *, wait_s: float = 0.0) -> None:
        """Take the lock, waiting for its holder up to `wait_s`.

        Raises:
            Conflict: another process still writes the file.
        """
        self._fd = -1 if sys.platform == "win32" else os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        deadline = time.monotonic() + wait_s
        while not self._try():
            if time.monotonic() >= deadline:
                self.release()
                raise Conflict("the file is still being written")
            time.sleep(0.05)

    def _try(self) -> bool:
        if sys.platform == "win32":
            return True
        import fcntl  # not there on Windows

        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Let go; harmless when nothing is held."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
