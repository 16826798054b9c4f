"""A window's comments, condensed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Intent = Literal["price", "size", "shipping", "stock", "after_sale", "product", "other"]


@dataclass(frozen=True, slots=True)
class Topic:
    """Comments that ask or say the same thing.

    `text` is the wording most used; `count` is how often it came, `askers` from how many people
    (0 where the platform masks them); `comment_ids` are up to five of them, first come first.
    """

    intent: Intent
    text: str
    count: int
    askers: int
    comment_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CommentDigest:
    """What a prompt and a person need to know of a window's comments.

    `total` counts chat lines; `topics` come most pressing first; `heat` counts what carries no
    question: votes such as 扣1, gifts, likes, follows, enters.
    """

    total: int = 0
    topics: tuple[Topic, ...] = ()
    heat: Mapping[str, int] = field(default_factory=dict[str, int])
