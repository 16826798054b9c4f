"""What all bodies share, and the small ones."""

from __future__ import annotations

from typing import Annotated, Literal, cast

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

Text = Annotated[str, Field(min_length=1, max_length=4096)]
Name = Annotated[str, Field(min_length=1, max_length=128)]
Id = Annotated[
    str,
    Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f]+$", examples=["3f9a1c0b77de"]),
]
Milliseconds = Annotated[int, Field(ge=0, le=2**53, description="Unix milliseconds, UTC")]


class Body(BaseModel):
    """What a client sends: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    """What a client gets."""

    model_config = ConfigDict(frozen=True)


def example(**values: object) -> ConfigDict:
    """A body's configuration with its example, which a test validates against its schema."""
    return ConfigDict(json_schema_extra=cast("JsonDict", {"examples": [values]}))


class ErrorDetail(Answer):
    """`code` is stable; `message` and `remedy` are for people; `field` names what is at fault."""

    code: str
    message: str
    field: str | None = None
    remedy: str | None = None


class ErrorBody(Answer):
    """Every answer that is not a success."""

    model_config = example(
        error={
            "code": "room_offline",
            "message": "nobody is live in this room now",
            "field": "live_url",
            "remedy": "start again when the broadcast has begun",
        }
    )
    error: ErrorDetail


class Login(Body):
    """The token, once, in exchange for a cookie."""

    model_config = example(token="the value of HOSTCUE_TOKEN")  # noqa: S106 - an example
    token: str = Field(min_length=1, max_length=512)


class Done(Answer):
    """It worked."""

    model_config = example(success=True)
    success: bool = True


class Health(Answer):
    """Whether the service answers."""

    model_config = example(status="ok", version="0.1.0")
    status: Literal["ok", "stopping"]
    version: str


class NoticeBody(Answer):
    """Something the operator should know without asking."""

    model_config = example(
        code="no_comments",
        subject="3f9a1c0b77de",
        since=1764000000000,
        message="no comment for 90 s",
        remedy="look at the room's comment status",
    )
    code: str
    subject: str
    since: int
    message: str
    remedy: str
