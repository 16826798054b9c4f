"""Checks the `signature` of a comment connection the way the platform is known to.

Written from the documented structure, independently of hostcue's signer: whatever the signer
gets wrong has to fail here.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping

_STANDARD = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
# The WebSocket alphabet: with "+" where the X-Bogus of HTTP requests has "-".
_ALPHABET = b"Dkdpgh4ZKsQB80/Mfvw36XI1R25+WUAlEi7NLboqYTOPuzmFjJnryx9HVGcaStCe"
_TO_STANDARD = bytes.maketrans(_ALPHABET, _STANDARD)
# What the platform's script says of where it runs: in a page, and under Node as f2 runs it.
_SURROUNDINGS = (bytes((0, 1, 14)), bytes(3))


def is_signed(query: Mapping[str, str]) -> bool:
    """Whether the query's `signature` belongs to the query's own parameters."""
    # Clients that leave "+" as it is in a URL get in all the same (f2 0.0.1.7 is one).
    signature = query.get("signature", "").replace(" ", "+").encode()
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
        and plain[1:4] in _SURROUNDINGS
        and plain[4:6] == empty[-2:]
        and plain[6:8] == _md5(_stub(query))[-2:]
        and plain[9] == checksum
    )


def signed(query: Mapping[str, str]) -> dict[str, str]:
    """The query with the signature that a page's own script would give it."""
    return {**query, "signature": sign_stub(_stub(query).hex())}


def sign_stub(stub: str) -> str:
    """The signature that belongs to the thirteen parameters' digest, in hexadecimal."""
    plain = bytearray((secrets.randbelow(0x40), 0, 1, 14))
    plain += _md5(_md5(b""))[-2:] + _md5(bytes.fromhex(stub))[-2:] + secrets.token_bytes(1)
    checksum = 0
    for byte in plain:
        checksum ^= byte
    key = secrets.randbelow(0x100)
    sealed = bytes((0x50, key)) + _rc4(key, [*plain, checksum])
    to_ours = bytes.maketrans(_STANDARD, _ALPHABET)
    return base64.b64encode(sealed).translate(to_ours).decode()


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
