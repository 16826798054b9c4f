"""Recorded files on the disk: how much fits, whether it takes any, and removing one."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from hostcue.model.disk import Space

_FULL = {errno.ENOSPC, errno.EDQUOT} if sys.platform != "win32" else {errno.ENOSPC}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def measure(folder: Path) -> Space:
    """The space of a folder's disk; the folder itself may be made later.

    Raises:
        OSError: the disk does not say.
    """
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    if sys.platform == "win32":
        usage = shutil.disk_usage(folder)
        return Space(usage.free, usage.total)
    found = os.statvfs(folder)
    if found.f_blocks == 0:  # some network and special file systems do not know
        raise OSError(f"the disk of {folder} does not say how large it is")
    files = found.f_favail if found.f_files else None  # some file systems make inodes as needed
    return Space(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize, files)


def refusal(folder: Path) -> OSError | None:
    """Why a folder takes no files; it may be made later, and a full disk is no refusal."""
    folder = folder.absolute()
    try:
        while not folder.exists():
            folder = folder.parent
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as exc:
        return None if exc.errno in _FULL else exc


def takes_writes(folder: Path, size_bytes: int) -> bool:
    """Whether a file of that size can be written now; it is gone afterwards."""
    probe = folder / ".hostcue-probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with probe.open("wb") as file:
            for _ in range(0, size_bytes, 1 << 20):
                file.write(os.urandom(min(1 << 20, size_bytes)))
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        return False
    else:
        return True
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)


def outside(root: Path, paths: Iterable[str]) -> set[str]:
    """Which of the paths are not plain files below `root`, all links followed."""
    real_root = root.resolve()
    return {path for path in paths if _plain_file(real_root, Path(path)) is None}


def existing(paths: Iterable[str]) -> list[str]:
    """Those of the paths where something is; a folder that is gone is looked at once."""
    folders: dict[Path, bool] = {}
    found = []
    for path in paths:
        folder = Path(path).parent
        if folder not in folders:
            folders[folder] = folder.is_dir()
        if folders[folder] and os.path.lexists(path):
            found.append(path)
    return found


def remove(root: Path, paths: Iterable[str]) -> list[str]:
    """Delete files below `root`, and the folder of a past day when nothing is left of it.

    Never what a link leads to. A file is not cut to nothing first: whoever reads it can finish,
    and the space comes back when the last reader is done. Those that stay are returned.
    """
    real_root = root.resolve()
    return [path for path in paths if not _removed(_plain_file(real_root, Path(path)))]


def _removed(file: Path | None) -> bool:
    """Whether the file is gone now, or was already."""
    if file is None:
        return False
    try:
        file.unlink(missing_ok=True)
    except OSError:  # Windows, while somebody reads it
        return False
    if _is_past_day(file.parent.name):
        with suppress(OSError):  # not empty
            file.parent.rmdir()
    return True


def _plain_file(real_root: Path, path: Path) -> Path | None:
    """The file by the name that holds no links; None when it is no file of ours."""
    file = path.parent.resolve() / path.name
    try:
        plain = stat.S_ISREG(file.lstat().st_mode)
    except FileNotFoundError:
        plain = True  # gone already, which is what is wanted
    except OSError:
        plain = False
    return file if plain and real_root in file.parents else None


def _is_past_day(name: str) -> bool:
    """Whether a folder is of a day that is over in every zone: nobody puts a file there now."""
    if not _DAY.fullmatch(name):
        return False
    try:
        day = date.fromisoformat(name)
    except ValueError:
        return False
    return day < datetime.now(UTC).date() - timedelta(days=1)
