"""The envelope of Bilibili's push protocol: bytes in, packets out, and back.

A packet is a header of 16 bytes, big-endian (its length, the header's length, version, operation,
sequence number), and a body. A WebSocket frame holds one or more. The body of version 2 is packets
again, zlib-compressed. Version 3 is the same by brotli, which servers use only when asked to: we
ask for zlib, which Python brings.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from hostcue.errors import UpstreamChanged

MAX_INFLATED_BYTES: Final = 4 * 2**20  # thousands of messages of the usual size
MAX_BODY_BYTES: Final = 256 * 2**10
"""Of one message: as JSON of nothing but brackets it takes thirty times as much memory."""
ASKED_VERSION: Final = 2
"""Of compression, as the auth packet names it."""

_HEADER = struct.Struct(">IHHII")
_ZLIB, _BROTLI = 2, 3
_MOST_PACKETS = 20_000  # in a frame; a busy room sends hundreds


class Operation(IntEnum):
    """What a packet is for."""

    HEARTBEAT = 2
    HEARTBEAT_REPLY = 3
    MESSAGE = 5
    AUTH = 7
    AUTH_REPLY = 8


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet, its body plain; `operation` is one of `Operation`, or unknown to us."""

    operation: int
    body: bytes


def pack(operation: Operation, body: bytes = b"") -> bytes:
    """A packet to send, in the version of those that are not messages."""
    return _HEADER.pack(_HEADER.size + len(body), _HEADER.size, 1, operation, 1) + body


def auth(fields: Mapping[str, object]) -> bytes:
    """The packet that has to come first."""
    return pack(Operation.AUTH, json.dumps(fields, separators=(",", ":")).encode())


HEARTBEAT: Final = pack(Operation.HEARTBEAT, b"[object Object]")
"""As the web page sends it."""


def unpack(frame: bytes) -> list[Packet]:
    """The packets of a frame, in order, those inside compressed ones included.

    Raises:
        UpstreamChanged: cut off, damaged, compressed in a way that was not asked for, or larger
            than we accept.
    """
    found: list[Packet] = []
    for version, packet in _split(frame):
        if version == _ZLIB:
            inner = _split(_inflate(packet.body))
            for inner_version, each in inner:
                if inner_version in {_ZLIB, _BROTLI}:
                    raise UpstreamChanged("Bilibili sent a packet compressed twice")
                _keep(found, each)
        elif version == _BROTLI:
            raise UpstreamChanged("Bilibili compresses its packets in a way we did not ask for")
        else:
            _keep(found, packet)
    return found


def _keep(found: list[Packet], packet: Packet) -> None:
    if len(found) >= _MOST_PACKETS:
        raise UpstreamChanged(f"Bilibili sent more than {_MOST_PACKETS} packets in a frame")
    found.append(packet)


def _split(data: bytes) -> Iterator[tuple[int, Packet]]:
    """Each packet's version, and the packet."""
    at = 0
    while at < len(data):
        if len(data) - at < _HEADER.size:
            raise UpstreamChanged("Bilibili sent a packet that is cut off")
        length, head, version, operation, _ = _HEADER.unpack_from(data, at)
        if not _HEADER.size <= head <= length <= len(data) - at:
            raise UpstreamChanged("Bilibili sent a packet whose length makes no sense")
        yield version, Packet(operation, data[at + head : at + length])
        at += length


def _inflate(data: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        plain = stream.decompress(data, MAX_INFLATED_BYTES)
    except zlib.error:
        raise UpstreamChanged("Bilibili sent a damaged zlib packet") from None
    if not stream.eof:
        raise UpstreamChanged("Bilibili sent a zlib packet that is cut off or inflates too far")
    return plain
