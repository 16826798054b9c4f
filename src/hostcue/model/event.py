"""What the event streams carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

StreamName = Literal["recording", "comments"]


@dataclass(frozen=True, slots=True)
class Event:
    """One message of a stream; `subject` is the recording or the room that it is about.

    `id` grows over both streams and is the resume point of a client; None marks what is live
    only (likes, enters), which no replay brings back.
    """

    stream: StreamName
    subject: str
    type: str
    data: Mapping[str, object]
    id: int | None = None
