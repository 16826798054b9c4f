"""Who wrote a comment, told apart and not told: what is kept and sent of a viewer."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial

from hostcue.model.comment import Comment, comment_of
from hostcue.model.person_fields import person_fields

_DIGITS = 16
_REMEMBERED = 16_384
"""Of so many viewers the key is kept in memory: who wrote just now writes again."""
_SHARED_IDS = frozenset({"", "0", "111111"})
"""What platforms give instead of an id: Douyin's masked viewers are all `111111`."""

_ID_DIGITS = 6
"""A shorter id is as likely a level or a count."""


class Pseudonyms:
    """Veils viewers: the same one gets the same key, from which nobody finds the platform's id.

    Without `raw_names` of a name only its first character is left. Keys change with the secret:
    those made with an `older` one are still found by `viewers_of`.
    """

    def __init__(self, key: bytes, *, raw_names: bool = False, older: Sequence[bytes] = ()) -> None:
        self._keyed = lru_cache(_REMEMBERED)(partial(_keyed, key))
        self._older = tuple(older)
        self._raw_names = raw_names

    def veil(self, comment: Comment) -> Comment:
        """The comment as it may be stored and sent; takes one from a source, once."""
        metadata = comment.metadata
        platform_id = comment.viewer or metadata.get("user_id", "")
        name = masked = comment.user
        if not self._raw_names:
            masked = mask(name)
        content = comment.content
        if comment.kind != "chat" and masked != name and name in content:
            content = content.replace(name, masked)  # "… came in", as some collectors write it
        return comment_of(
            comment.id,
            comment.platform,
            comment.room_id,
            masked,
            content,
            comment.ts_ms,
            comment.kind,
            _anonymous(metadata, "" if self._raw_names else name, platform_id),
            self.viewer_of(comment.platform, platform_id),
        )

    def viewer_of(self, platform: str, user_id: str) -> str:
        """The key of a viewer; empty for an id that many share."""
        if user_id in _SHARED_IDS:
            return ""
        return self._keyed(platform, user_id)

    def viewers_of(self, platform: str, user_id: str) -> list[str]:
        """All keys under which a viewer's comments may be stored, the present one first."""
        if user_id in _SHARED_IDS:
            return []
        older = (_keyed(key, platform, user_id) for key in self._older)
        return [self._keyed(platform, user_id), *older]


def mask(name: str) -> str:
    """A name's first character; what a platform has masked already stays as it is."""
    return f"{name[0]}***" if name else ""


def _keyed(key: bytes, platform: str, user_id: str) -> str:
    return hmac.digest(key, f"{platform}:{user_id}".encode(), "sha256").hex()[:_DIGITS]


def _anonymous(metadata: Mapping[str, str], name: str, platform_id: str) -> Mapping[str, str]:
    """Without what says who wrote: by its field, or because it is the name or the id itself."""
    fields, values = person_fields(tuple(metadata)), metadata.values()
    if not (fields or name in values or platform_id in values):
        return metadata  # nearly always
    told = {name} if len(name) > 2 and not name.isdecimal() else set[str]()
    if len(platform_id) >= _ID_DIGITS:
        told.add(platform_id)
    return {key: value for key, value in metadata.items() if not (key in fields or value in told)}
