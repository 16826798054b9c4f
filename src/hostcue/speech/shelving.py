"""Putting files on the shelf: one process at a time, and in words of ours what a disk says."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from hostcue.errors import ConfigError, Conflict, DiskFull, NotFound
from hostcue.model.file_lock import try_lock
from hostcue.speech.catalogue import Entry
from hostcue.speech.manifest import Manifest, StoredFile, size_of
from hostcue.speech.shelf import Shelf, in_mb, is_id

FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})


@contextmanager
def alone(shelf: Path, name: str) -> Iterator[None]:
    """Hold a model's folder for this process.

    Raises:
        Conflict: another one writes to it.
    """
    shelf.mkdir(parents=True, exist_ok=True)
    with (shelf / f".{name}.lock").open("a+") as file:
        if not try_lock(file.fileno()):
            file.seek(0)
            raise Conflict(
                f"{name} is being brought already (process {file.read().strip() or '?'})",
                remedy="wait until that is done",
            )
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
        with suppress(OSError):
            file.truncate(0)


def remove(shelf: Shelf, name: str) -> int:
    """Delete a model, with what was fetched of it in part; how many bytes that gives back.

    Raises:
        NotFound: nothing of it is there.
        Conflict: it is being brought just now.
        ConfigError: a file cannot be deleted.
    """
    folder = shelf.folder / name
    if not is_id(name) or not folder.is_dir():
        raise NotFound(f"no model {name} is there", remedy="`hostcue models list` names them")
    with alone(shelf.folder, name):
        size = size_of(folder)
        try:
            shutil.rmtree(folder)
        except OSError as exc:
            raise ConfigError(
                f"{name} cannot be deleted: {exc.strerror or exc}",
                remedy="stop the hostcue that uses it, and see who owns the files",
            ) from exc
    return size


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn what the system says of files into an error with a remedy.

    Raises:
        DiskFull: no space is left.
        ConfigError: the folder, or what is to be copied into it, cannot be used.
    """
    try:
        yield
    except OSError as exc:
        if exc.errno in FULL:
            raise disk_full(folder) from exc
        raise ConfigError(
            f"cannot write {exc.filename or folder}: {exc.strerror or type(exc).__name__}",
            field="HOSTCUE_DATA_DIR",
            remedy="point HOSTCUE_DATA_DIR to a folder this user may write",
        ) from exc


def check_space(folder: Path, needed_bytes: int) -> None:
    """See before anything is written whether it fits.

    Raises:
        DiskFull: it does not.
    """
    free = shutil.disk_usage(folder).free
    if needed_bytes > free:
        raise DiskFull(
            f"the disk of {folder} has {in_mb(free)} left, {in_mb(needed_bytes)} are needed",
            remedy="free some space, or point HOSTCUE_DATA_DIR to a larger disk",
        )


def disk_full(folder: Path) -> DiskFull:
    """The disk filled up meanwhile."""
    return DiskFull(
        f"the disk of {folder} is full; what came is kept",
        remedy="free some space and run it again, or point HOSTCUE_DATA_DIR to a larger disk",
    )


def note(entry: Entry, folder: Path, urls: Mapping[str, str]) -> None:
    """Write down that a model's files are there and right, and where each came from."""
    files = tuple(
        StoredFile(file.name, file.size_bytes, file.sha256, 0, urls.get(file.name, ""))
        for file in entry.files
    )
    manifest = Manifest(
        entry.id,
        entry.revision,
        entry.family,
        known=True,
        licence=entry.licence.name,
        licence_link=entry.licence.link,
        pulled_at=now_text(),
        files=files,
    )
    manifest.touched(folder).write(folder)


def now_text() -> str:
    """This moment as ISO 8601, UTC."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
