"""What a relay's JSON says, in our vocabulary: ours as it is, others' by the names of fields."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Final, Literal, get_args

from hostcue.errors import ConfigError, UpstreamChanged
from hostcue.model.comment import (
    Comment,
    CommentKind,
    Gap,
    LiveEvent,
    ProductChange,
    RoomControl,
    RoomStats,
)
from hostcue.model.room import Room

FieldName = Literal["id", "user", "user_id", "content", "ts", "type", "room_id", "count"]
FIELD_NAMES: Final[tuple[FieldName, ...]] = get_args(FieldName)

# Looked for in this order, whatever their case and underscores.
_USUAL: Mapping[FieldName, tuple[str, ...]] = {
    "id": ("id", "msg_id", "message_id"),
    "user": ("user", "nickname", "user_name", "user.nickname", "user.name", "sender"),
    "user_id": ("viewer", "user_id", "uid", "user.id", "user.id_str", "metadata.user_id"),
    "content": ("content", "text", "message", "msg", "comment"),
    "ts": ("ts", "timestamp", "ts_ms", "time", "create_time"),
    "type": ("type", "kind", "event", "method"),
    "room_id": ("room_id",),
    "count": ("count", "metadata.count"),
}
_KINDS: Mapping[str, CommentKind] = {
    **dict.fromkeys(("", "chat", "comment", "danmu", "danmaku", "text", "message"), "chat"),
    "gift": "gift",
    **dict.fromkeys(("like", "digg"), "like"),
    **dict.fromkeys(("member", "enter", "join"), "enter"),
    **dict.fromkeys(("follow", "social"), "follow"),
    "share": "share",
    "fansclub": "fans_club",
}
_OURS = frozenset({"room_user_stats", "product", "gap", "status"})
_NOTHING = frozenset({"ping", "reset", "lag", "heartbeat"})
_MAX_DEPTH = 3
_TEXT_CHARS = {"id": 128, "user": 128, "content": 2000}
_MOST_METADATA = 50


@dataclass(frozen=True, slots=True)
class RelayFields:
    """Where a relay's messages hold what; `paths` are dotted and win over the usual names.

    They are looked up in the whole message, usual names in its `data` where it has such.
    """

    paths: Mapping[FieldName, str] = field(default_factory=dict[FieldName, str])

    @classmethod
    def parse(cls, text: str) -> RelayFields:
        """Out of the setting: `content=data.text,user=data.sender.nick`.

        Raises:
            ConfigError: a name is none of ours, or has no path.
        """
        paths: dict[FieldName, str] = {}
        for pair in filter(None, map(str.strip, text.split(","))):
            ours, _, theirs = (part.strip() for part in pair.partition("="))
            name = next((known for known in FIELD_NAMES if known == ours), None)
            if name is None or not all(theirs.split(".")):
                raise ConfigError(
                    f"HOSTCUE_RELAY_FIELDS cannot be used at {pair[:80]!r}",
                    field="HOSTCUE_RELAY_FIELDS",
                    remedy="write it like content=data.text,user=data.sender.nick with the names "
                    + ", ".join(FIELD_NAMES),
                )
            paths[name] = theirs
        return cls(paths)

    def messages(self, text: str) -> Iterator[object]:
        """The messages in a text: one, or as many as there are in its lists.

        Raises:
            UpstreamChanged: it is no JSON.
        """
        try:
            whole = json.loads(text)
        except (ValueError, RecursionError):
            raise UpstreamChanged("the relay sent a message that is not JSON") from None
        return _apart(whole, _MAX_DEPTH)

    def read(self, message: object, room: Room, received_ms: int) -> LiveEvent | None:
        """What a message says; None if that means nothing to us.

        Raises:
            UnknownKind: nobody here reads messages of its kind.
            UpstreamChanged: it is not what its kind has to be.
        """
        if not isinstance(message, Mapping):
            raise UpstreamChanged("the relay sent JSON that is no message")
        inner = message.get("data")
        inner = inner if isinstance(inner, Mapping) else message
        return _event(_Message(self.paths, message, inner), room, received_ms)


def _apart(whole: object, depth: int) -> Iterator[object]:
    inner = whole.get("data") if isinstance(whole, Mapping) else whole
    if isinstance(inner, list) and depth:
        for each in inner:
            yield from _apart(each, depth - 1)
    else:
        yield whole


class UnknownKind(UpstreamChanged):
    """A message of a kind that nobody here reads."""

    def __init__(self, kind: str) -> None:
        super().__init__("the relay sent a kind of message that hostcue does not know")
        self.kind = kind[:64]


@dataclass(frozen=True, slots=True)
class _Message:
    paths: Mapping[FieldName, str]
    whole: Mapping[str, object]
    inner: Mapping[str, object]

    def value(self, name: FieldName) -> str | int | float | None:
        """A field's value; None for nothing, and for what is no text or number."""
        if name in self.paths:
            return _simple(_at(self.whole, self.paths[name]))
        for path in _USUAL[name]:
            for place in (self.inner, self.whole) if name == "type" else (self.inner,):
                if (found := _simple(_at(place, path))) is not None:
                    return found
        return None

    def text(self, name: FieldName) -> str:
        """A field as text, of a length that a comment can have."""
        found = self.value(name)
        return "" if found is None else str(found).strip()[: _TEXT_CHARS.get(name, 128)]

    @property
    def kind(self) -> str:
        """What it says it is; in ours the envelope says it."""
        if "type" not in self.paths and self.inner is not self.whole:
            return str(_simple(_at(self.whole, "type")) or self.text("type"))
        return self.text("type")


def _event(message: _Message, room: Room, received_ms: int) -> LiveEvent | None:
    if message.kind in _NOTHING or _is_of_another(message, room):
        return None
    if message.kind in _OURS:
        return _of_ours(message.kind, message.inner, room, received_ms)
    kind = _KINDS.get(_plain(message.kind).removeprefix("webcast").removesuffix("message"))
    if kind is None:
        raise UnknownKind(message.kind)
    comment = _comment(message, kind, room, received_ms)
    if kind == "chat" and not comment.content:
        raise UpstreamChanged("the relay sent a comment without text")
    return comment


def _is_of_another(message: _Message, room: Room) -> bool:
    """A stream may carry all rooms of a relay; what names none is ours."""
    named = message.text("room_id")
    return bool(named) and named not in {room.room_id, room.live_id}


def _comment(message: _Message, kind: CommentKind, room: Room, received_ms: int) -> Comment:
    user, content, ts_ms = message.text("user"), message.text("content"), _ts_ms(message)
    told = f"{kind} {user} {ts_ms} {content}"
    return Comment(
        id=message.text("id") or sha1(told.encode(), usedforsecurity=False).hexdigest(),
        platform=room.platform,
        room_id=room.room_id,
        user=user,
        content=content,
        ts_ms=ts_ms or received_ms,
        kind=kind,
        metadata=_metadata(message),
        viewer=message.text("user_id"),
    )


def _metadata(message: _Message) -> dict[str, str]:
    given = message.inner.get("metadata")
    found = {
        str(name)[:64]: str(value)[:500]
        for name, value in (given.items() if isinstance(given, Mapping) else ())
        if _simple(value) is not None and name != "user_id"
    }
    kept = dict(list(found.items())[:_MOST_METADATA])
    if (count := message.value("count")) is not None:
        kept["count"] = str(count)[:20]
    return kept


def _ts_ms(message: _Message) -> int:
    """Unix milliseconds, from seconds to nanoseconds told apart by magnitude; 0 if untold."""
    found = message.value("ts")
    try:
        time = float(found) if found is not None else 0.0
    except ValueError:
        return 0
    if not 0 < time < 1e20:
        return 0
    for above, per_ms in ((1e17, 1e6), (1e14, 1e3), (1e11, 1.0)):
        if time >= above:
            return int(time / per_ms) if per_ms != 1.0 else int(time)
    return int(time * 1000)


def _of_ours(
    kind: str, data: Mapping[str, object], room: Room, received_ms: int
) -> LiveEvent | None:
    match kind:
        case "room_user_stats":
            return RoomStats(
                room.room_id,
                _number(data, "ts") or received_ms,
                _number(data, "current") or 0,
                _number(data, "total") or 0,
            )
        case "product":
            return ProductChange(
                room.room_id,
                _number(data, "ts") or received_ms,
                *(str(data.get(name) or "") for name in ("id", "promotion_id", "title", "text")),
            )
        case "gap":
            start_ms = _number(data, "start_ts")
            if start_ms is None:
                raise UpstreamChanged("the relay tells of a gap without its start")
            return Gap(start_ms, str(data.get("cause") or "relay")[:64], _number(data, "end_ts"))
        case _:
            ended = data.get("state") == "ended"
            return RoomControl(room.room_id, received_ms, "ended") if ended else None


def _number(data: Mapping[str, object], name: str) -> int | None:
    found = data.get(name)
    return found if isinstance(found, int) and 0 <= found < 2**53 else None


def _at(value: object, path: str) -> object:
    """What a dotted path leads to; names match whatever their case and underscores."""
    for step in path.split("."):
        if not isinstance(value, Mapping):
            return None
        if step in value:
            value = value[step]
        else:
            value = next((v for k, v in value.items() if _plain(str(k)) == _plain(step)), None)
    return value


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _simple(value: object) -> str | int | float | None:
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else None
