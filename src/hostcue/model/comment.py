"""What comes in over a room's live connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, make_dataclass
from typing import Literal

CommentKind = Literal["chat", "gift", "like", "follow", "enter", "share", "fans_club"]

Way = Literal["websocket", "polling", "browser", "relay", "replay"]
"""How a room's messages reach us; `polling` asks, the others are told."""


@dataclass(frozen=True, slots=True)
class Comment:
    """One message of a room's live chat (弹幕).

    `id` is the platform's message id: unique within a room, stable across reconnects, so it
    is what duplicates are recognised by. `ts_ms` is the platform's send time, not our receive time.
    `viewer` says who wrote it: the platform's own id on the way from a source, a keyed hash of it
    from the flow on; empty where the platform hides it or gives everybody the same one.
    """

    id: str
    platform: str
    room_id: str
    user: str
    content: str
    ts_ms: int
    kind: CommentKind = "chat"
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    viewer: str = ""


# A frozen dataclass sets each field by a call of its own, which takes as long as reading a row
# does. A draft has the same slots, and is made a comment when they are filled.
_Draft = make_dataclass("_Draft", [(one.name, object) for one in fields(Comment)], slots=True)


def comment_of(
    id: str,  # noqa: A002 - the fields of a comment, in their order
    platform: str,
    room_id: str,
    user: str,
    content: str,
    ts_ms: int,
    kind: CommentKind,
    metadata: Mapping[str, str],
    viewer: str,
) -> Comment:
    """The comment with these fields, made in a third of the time, where it is one of thousands."""
    draft: Comment = _Draft(id, platform, room_id, user, content, ts_ms, kind, metadata, viewer)
    draft.__class__ = Comment
    return draft


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

    A source yields it twice: when it opens, and once more with `end_ms` when it closes. What is
    known only afterwards is yielded once, closed.
    """

    start_ms: int
    cause: str
    end_ms: int | None = None


@dataclass(frozen=True, slots=True)
class WayTaken:
    """From here on messages come this way.

    `reason` is the code of what closed the one before, `remedy` what can be done about it, where
    that is more than the code says.
    """

    way: Way
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """What a source has left out so far, and what it measured.

    `clock_skew_ms` is how far the platform's clock is ahead of ours, None before it is known;
    `repeated` counts messages that came again, `unknown` and `unreadable` those of a method that
    nobody here reads, or that did not fit it.
    """

    clock_skew_ms: int | None = None
    repeated: int = 0
    unknown: Mapping[str, int] = field(default_factory=dict[str, int])
    unreadable: Mapping[str, int] = field(default_factory=dict[str, int])


LiveEvent = Comment | RoomStats | ProductChange | RoomControl | Gap | WayTaken | Tally
