"""What comes in over a room's live connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

CommentKind = Literal["chat", "gift", "like", "follow", "enter"]


@dataclass(frozen=True, slots=True)
class Comment:
    """One message of a room's live chat (弹幕).

    `id` is the platform's message id: unique within a room, stable across reconnects, so it
    is what duplicates are recognised by. `ts_ms` is the platform's send time, not our receive time.
    """

    id: str
    platform: str
    room_id: str
    user: str
    content: str
    ts_ms: int
    kind: CommentKind = "chat"
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class RoomStats:
    """How many watch now, and how many came so far, as the platform counts them."""

    room_id: str
    ts_ms: int
    online: int
    total: int


@dataclass(frozen=True, slots=True)
class ProductChange:
    """The shopping cart of the room changed."""

    room_id: str
    ts_ms: int
    id: str
    promotion_id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class RoomControl:
    """The platform says that the broadcast pauses, goes on or has ended."""

    room_id: str
    ts_ms: int
    action: Literal["paused", "resumed", "ended"]


@dataclass(frozen=True, slots=True)
class Gap:
    """A span in which nothing was received, with its cause; `end_ms` is None while it lasts.

    A source yields it twice: when it opens, and once more with `end_ms` when it closes.
    """

    start_ms: int
    cause: str
    end_ms: int | None = None


LiveEvent = Comment | RoomStats | ProductChange | RoomControl | Gap
