"""Until when a signed stream address is good, as the address itself says."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

# 2015 to 2100: what lies outside is no point in time but some other number.
_FIRST_S, _LAST_S = 1_420_070_400, 4_102_444_800
_LONGEST_S = 366 * 86_400
_MAX_CHARS = 8_192


def expires_ms(url: str) -> int | None:
    """The earliest end that the query names; None where it names none.

    The names are those of the networks that Chinese platforms deliver by: `expire` (hex or
    decimal, ByteDance and others), `auth_key` (decimal, then a dash; Aliyun), `txTime` (hex,
    Tencent), `wsTime` (hex, Wangsu), which is the moment of signing where `keeptime` says how long
    it holds from then on.
    """
    if len(url) > _MAX_CHARS:
        return None
    try:
        query = dict(parse_qsl(urlsplit(url).query))
    except ValueError:
        return None
    signed = query.get("auth_key", "").partition("-")[0]
    kept_s = _lifetime_s(query.get("keeptime", ""))
    ends = [
        _moment_s(query.get("expire", "")),
        _moment_s(query.get("expires", "")),
        _moment_s(query.get("txTime", "")),
        _moment_s(signed) if signed.isdecimal() else None,
        _after(_moment_s(query.get("wsTime", "")), kept_s),
    ]
    found = [end for end in ends if end is not None]
    return min(found) * 1000 if found else None


def _moment_s(text: str) -> int | None:
    """Unix seconds, in whichever base they make a point in time; milliseconds are taken too."""
    for value in _readings(text):
        for seconds in (value, value // 1000):
            if _FIRST_S <= seconds <= _LAST_S:
                return seconds
    return None


def _lifetime_s(text: str) -> int:
    """Seconds; padded with zeros or with letters in it they are hex: 00093a80 is seven days."""
    readings = _readings(text) or [0]
    value = readings[-1] if text.startswith("0") else readings[0]
    return value if value <= _LONGEST_S else 0


def _after(moment_s: int | None, kept_s: int) -> int | None:
    return None if moment_s is None else moment_s + kept_s


def _readings(text: str) -> list[int]:
    """The number in base ten, where it is one, and in base sixteen."""
    if not re.fullmatch(r"[0-9a-fA-F]{1,16}", text):
        return []
    return ([int(text)] if text.isdecimal() else []) + [int(text, 16)]
