"""What an ONNX file says of itself, read without loading what is in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

# numbers of the fields of onnx.proto3 that are read
_GRAPH, _METADATA = 7, 14
_INPUT, _OUTPUT = 11, 12
_NAME, _KEY, _VALUE = 1, 1, 2
_LONGEST_TEXT = 1 << 20


class NotOnnx(ValueError):
    """The file is none, or ends too early; the text says which."""


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """The metadata, and the names of what goes in and out, in order."""

    metadata: dict[str, str] = field(default_factory=dict[str, str])
    inputs: list[str] = field(default_factory=list[str])
    outputs: list[str] = field(default_factory=list[str])


def read_onnx(path: Path) -> OnnxFile:
    """Skips over the weights, so it takes milliseconds for a file of any size.

    Raises:
        NotOnnx: it is no whole ONNX file.
        OSError: it cannot be read.
    """
    found = OnnxFile()
    graphs = 0
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if not size:
            raise NotOnnx("is empty")
        for number, end in _fields(file, size):
            if number == _GRAPH:
                graphs += 1
                _read_graph(file, end, found)
            elif number == _METADATA:
                texts = _texts(file, end)
                found.metadata[texts.get(_KEY, "")] = texts.get(_VALUE, "")
    if graphs != 1:
        raise NotOnnx("is no ONNX file")
    return found


def _read_graph(file: BinaryIO, end: int, found: OnnxFile) -> None:
    places = {_INPUT: found.inputs, _OUTPUT: found.outputs}
    for number, inner_end in _fields(file, end):
        if number in places:
            places[number].append(_texts(file, inner_end).get(_NAME, ""))


def _texts(file: BinaryIO, end: int) -> dict[int, str]:
    texts: dict[int, str] = {}
    for number, inner_end in _fields(file, end):
        length = inner_end - file.tell()
        if number in (_KEY, _VALUE) and length <= _LONGEST_TEXT:
            texts[number] = file.read(length).decode(errors="replace")
    return texts


def _fields(file: BinaryIO, end: int) -> Iterator[tuple[int, int]]:
    """The number of each field that has a length, and where it ends; the file stands at its start.

    Wherever the taker leaves the file, the next field is read from where this one ends.
    """
    while file.tell() < end:
        tag = _varint(file, end)
        kind = tag & 7
        if kind == 0:
            _varint(file, end)
            continue
        if kind not in (1, 2, 5):
            raise NotOnnx("is no ONNX file")
        length = {1: 8, 5: 4}.get(kind) or _varint(file, end)
        after = file.tell() + length
        if after > end:
            raise NotOnnx("ends too early: it was not copied or downloaded whole")
        if kind == 2:
            yield tag >> 3, after
        file.seek(after)


def _varint(file: BinaryIO, end: int) -> int:
    value = 0
    for shift in range(0, 64, 7):
        byte = file.read(1)
        if not byte or file.tell() > end:
            raise NotOnnx("ends too early: it was not copied or downloaded whole")
        value |= (byte[0] & 127) << shift
        if byte[0] < 128:
            return value
    raise NotOnnx("is no ONNX file")
