"""A window's comments, condensed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Intent = Literal["price", "size", "shipping", "stock", "after_sale", "product", "other"]

Slot = Literal["link", "body", "size", "city"]
"""What a question names: number of a link (`3`), height and weight (`165cm 110斤`), size (`38`,
`XL`), city or province."""

Slots = Mapping[Slot, Mapping[str, int]]
"""How many lines named which value, most named first; at most eight values of each kind."""

Trend = Literal["new", "rising", "steady", "falling"]


@dataclass(frozen=True, slots=True)
class Topic:
    """Comments that ask or say the same thing.

    `text` is the wording most used, made harmless; `count` is how often it came, `askers` from how
    many people that can be told apart, `masked` how many lines came from people who cannot.
    `comment_ids` are up to five of them, one of that wording first. `before` is how often it came
    in the window before, and `trend` what that means for windows of unlike length; None where
    there is nothing to compare with.
    """

    intent: Intent
    text: str
    count: int
    askers: int
    comment_ids: tuple[str, ...]
    masked: int = 0
    slots: Slots = field(default_factory=dict[Slot, Mapping[str, int]])
    before: int | None = None
    trend: Trend | None = None


@dataclass(frozen=True, slots=True)
class Bucket:
    """All lines of one intent, those of topics too small to be told included."""

    intent: Intent
    count: int
    askers: int
    masked: int
    before: int | None = None
    trend: Trend | None = None


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody who asks much, under a name that holds for this window alone: 观众A, 观众B."""

    name: str
    questions: int
    intent: Intent


@dataclass(frozen=True, slots=True)
class CommentDigest:
    """What a prompt and a person need to know of a window's comments.

    `total` counts chat lines. Each is in one bucket, or in `heat` (`vote`, `purchase`, `cheer`),
    or in `set_aside`: what one viewer wrote beyond the fifth line. `heat` counts gifts, likes,
    follows, enters and the like as well. `topics` come most pressing first, `buckets` fullest
    first. `askers` are people who can be told apart, `masked` lines of those who cannot.
    `per_min` is chat lines a minute; `per_min_before` that of the window before. Both are None
    where the length is not known, or nothing was collected.
    """

    total: int = 0
    topics: tuple[Topic, ...] = ()
    heat: Mapping[str, int] = field(default_factory=dict[str, int])
    buckets: tuple[Bucket, ...] = ()
    set_aside: int = 0
    askers: int = 0
    masked: int = 0
    slots: Slots = field(default_factory=dict[Slot, Mapping[str, int]])
    top_askers: tuple[Asker, ...] = ()
    per_min: float | None = None
    per_min_before: float | None = None
