"""What is noted beside a model's files: what they are, and that they were found right."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast

NAME = "manifest.json"
PARTIAL = ".partial"
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file whose hash was worked out when it had this size and this time of change."""

    name: str
    size_bytes: int
    sha256: str
    mtime_ns: int
    url: str = ""

    def is_as_noted(self, folder: Path) -> bool:
        """Whether size and time of change are still these, so that its hash is, too."""
        try:
            found = (folder / self.name).stat()
        except OSError:
            return False
        return (found.st_size, found.st_mtime_ns) == (self.size_bytes, self.mtime_ns)

    def fault(self, folder: Path, told: Callable[[int], None] | None = None) -> str:
        """What is wrong with the file, every byte of which is read; empty when nothing is."""
        path = folder / self.name
        if not path.is_file():
            return "is missing"
        size = path.stat().st_size
        if size != self.size_bytes:
            return f"has {size} bytes instead of {self.size_bytes}"
        return "" if sha256_of(path, told) == self.sha256 else "has another content (SHA-256)"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A model on the shelf; `known` says that its hashes are those of the catalogue."""

    id: str
    revision: str
    family: str
    known: bool
    licence: str
    licence_link: str
    pulled_at: str
    files: tuple[StoredFile, ...]

    @property
    def size_bytes(self) -> int:
        """Of all its files."""
        return sum(file.size_bytes for file in self.files)

    def fits(self, folder: Path) -> bool:
        """Whether all files are there, each as long as it was."""
        paths = ((folder / file.name, file.size_bytes) for file in self.files)
        return all(path.is_file() and path.stat().st_size == size for path, size in paths)

    def touched(self, folder: Path) -> Manifest:
        """The same, with the times that the files have now."""
        return replace(
            self,
            files=tuple(
                replace(file, mtime_ns=(folder / file.name).stat().st_mtime_ns)
                for file in self.files
            ),
        )

    def write(self, folder: Path) -> None:
        """Into the model's folder, at once or not at all."""
        draft = folder / f"{NAME}{PARTIAL}"
        text = json.dumps(asdict(self), ensure_ascii=False, indent=2)
        draft.write_text(text + "\n", encoding="utf-8")
        draft.replace(folder / NAME)

    @classmethod
    def read(cls, folder: Path) -> Manifest | None:
        """What the folder's note says; None where there is none, or none to make sense of."""
        try:
            found: dict[str, object] = json.loads((folder / NAME).read_text(encoding="utf-8"))
            files = cast("list[dict[str, object]]", found["files"])
            return cls(
                _text(found["id"]),
                _text(found["revision"]),
                _text(found["family"]),
                bool(found["known"]),
                _text(found["licence"]),
                _text(found["licence_link"]),
                _text(found["pulled_at"]),
                tuple(_stored(file) for file in files),
            )
        except (OSError, ValueError, TypeError, KeyError):
            return None


def _stored(found: dict[str, object]) -> StoredFile:
    name = _text(found["name"])
    if not name or Path(name).name != name:
        raise ValueError("not a file of ours")
    size, mtime = _number(found["size_bytes"]), _number(found["mtime_ns"])
    return StoredFile(name, size, _text(found["sha256"]), mtime, _text(found["url"]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError("not a number")
    return value


def sha256_of(path: Path, told: Callable[[int], None] | None = None) -> str:
    """The file's hash; `told` hears of the bytes as they are read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            if told is not None:
                told(len(block))
    return digest.hexdigest()


def size_of(folder: Path) -> int:
    """What a folder takes on the disk, half-fetched files included."""
    return sum(
        (Path(place) / name).lstat().st_size
        for place, _, names in os.walk(folder)
        for name in names
    )
