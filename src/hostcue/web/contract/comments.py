"""Bodies of `/api/comments`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field

from hostcue.model.comment import Comment, CommentKind
from hostcue.storage.comment_rows import StoredComment
from hostcue.web.contract.common import Answer, Body, Id, Milliseconds, example


class CommentBody(Answer):
    """One stored comment; `row_id` is what `after` takes for the next page.

    `viewer` is the same for all of one person's comments and tells nobody who it is; empty where
    the platform hides who wrote.
    """

    model_config = example(
        id="7576912345678909999",
        user="爱***",
        content="这双多少钱",
        ts=1764000012345,
        room_id="7576912345678901234",
        platform="douyin",
        metadata={"fans_level": "7"},
        type="chat",
        row_id=4711,
        viewer="9f86d081884c7d65",
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
    viewer: str

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
            viewer=comment.viewer,
        )


class IngestedComment(Body):
    """One comment of the user's own collector; `type` member means: entered the room.

    `user_id` is the platform's own id of who wrote it; it is not kept, only a keyed hash of it.
    """

    id: Id
    user: str = Field("", max_length=128)
    content: str = Field("", max_length=2000)
    ts: Milliseconds
    type: Literal["chat", "gift", "like", "follow", "member", "share", "fans_club"] = "chat"
    user_id: str = Field("", max_length=128)
    metadata: dict[str, str] = Field(default_factory=dict[str, str], max_length=50)


class CommentIngest(Body):
    """A batch of comments from the user's own collector."""

    model_config = example(
        platform="douyin",
        room_id="7576912345678901234",
        comments=[
            {
                "id": "m-1",
                "user": "爱逛街的猫",
                "user_id": "98765",
                "content": "这双多少钱",
                "ts": 1764000012345,
            }
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
                viewer=item.user_id,
            )
            for item in self.comments
        ]


class Accepted(Answer):
    """How much of a batch was new."""

    model_config = example(accepted=1, duplicates=0)
    accepted: int
    duplicates: int
