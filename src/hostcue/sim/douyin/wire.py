"""Bodies written field by field, for what the product reads through its own `.proto`.

A field number that is wrong there is wrong in generated classes on both sides; written here a
second time, from the reference's table, it shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from google.protobuf.message import Message

Value = int | str | bytes | Message | Sequence["Value"]


def body(fields: Mapping[int, Value]) -> bytes:
    """A message with these fields by number; a list is a repeated field, zeros are left out."""
    return b"".join(_field(number, value) for number, value in fields.items())


def _field(number: int, value: Value) -> bytes:
    match value:
        case int():
            return _varint(number << 3) + _varint(value) if value else b""
        case str():
            return _field(number, value.encode()) if value else b""
        case bytes():
            return _varint(number << 3 | 2) + _varint(len(value)) + value
        case Message():
            return _field(number, value.SerializeToString())
        case _:
            return b"".join(_field(number, one) for one in value)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))
