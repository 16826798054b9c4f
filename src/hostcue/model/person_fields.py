"""Which fields of a collector's metadata say who a viewer is, whatever the collector calls them."""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_ABOUT_PEOPLE = frozenset(
    {
        *("user", "userid", "username", "uname", "uid", "viewer", "sender", "author"),
        *("nick", "nickname", "avatar", "phone", "mobile", "email", "wechat", "openid", "unionid"),
    }
)
_ALSO = frozenset(
    {
        *("name", "id_str", "short_id", "display_id", "unique_id", "open_id", "union_id"),
        *("secuid", "shortid", "displayid", "uniqueid"),
    }
)
_ABOUT_MANY = frozenset({"level", "grade", "count", "num", "type"})
"""What ends a name such as `user_level`, which says nothing of who it is."""


@lru_cache(maxsize=1024)
def person_fields(names: tuple[str, ...]) -> frozenset[str]:
    """Those of a metadata's names that say who somebody is; ours are none of them."""
    return frozenset(filter(_tells, names))


def _tells(name: str) -> bool:
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or words[-1] in _ABOUT_MANY:
        return False
    return "_".join(words) in _ALSO or not _ABOUT_PEOPLE.isdisjoint(words)
