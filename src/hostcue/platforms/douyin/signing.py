"""The `signature` of Douyin's comment WebSocket.

Written from interface facts only: which fields are hashed, in which order, and how the sixteen
characters are laid out. Two MIT-licensed projects named in NOTICE agree on them byte for byte.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from functools import reduce
from hashlib import md5
from operator import xor

SDK_VERSION = "1.0.15"  # hashed and sent as a query parameter: the two must agree (seen 2026-08)
VERSION_CODE = "180800"

_PLAIN_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_X_BOGUS_BASE64 = b"Dkdpgh4ZKsQB80/Mfvw36XI1R25+WUAlEi7NLboqYTOPuzmFjJnryx9HVGcaStCe"
_ALPHABET = bytes.maketrans(_PLAIN_BASE64, _X_BOGUS_BASE64)

_WEBSOCKET_MODE = 0x40
_FLAG = 0x10  # set at random by the page's script
_ENVIRONMENT = bytes([0, 1, 14])
_TAIL_BYTES = 2


def ws_signature(
    room_id: str,
    user_unique_id: str,
    *,
    counter: int = 1,
    entropy: Callable[[int], bytes] = secrets.token_bytes,
) -> str:
    """Sixteen characters; `+` and `/` may be among them, so quote it in a URL.

    `counter` numbers the connections of a session from 1; `entropy` gives as many random bytes.
    """
    return seal(ws_stub(room_id, user_unique_id), counter=counter, entropy=entropy)


def ws_stub(room_id: str, user_unique_id: str) -> bytes:
    """The digest of the connection's fields, which is what gets signed: sixteen bytes."""
    fields = (
        ("live_id", "1"),
        ("aid", "6383"),
        ("version_code", VERSION_CODE),
        ("webcast_sdk_version", SDK_VERSION),
        ("room_id", room_id),
        ("sub_room_id", ""),
        ("sub_channel_id", ""),
        ("did_rule", "3"),
        ("user_unique_id", user_unique_id),
        ("device_platform", "web"),
        ("device_type", ""),
        ("ac", ""),
        ("identity", "audience"),
    )
    return _md5(",".join(f"{name}={value}" for name, value in fields).encode())


def seal(stub: bytes, *, counter: int, entropy: Callable[[int], bytes]) -> str:
    """The signature of a 16-byte digest of the connection's fields."""
    # The page draws key and filler as floor(255 * random), hence never 255.
    flag, filler, key = (byte % 255 for byte in entropy(3))
    body = bytes([counter & 0x3F]) + _ENVIRONMENT
    body += _md5(_md5(b""))[-_TAIL_BYTES:] + _md5(stub)[-_TAIL_BYTES:] + bytes([filler])
    body += bytes([reduce(xor, body)])
    mode = _WEBSOCKET_MODE | (_FLAG if flag & 1 else 0)
    sealed = bytes([mode, key]) + _rc4(key, body)
    return base64.b64encode(sealed).translate(_ALPHABET).decode()


def _md5(data: bytes) -> bytes:
    return md5(data, usedforsecurity=False).digest()


def _rc4(key: int, data: bytes) -> bytes:
    """RC4 with a key of one byte."""
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key) & 0xFF
        state[i], state[j] = state[j], state[i]
    out = bytearray()
    j = 0
    for i, byte in enumerate(data, start=1):
        j = (j + state[i]) & 0xFF
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) & 0xFF])
    return bytes(out)
