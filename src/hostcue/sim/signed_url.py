"""Stream URLs as a CDN signs them: good for a while, then refused."""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import time
from urllib.parse import parse_qs, urlsplit

_LIFE_S = 7 * 24 * 3600  # as seen on the platform's URLs


class UrlSigner:
    """Signs URLs, and knows its own; nothing is checked before `enforce`."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)
        self._life_s: float = _LIFE_S
        self._enforced = False

    def enforce(self, life_s: float | None) -> None:
        """Give out URLs that live so long, and let no others in; None lets everybody in."""
        self._enforced = life_s is not None
        self._life_s = _LIFE_S if life_s is None else life_s

    def expire(self) -> None:
        """Admit none of what was signed so far."""
        self._key = secrets.token_bytes(16)

    def sign(self, url: str) -> str:
        """The URL with its end in whole seconds, in hexadecimal, and a signature."""
        expire = f"{math.ceil(_now_s() + self._life_s):x}"
        return f"{url}?expire={expire}&sign={self._signature(urlsplit(url).path, expire)}"

    def admits(self, target: str) -> bool:
        """Whether this path and query may be served now."""
        if not self._enforced:
            return True
        parts = urlsplit(target)
        given = parse_qs(parts.query)
        expire, signature = given.get("expire", [""])[0], given.get("sign", [""])[0]
        ours = self._signature(parts.path, expire)
        genuine = hmac.compare_digest(signature.encode(), ours.encode())
        return genuine and _now_s() < int(expire, 16)

    def _signature(self, path: str, expire: str) -> str:
        return hmac.new(self._key, f"{path} {expire}".encode(), hashlib.sha256).hexdigest()[:32]


def _now_s() -> float:
    return time.time_ns() / 1e9
