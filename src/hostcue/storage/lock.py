"""One process per data folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hostcue.errors import ConfigError
from hostcue.model.file_lock import try_lock


@contextmanager
def sole_owner(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the system drops it when the process dies, however it dies.

    Raises:
        ConfigError: another process holds it, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / "hostcue.lock").open("a+")
    except OSError as exc:
        raise ConfigError(
            f"cannot write into the data folder {folder}: {exc.strerror}",
            field="HOSTCUE_DATA_DIR",
            remedy="point HOSTCUE_DATA_DIR to a folder this user may write",
        ) from exc
    with stream:
        if not try_lock(stream.fileno()):
            stream.seek(0)
            raise ConfigError(
                f"another hostcue (process {stream.read().strip() or '?'}) uses {folder}",
                field="HOSTCUE_DATA_DIR",
                remedy="stop it first, or give this one another HOSTCUE_DATA_DIR",
            )
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield
