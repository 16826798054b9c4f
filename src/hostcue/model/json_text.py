"""JSON as it is stored and sent: compact, Chinese unescaped."""

from __future__ import annotations

import json
from collections.abc import Mapping

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))  # made once: it is slow
_DECODER = json.JSONDecoder()


def to_json(value: object) -> str:
    """Compact JSON text."""
    return _ENCODER.encode(value)


def from_json(stored: str) -> object:
    """Whatever JSON value was stored."""
    value: object = json.loads(stored)
    return value


def object_from(stored: str) -> dict[str, object]:
    """A stored JSON object."""
    value = from_json(stored)
    if not isinstance(value, dict):
        raise TypeError("a stored JSON object is something else")
    return value


def as_json(value: Mapping[str, object]) -> dict[str, object]:
    """The object as it comes back from being stored: tuples are lists, keys are strings."""
    return object_from(to_json(value))


def strings_from(stored: str) -> dict[str, str]:
    """A stored JSON object of strings; there are thousands of them in a window."""
    value, _ = _DECODER.raw_decode(stored)  # `loads` looks for spaces around it, for as long
    if not isinstance(value, dict):
        raise TypeError("a stored JSON object is something else")
    return {key: str(member) for key, member in value.items()}


def texts(value: object) -> tuple[str, ...]:
    """The strings of a JSON list; anything else counts as none."""
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def member(value: object, key: str) -> object:
    """One member of a JSON object; None where there is no such object or member."""
    return value.get(key) if isinstance(value, Mapping) else None
