"""Checks the `signature` of a comment connection the way the platform is known to.

Written from the documented structure, independently of hostcue's signer: whatever the signer
gets wrong has to fail here.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

_STANDARD = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
# The WebSocket alphabet: with "+" where the X-Bogus of HTTP requests has "-".
_ALPHABET = b"Dkdpgh4ZKsQB80/Mfvw36XI1R25+WUAlEi7NLboqYTOPuzmFjJnryx9HVGcaStCe"
_TO_STANDARD = bytes.maketrans(_ALPHABET, _STANDARD)


def is_signed(query: Mapping[str, str]) -> bool:
    """Whether the query's `signature` belongs to the query's own parameters."""
    signature = query.get("signature", "").encode()
    if len(signature) != 16 or signature.strip(_ALPHABET):
        return False
    flags, key, *sealed = base64.b64decode(signature.translate(_TO_STANDARD))
    plain = _rc4(key, sealed)
    checksum = 0
    for byte in plain[:9]:
        checksum ^= byte
    empty = _md5(_md5(b""))
    return (
        flags & 0x40 != 0
        and plain[0] < 0x40
        and plain[1:4] == bytes((0, 1, 14))
        and plain[4:6] == empty[-2:]
        and plain[6:8] == _md5(_stub(query))[-2:]
        and plain[9] == checksum
    )


def _stub(query: Mapping[str, str]) -> bytes:
    """Digest of the thirteen parameters that are signed, in the platform's order."""
    pairs = {
        "live_id": "1",
        "aid": "6383",
        "version_code": "180800",
        "webcast_sdk_version": query.get("webcast_sdk_version", ""),
        "room_id": query.get("room_id", ""),
        "sub_room_id": "",
        "sub_channel_id": "",
        "did_rule": "3",
        "user_unique_id": query.get("user_unique_id", ""),
        "device_platform": "web",
        "device_type": "",
        "ac": "",
        "identity": "audience",
    }
    return _md5(",".join(f"{name}={value}" for name, value in pairs.items()).encode())


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _rc4(key: int, sealed: list[int]) -> bytes:
    """RC4 with a key of one byte."""
    box = list(range(256))
    j = 0
    for i in range(256):
        j = (j + box[i] + key) % 256
        box[i], box[j] = box[j], box[i]
    i = j = 0
    plain = bytearray()
    for byte in sealed:
        i = (i + 1) % 256
        j = (j + box[i]) % 256
        box[i], box[j] = box[j], box[i]
        plain.append(byte ^ box[(box[i] + box[j]) % 256])
    return bytes(plain)
