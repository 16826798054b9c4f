"""Bodies of what else there is to stored comments."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from hostcue.storage.comment_minutes import CommentMinute
from hostcue.web.contract.common import Answer, Body, Id, example


class MinuteBody(Answer):
    """What happened in one minute; a number the platform did not tell is null."""

    model_config = example(
        start_ts=1764000000000,
        chats=212,
        likes=5300,
        enters=96,
        follows=4,
        gifts=12,
        diamonds=340,
        viewers=181,
        online=2410,
        online_peak=2455,
        total=18342,
    )
    start_ts: int
    chats: int
    likes: int
    enters: int
    follows: int
    gifts: int
    diamonds: int
    viewers: int = Field(description="Different viewers seen in it; about 3 % off for thousands")
    online: int | None = Field(description="Who watched, as last told in the minute")
    online_peak: int | None
    total: int | None = Field(description="Who came since the broadcast began")

    @classmethod
    def of(cls, minute: CommentMinute) -> Self:
        """From the store."""
        return cls(
            start_ts=minute.start_ms,
            chats=minute.chats,
            likes=minute.likes,
            enters=minute.enters,
            follows=minute.follows,
            gifts=minute.gifts,
            diamonds=minute.diamonds,
            viewers=minute.viewers,
            online=minute.online,
            online_peak=minute.online_peak,
            total=minute.came,
        )


class ErasedViewer(Body):
    """Whose comments go: `viewer` as comments show it, or `platform` with its own `user_id`."""

    model_config = example(platform="douyin", user_id="98765")
    viewer: str = Field("", pattern=r"^([0-9a-f]{16})?$")
    platform: str = Field("", pattern=r"^[a-z0-9_]{0,32}$")
    user_id: Id | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        by_id = bool(self.platform) and self.user_id is not None
        if bool(self.viewer) == by_id or (self.viewer and (self.platform or self.user_id)):
            raise ValueError("give viewer alone, or platform and user_id")
        return self


class Erased(Answer):
    """How many comments were deleted."""

    model_config = example(comments=17)
    comments: int
