"""Bodies of `/api/douyin/web/*` and `/api/comments`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from hostcue.model.comment import Comment, CommentKind
from hostcue.pipeline.chat import ChatStatus
from hostcue.storage.comments import StoredComment
from hostcue.web.contract.common import Answer, Body, Id, Milliseconds, Name, Text, example


class RelayStart(Body):
    """Which room's comments to collect: one of the two."""

    model_config = example(live_id="80017709309")
    live_id: Name | None = None
    live_url: Text | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.live_id is None) == (self.live_url is None):
            raise ValueError("give either live_id or live_url")
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
    """Which room; may be left out when one room runs."""

    model_config = example(live_id="80017709309")
    live_id: Name | None = None


class RelayHealth(Answer):
    """How the line is; ages are null before the first message."""

    last_message_age_ms: int | None
    messages_per_min: float
    reconnects: int
    lag_ms: int | None
    dropped: int


class RelayStatus(Answer):
    """The collection of one room's comments."""

    model_config = example(
        is_running=True,
        live_id="80017709309",
        room_id="7576912345678901234",
        anchor_name="小满的鞋铺",
        state="live",
        reason="",
        health={
            "last_message_age_ms": 320,
            "messages_per_min": 84.0,
            "reconnects": 0,
            "lag_ms": 140,
            "dropped": 0,
        },
        last_error="",
    )
    is_running: bool
    live_id: str
    room_id: str
    anchor_name: str
    state: str
    reason: str
    health: RelayHealth
    last_error: str

    @classmethod
    def of(cls, status: ChatStatus) -> Self:
        """From the flow."""
        health = status.health
        return cls(
            is_running=status.running,
            live_id=status.room.live_id,
            room_id=status.room.room_id,
            anchor_name=status.room.anchor_name,
            state=health.state,
            reason=health.reason,
            health=RelayHealth(
                last_message_age_ms=health.last_message_age_ms,
                messages_per_min=health.messages_per_min,
                reconnects=health.reconnects,
                lag_ms=health.lag_ms,
                dropped=health.dropped,
            ),
            last_error=health.last_error,
        )


class CommentBody(Answer):
    """One stored comment; `row_id` is what `after` takes for the next page."""

    model_config = example(
        id="7576912345678909999",
        user="爱逛街的猫",
        content="这双多少钱",
        ts=1764000012345,
        room_id="7576912345678901234",
        platform="douyin",
        metadata={"user_id": "98765"},
        type="chat",
        row_id=4711,
    )
    id: str
    user: str
    content: str
    ts: int
    room_id: str
    platform: str
    metadata: dict[str, str]
    type: CommentKind
    row_id: int

    @classmethod
    def of(cls, stored: StoredComment) -> Self:
        """From the store."""
        comment = stored.comment
        return cls(
            id=comment.id,
            user=comment.user,
            content=comment.content,
            ts=comment.ts_ms,
            room_id=comment.room_id,
            platform=comment.platform,
            metadata=dict(comment.metadata),
            type=comment.kind,
            row_id=stored.row_id,
        )


class IngestedComment(Body):
    """One comment of the user's own collector; `type` member means: entered the room."""

    id: Id
    user: str = Field("", max_length=128)
    content: str = Field("", max_length=2000)
    ts: Milliseconds
    type: Literal["chat", "gift", "like", "follow", "member"] = "chat"
    metadata: dict[str, str] = Field(default_factory=dict[str, str], max_length=50)


class CommentIngest(Body):
    """A batch of comments from the user's own collector."""

    model_config = example(
        platform="douyin",
        room_id="7576912345678901234",
        comments=[
            {"id": "m-1", "user": "爱逛街的猫", "content": "这双多少钱", "ts": 1764000012345}
        ],
    )
    platform: str = Field(pattern=r"^[a-z0-9_]{1,32}$")
    room_id: Id
    comments: list[IngestedComment] = Field(max_length=5000)

    def rows(self) -> list[Comment]:
        """As the flow knows them."""
        return [
            Comment(
                id=item.id,
                platform=self.platform,
                room_id=self.room_id,
                user=item.user,
                content=item.content,
                ts_ms=item.ts,
                kind="enter" if item.type == "member" else item.type,
                metadata=item.metadata,
            )
            for item in self.comments
        ]


class Accepted(Answer):
    """How much of a batch was new."""

    model_config = example(accepted=1, duplicates=0)
    accepted: int
    duplicates: int
