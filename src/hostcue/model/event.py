"""What the event streams carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, make_dataclass
from typing import Literal

StreamName = Literal["recording", "comments", "speech"]


@dataclass(frozen=True, slots=True)
class Event:
    """One message of a stream; `subject` is the recording or the room that it is about.

    `id` grows over all streams and is the resume point of a client; None marks what is live
    only (likes, enters, partial texts), which no replay brings back.
    """

    stream: StreamName
    subject: str
    type: str
    data: Mapping[str, object]
    id: int | None = None


# As in `model.comment`: a frozen dataclass sets each field by a call of its own.
_Draft = make_dataclass("_Draft", [(one.name, object) for one in fields(Event)], slots=True)


def event_of(
    stream: StreamName,
    subject: str,
    type: str,  # noqa: A002 - the fields of an event, in their order
    data: Mapping[str, object],
    id: int | None,  # noqa: A002
) -> Event:
    """The event with these fields, made in a third of the time, where it is one of thousands."""
    draft: Event = _Draft(stream, subject, type, data, id)
    draft.__class__ = Event
    return draft
