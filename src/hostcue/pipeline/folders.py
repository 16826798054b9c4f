"""Where rooms record, and what makes a room the same one over all its broadcasts."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from hostcue.errors import FolderRefused
from hostcue.model.recording import Recording
from hostcue.model.room import Room
from hostcue.recording.naming import room_folder
from hostcue.storage.recordings import Recordings


class Folders:
    """Below `root`; two rooms never share a folder, not even one yet to record."""

    def __init__(self, root: Path, recordings: Recordings) -> None:
        self.root = root
        self._recordings = recordings

    async def make(self, room: Room, running: Iterable[Recording]) -> tuple[Path, list[Path]]:
        """A room's folder, and what was made for it, the innermost first.

        Raises:
            FolderRefused: it cannot be made.
        """
        owners = await self._recordings.output_owners()
        owners |= {recording.output: room_key(recording.room) for recording in running}
        folder = room_folder(
            self.root,
            platform=room.platform,
            anchor_name=room.anchor_name,
            room_id=room.room_id,
            taken=lambda folder: owners.get(str(folder), room_key(room)) != room_key(room),
        )
        return folder, _missing_parents(folder)


def room_key(room: Room, link: str = "") -> str:
    """The room's id over all its broadcasts; its link until one was seen, where that tells none."""
    return f"{room.platform}:{room.live_id}" if room.live_id else link


def remove_empty(folders: list[Path]) -> None:
    """Take back what was made for a recording that did not begin."""
    for folder in folders:
        with suppress(OSError):  # not empty: somebody else uses it by now
            folder.rmdir()


def _missing_parents(folder: Path) -> list[Path]:
    """Make the folder; returns what was missing, the innermost first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    try:
        for part in reversed(missing):
            part.mkdir(exist_ok=True)
    except OSError as exc:
        remove_empty(missing)
        raise FolderRefused(
            f"cannot make the folder {exc.filename}: {exc.strerror}",
            field="RECORDS_ROOT",
            remedy="point RECORDS_ROOT to a folder this user may write",
        ) from exc
    return missing
