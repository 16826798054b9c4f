"""The few protobuf messages that Bilibili puts into its JSON, read field by field.

They have three fields that matter; a schema and its generated class would be longer.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence

from hostcue.errors import UpstreamChanged

Fields = Mapping[int, Sequence[int | bytes]]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_VARINT_BYTES = 10
_FIXED_BYTES = {_FIXED64: 8, _FIXED32: 4}


def fields_of(text: str) -> Fields:
    """The fields of a base64 message by number, as often as each of them occurs.

    Raises:
        UpstreamChanged: it is not one.
    """
    try:
        return read(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise UpstreamChanged("Bilibili sent a protobuf message that is no base64") from None


def read(data: bytes) -> Fields:
    """As `fields_of`, of the bytes."""
    found: dict[int, list[int | bytes]] = {}
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        value: int | bytes
        match key & 7:
            case 0:
                value, at = _varint(data, at)
            case 1 | 5 as fixed:
                value, at = _bytes(data, at, _FIXED_BYTES[fixed])
            case 2:
                length, at = _varint(data, at)
                value, at = _bytes(data, at, length)
            case _:
                raise UpstreamChanged("Bilibili sent a protobuf message of another kind")
        found.setdefault(key >> 3, []).append(value)
    return found


def number(fields: Fields, field: int) -> int:
    """The last value of a number; 0 if there is none, or one that no database holds."""
    value = fields.get(field, (0,))[-1]
    return value if isinstance(value, int) and value < 1 << 63 else 0


def text(fields: Fields, field: int) -> str:
    """The last value of a text; empty if there is none."""
    value = fields.get(field, (b"",))[-1]
    return value.decode(errors="replace") if isinstance(value, bytes) else ""


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(data[at : at + _VARINT_BYTES]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise UpstreamChanged("Bilibili sent a protobuf message that is cut off")


def _bytes(data: bytes, at: int, length: int) -> tuple[bytes, int]:
    if length > len(data) - at:
        raise UpstreamChanged("Bilibili sent a protobuf message that is cut off")
    return data[at : at + length], at + length
