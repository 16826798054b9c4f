"""Who wrote a comment, told apart and not told: what is kept and sent of a viewer."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence

from hostcue.model.comment import Comment, comment_of

_DIGITS = 16
_SHARED_IDS = frozenset({"", "0", "111111"})
"""What platforms give instead of an id: Douyin's masked viewers are all `111111`."""

_IDENTIFYING = frozenset(
    {
        *("user_id", "userId", "uid", "sec_uid", "secUid", "sec_user_id", "short_id", "shortId"),
        *("display_id", "displayId", "unique_id", "open_id", "openid", "union_id"),
        *("nickname", "nick_name", "user_name", "userName", "username", "uname"),
        *("avatar", "avatar_url", "to_user", "to_user_id"),
    }
)
"""Members of a foreign collector's metadata that say who somebody is; ours sends none of them."""


class Pseudonyms:
    """Veils viewers: the same one gets the same key, from which nobody finds the platform's id.

    Without `raw_names` of a name only its first character is left. Keys change with the secret:
    those made with an `older` one are still found by `viewers_of`.
    """

    def __init__(self, key: bytes, *, raw_names: bool = False, older: Sequence[bytes] = ()) -> None:
        self._key = key
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
            metadata if _IDENTIFYING.isdisjoint(metadata) else _anonymous(metadata),
            self.viewer_of(comment.platform, platform_id),
        )

    def viewer_of(self, platform: str, user_id: str) -> str:
        """The key of a viewer; empty for an id that many share."""
        if user_id in _SHARED_IDS:
            return ""
        return _keyed(self._key, platform, user_id)

    def viewers_of(self, platform: str, user_id: str) -> list[str]:
        """All keys under which a viewer's comments may be stored, the present one first."""
        if user_id in _SHARED_IDS:
            return []
        return [_keyed(key, platform, user_id) for key in (self._key, *self._older)]


def mask(name: str) -> str:
    """A name's first character; what a platform has masked already stays as it is."""
    return f"{name[0]}***" if name else ""


def _keyed(key: bytes, platform: str, user_id: str) -> str:
    return hmac.digest(key, f"{platform}:{user_id}".encode(), "sha256").hex()[:_DIGITS]


def _anonymous(metadata: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in metadata.items() if name not in _IDENTIFYING}
