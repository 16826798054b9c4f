"""Names of folders and files, good on Linux, macOS and Windows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

PART = ".part"
_MAX_BYTES = (
    80  # with room id, time and number a file name stays under 143 (eCryptfs), 255 elsewhere
)
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(?=\.|$)")
_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_PART_NAME = re.compile(r".+_(\d{3,})\.(mp4|ts|flv|mkv)\.part")
_JOINER = "\u200d"  # holds emoji together


def safe_name(name: str) -> str:
    """A display name as one path component: at most 80 bytes, never empty, never a device."""
    text = unicodedata.normalize("NFC", name)
    text = "".join(c for c in text if c == _JOINER or unicodedata.category(c) not in _INVISIBLE)
    text = _FORBIDDEN.sub("_", text).strip(" .")
    text = text.encode()[:_MAX_BYTES].decode(errors="ignore").strip(" .")
    text = _RESERVED.sub(r"\1_", text, count=1) if _RESERVED.match(text) else text
    return text or "room"


def room_folder(
    root: Path, *, platform: str, anchor_name: str, room_id: str, taken: Callable[[Path], bool]
) -> Path:
    """Where a room's files go; `taken` says whether the folder belongs to another room."""
    folder = root / platform / safe_name(anchor_name)
    if taken(folder):
        folder = folder.with_name(f"{folder.name}-{safe_name(room_id)}")
    return folder


def part_path(output: Path, recording_id: str, seq: int, ext: str) -> Path:
    """The name of a file that is still being written."""
    return output / f"{recording_id}_{seq:03d}.{ext}{PART}"


def part_fields(part: Path) -> tuple[int, str]:
    """`seq` and extension out of a `part_path`.

    Raises:
        ValueError: the name is not one of ours.
    """
    found = _PART_NAME.fullmatch(part.name)
    if found is None:
        raise ValueError(f"{part.name} is not the name of an open segment")
    return int(found[1]), found[2]


def unfinished(folder: Path) -> Iterator[Path]:
    """All files below a folder that were being written when their process ended, or still are."""
    return (path for path in folder.rglob(f"*{PART}") if _PART_NAME.fullmatch(path.name))


def segment_path(output: Path, *, start_ms: int, seq: int, ext: str, zone: str | None) -> Path:
    """The final name: the segment's own start in local time, below the day's folder.

    Files are named after the room's folder, so that two rooms never share a name.
    """
    start = datetime.fromtimestamp(start_ms / 1000, UTC).astimezone(_zone(zone))
    name = f"{output.name}_{start:%Y%m%d_%H%M%S}_{seq:03d}.{ext}"
    return output / f"{start:%Y-%m-%d}" / name


@cache
def _zone(name: str | None) -> ZoneInfo | None:
    """None is the system's zone."""
    return ZoneInfo(name) if name else None
