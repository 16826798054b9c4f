"""Bilibili's signature of queries (WBI).

Two keys that change daily are given out as the names of pictures; in an order that the page's
script holds they make the key with which a query is hashed. The method is public knowledge, its
test vector in tests/platforms.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import md5
from urllib.parse import quote, urlencode, urlsplit

_ORDER = (
    *(46, 47, 18, 2, 53, 8, 23, 32, 15, 50, 10, 31, 58, 3, 45, 35),
    *(27, 43, 5, 49, 33, 9, 42, 19, 29, 28, 14, 39, 12, 38, 41, 13),
)
_KEY_CHARS = 64
_LEFT_OUT = str.maketrans("", "", "!'()*")


def mixed_key(img_url: str, sub_url: str) -> str:
    """The key out of the two pictures' addresses; empty if they hold none."""
    names = (urlsplit(url).path.rpartition("/")[2].partition(".")[0] for url in (img_url, sub_url))
    raw = "".join(names)
    return "".join(raw[place] for place in _ORDER) if len(raw) >= _KEY_CHARS else ""


def signed(query: Mapping[str, str], key: str, *, at_s: int) -> str:
    """The query with its time and signature, ready for the URL."""
    fields = {name: value.translate(_LEFT_OUT) for name, value in query.items()}
    text = urlencode(sorted((fields | {"wts": str(at_s)}).items()), quote_via=quote)
    digest = md5((text + key).encode(), usedforsecurity=False).hexdigest()
    return f"{text}&w_rid={digest}"
