"""Packets of Bilibili's push protocol, as its servers make and take them apart."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Final

HEARTBEAT, HEARTBEAT_REPLY, MESSAGE, AUTH, AUTH_REPLY = 2, 3, 5, 7, 8
_HEADER: Final = ">IHHII"
_HEADER_BYTES: Final = 16


def packet(operation: int, body: bytes, version: int = 1) -> bytes:
    """One packet."""
    size = _HEADER_BYTES + len(body)
    return struct.pack(_HEADER, size, _HEADER_BYTES, version, operation, 0) + body


def messages(commands: Sequence[Mapping[str, object]], *, compress: bool) -> bytes:
    """Commands in one frame, together in a zlib packet or one after the other."""
    plain = b"".join(
        packet(MESSAGE, json.dumps(command, ensure_ascii=False).encode(), 0) for command in commands
    )
    return packet(MESSAGE, zlib.compress(plain), 2) if compress else plain


def bomb(inflated_bytes: int) -> bytes:
    """A small frame that inflates to very much."""
    press = zlib.compressobj(9)
    chunk = bytes(1 << 20)
    parts = [press.compress(chunk) for _ in range(inflated_bytes >> 20)]
    return packet(MESSAGE, b"".join(parts) + press.flush(), 2)


def opened(data: bytes) -> tuple[int, bytes]:
    """Operation and body of what a client sends.

    Raises:
        ValueError: no packet, or not exactly one.
    """
    if len(data) < _HEADER_BYTES:
        raise ValueError("cut off")
    size, head, version, operation, _ = struct.unpack_from(_HEADER, data)
    if (size, head) != (len(data), _HEADER_BYTES) or version not in {0, 1}:
        raise ValueError("no such packet")
    return operation, data[_HEADER_BYTES:]
