"""AMF0, the values of RTMP's commands (Action Message Format, 2007)."""

from __future__ import annotations

import struct
from collections.abc import Mapping

Value = float | bool | str | None | Mapping[str, "Value"]

_NUMBER, _BOOLEAN, _STRING, _OBJECT, _NULL, _UNDEFINED, _MAP, _END = 0, 1, 2, 3, 5, 6, 8, 9


def encode(*values: Value) -> bytes:
    """The values one after the other."""
    return b"".join(map(_encode, values))


def decode(data: bytes) -> list[Value]:
    """All values in a message.

    Raises:
        ValueError: it holds something else, or ends too early.
    """
    reader, values = _Reader(data), list[Value]()
    while reader.left:
        values.append(reader.value())
    return values


def _encode(value: Value) -> bytes:
    match value:
        case bool():
            return bytes((_BOOLEAN, value))
        case float() | int():
            return bytes((_NUMBER,)) + struct.pack(">d", value)
        case str():
            return bytes((_STRING,)) + _text(value)
        case None:
            return bytes((_NULL,))
        case _:
            fields = b"".join(_text(name) + _encode(field) for name, field in value.items())
            return bytes((_OBJECT,)) + fields + _text("") + bytes((_END,))


def _text(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(2) + data


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise ValueError("the message ends too early")
        self._at += size
        return self._data[self._at - size : self._at]

    def value(self) -> Value:
        kind = self.take(1)[0]
        match kind:
            case _ if kind == _NUMBER:
                return float(struct.unpack(">d", self.take(8))[0])
            case _ if kind == _BOOLEAN:
                return self.take(1) != b"\0"
            case _ if kind == _STRING:
                return self.text()
            case _ if kind == _OBJECT:
                return self.fields()
            case _ if kind == _MAP:
                self.take(4)
                return self.fields()
            case _ if kind in {_NULL, _UNDEFINED}:
                return None
            case _:
                raise ValueError(f"a value of kind {kind}")

    def text(self) -> str:
        return self.take(int.from_bytes(self.take(2))).decode()

    def fields(self) -> Mapping[str, Value]:
        found: dict[str, Value] = {}
        while name := self.text():
            found[name] = self.value()
        self.take(1)
        return found
