"""Events as clients read them."""

from __future__ import annotations

from collections.abc import Sequence

from hostcue.model.event import Event
from hostcue.model.json_text import to_json

PING = b": ping\n\n"


class Message:
    """One event, made into text the first time that somebody sends it, once for all clients."""

    __slots__ = ("_body", "_single", "event")

    def __init__(self, event: Event) -> None:
        self.event = event
        self._body: bytes | None = None
        self._single: bytes | None = None

    @property
    def single(self) -> bytes:
        """The message of a stream that sends one for each event."""
        if self._single is None:
            self._single = _frame(self._json, self.event.id)
        return self._single

    @property
    def item(self) -> bytes:
        """The event inside a batch, where its id is a member."""
        if self.event.id is None:
            return self._json
        return b'%b,"id":%d}' % (self._json[:-1], self.event.id)

    @property
    def _json(self) -> bytes:
        if self._body is None:
            text = to_json({"type": self.event.type, "data": self.event.data})
            self._body = text.encode("utf-8", "replace")  # half a surrogate pair ends no stream
        return self._body


def singly(messages: Sequence[Message]) -> bytes:
    """One message for each event."""
    return b"".join([message.single for message in messages])


def as_batch(messages: Sequence[Message]) -> bytes:
    """One message of the type `batch`, whose id is the last one inside."""
    ids = [message.event.id for message in messages if message.event.id is not None]
    items = b",".join([message.item for message in messages])
    return _frame(b'{"type":"batch","data":[%b]}' % items, ids[-1] if ids else None)


def _frame(json: bytes, event_id: int | None) -> bytes:
    if event_id is None:
        return b"data: %b\n\n" % json
    return b"data: %b\nid: %d\n\n" % (json, event_id)
