"""Small models with hashes of their own, the mirrors that have them, and a shelf for them."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hostcue.speech.catalogue import VAD_FILE, VAD_ID, Entry, Family, KnownFile, Licence
from hostcue.speech.shelf import Shelf

TERMS = Licence("Test Licence 1.0", "https://example.com/licence", "name the makers")
MODEL, TOKENS = "model.int8.onnx", "tokens.txt"


def content(name: str, size: int) -> bytes:
    """Bytes that no other name has."""
    return random.Random(name).randbytes(size)  # noqa: S311 - no secret


@dataclass(frozen=True)
class Goods:
    """One model as its makers published it."""

    entry: Entry
    files: Mapping[str, bytes]

    def served(self, *, below: str = "") -> dict[str, bytes]:
        """By the paths under which a mirror has them."""
        return {f"{below}/{name}": data for name, data in self.files.items()}

    def lay(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in self.files.items():
            (folder / name).write_bytes(data)
        return folder


def goods(
    name: str = "small",
    *mirrors: str,
    size: int = 200_000,
    files: Mapping[str, bytes] | None = None,
    family: Family = "sensevoice",
) -> Goods:
    """A model; `mirrors` are addresses without the slash at the end."""
    data = files or {MODEL: content(name, size), TOKENS: content(f"{name} tokens", 500)}
    entry = Entry(
        name,
        "r1",
        family,
        f"about {name}",
        tuple(
            KnownFile(file, len(bytes_), hashlib.sha256(bytes_).hexdigest())
            for file, bytes_ in data.items()
        ),
        tuple(f"{mirror}/" for mirror in mirrors),
        TERMS,
    )
    return Goods(entry, data)


def detector(*mirrors: str) -> Goods:
    """A voice detector, under the name that one has."""
    return goods(VAD_ID, *mirrors, files={VAD_FILE: content("vad", 3_000)}, family="silero-vad")


def shelf_of(
    folder: Path,
    *all_goods: Goods,
    installed: Path | None = None,
    inspect: Callable[[Path, Path], str] = lambda *_: "sensevoice",
) -> Shelf:
    """A shelf that knows these models, and looks into none; `installed` is the package's file."""
    return Shelf(
        folder,
        {one.entry.id: one.entry for one in all_goods},
        inspect=inspect,
        check_vad=lambda _: None,
        installed_vad=lambda: installed,
    )
