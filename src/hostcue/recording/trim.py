"""Cuts off the torn tail of a file that could not be written to its end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

_FLV_HEAD = 13
_TAG_HEAD = 11
_BOX_HEAD = 8


def trim(path: Path, ext: str) -> None:
    """Leave only whole pieces: fragments of an mp4, tags of an FLV.

    Other containers are made of small pieces with marks to begin at, and need no trimming. This
    takes no room on the disk.
    """
    ends = {"mp4": _fragments_end, "flv": _tags_end}
    if ext in ends:
        with path.open("rb") as file:
            end = ends[ext](file, path.stat().st_size)
        if end:
            os.truncate(path, end)


def _fragments_end(file: BinaryIO, size: int) -> int:
    """Where the last whole fragment ends; its index and its content are boxes of their own."""
    at = end = 0
    while len(head := _at(file, at, _BOX_HEAD)) == _BOX_HEAD:
        length, kind = int.from_bytes(head[:4]), head[4:]
        if length == 1:
            length = int.from_bytes(_at(file, at + _BOX_HEAD, 8))
        if length < _BOX_HEAD or at + length > size:
            break
        at += length
        if kind != b"moof":
            end = at
    return end


def _tags_end(file: BinaryIO, size: int) -> int:
    """Where the last whole tag ends."""
    at = _FLV_HEAD
    while len(head := _at(file, at, _TAG_HEAD)) == _TAG_HEAD:
        length = _TAG_HEAD + int.from_bytes(head[1:4]) + 4
        if at + length > size:
            break
        at += length
    return at


def _at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)
