"""A lock on an open file that the system drops when its process dies, however it dies."""

from __future__ import annotations

import sys


def try_lock(descriptor: int) -> bool:
    """Take it for this process; False where another one has it. Closing the file gives it back."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
