"""Bodies of `/api/douyin/web/*`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import Field, model_validator

from hostcue.comments.collector import CollectorHealth
from hostcue.model.comment import Way
from hostcue.pipeline.chat import ChatStatus
from hostcue.web.contract.common import Answer, Body, Name, Text, example
from hostcue.web.contract.remedies import remedy_for

STREAM_KINDS = (
    "chat",
    "gift",
    "like",
    "member",
    "follow",
    "share",
    "fans_club",
    "room_user_stats",
    "product",
    "status",
    "gap",
)
"""The types of what the stream of comments carries."""


class RelayStart(Body):
    """Which room's comments to collect, or which fixture to play: one of the three."""

    model_config = example(live_id="80017709309")
    live_id: Name | None = None
    live_url: Text | None = None
    fixture: Name | None = Field(
        None, description="A name of `GET /api/douyin/web/fixtures`, played as a room of its own"
    )

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        if [self.live_id, self.live_url, self.fixture].count(None) != 2:
            raise ValueError("give one of live_id, live_url and fixture")
        return self

    @property
    def link(self) -> str:
        """What was given."""
        return self.live_url or self.live_id or ""


class RelayStarted(Answer):
    """The room whose comments are collected."""

    model_config = example(
        success=True, live_id="80017709309", room_id="7576912345678901234", state="live"
    )
    success: bool
    live_id: str
    room_id: str
    state: str


class RelayStop(Body):
    """Which room; may be left out when one room runs, the platform unless two have such a room."""

    model_config = example(live_id="80017709309")
    live_id: Name | None = None
    platform: Name | None = None


class Fixture(Answer):
    """Something captured that can be played."""

    model_config = example(name="selling_session")
    name: str


class RelayHealth(Answer):
    """How the line is; ages are null before the first message.

    `way` is how messages come, null before they do; `way_reason` the code of what closed the one
    before. `clock_skew_ms` is how far the platform's clock is ahead of ours. `dropped` counts likes
    and enters left out because there was too much at once; `repeated` messages that came again;
    `unknown` and `unreadable` those of a method that nobody here reads, or that did not fit it.
    """

    last_message_age_ms: int | None
    messages_per_min: float
    reconnects: int
    lag_ms: int | None
    dropped: int
    way: Way | None
    way_reason: str
    clock_skew_ms: int | None
    repeated: int
    unknown: int
    unreadable: int


class OpenGap(Answer):
    """Comments are missing since then, until messages come again."""

    model_config = example(cause="stalled", since_ts=1764000120000)
    cause: str
    since_ts: int


class RelayStatus(Answer):
    """The collection of one room's comments.

    `remedy` says what can be done about `reason`, in words; `gap` is null while nothing is missing;
    `counts` how many events of each type the room's stream had so far.
    """

    model_config = example(
        is_running=True,
        platform="douyin",
        live_id="80017709309",
        room_id="7576912345678901234",
        anchor_name="小满的鞋铺",
        since_ts=1764000000000,
        state="live",
        reason="",
        remedy="",
        gap={"cause": "not_collected", "since_ts": 1763999400000},
        health={
            "last_message_age_ms": 320,
            "messages_per_min": 84.0,
            "reconnects": 0,
            "lag_ms": 140,
            "dropped": 0,
            "way": "websocket",
            "way_reason": "",
            "clock_skew_ms": -12,
            "repeated": 15,
            "unknown": 40,
            "unreadable": 0,
        },
        counts={"chat": 512, "like": 900},
        last_error="",
    )
    is_running: bool
    platform: str
    live_id: str
    room_id: str
    anchor_name: str
    since_ts: int
    state: str
    reason: str
    remedy: str
    gap: OpenGap | None
    health: RelayHealth
    counts: dict[str, int]
    last_error: str

    @classmethod
    def of(cls, status: ChatStatus, counts: Mapping[str, int]) -> Self:
        """From the flow."""
        health, gap = status.health, status.gap
        return cls(
            is_running=status.running,
            platform=status.room.platform,
            live_id=status.room.live_id,
            room_id=status.room.room_id,
            anchor_name=status.room.anchor_name,
            since_ts=status.since_ms,
            state=health.state,
            reason=health.reason,
            remedy=_remedy(health),
            gap=None if gap is None else OpenGap(cause=gap.cause, since_ts=gap.start_ms),
            health=RelayHealth(
                last_message_age_ms=health.last_message_age_ms,
                messages_per_min=health.messages_per_min,
                reconnects=health.reconnects,
                lag_ms=health.lag_ms,
                dropped=health.dropped,
                way=health.way,
                way_reason=health.way_reason,
                clock_skew_ms=health.clock_skew_ms,
                repeated=health.repeated,
                unknown=health.unknown,
                unreadable=health.unreadable,
            ),
            counts=dict(counts),
            last_error=health.last_error,
        )


def _remedy(health: CollectorHealth) -> str:
    """What to do; nothing when the broadcast is over, by whatever way its comments came."""
    if health.state == "ended":
        return ""
    return health.remedy or remedy_for(health.reason or health.way_reason)
