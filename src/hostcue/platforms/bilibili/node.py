"""Reading JSON that somebody else wrote: what is missing or of another kind is empty."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from hostcue.errors import UpstreamChanged

CHANGED_REMEDY = "update hostcue; if that does not help, report what `hostcue doctor` says"


@dataclass(frozen=True, slots=True)
class Node:
    """A value somewhere in a JSON document, or nothing."""

    value: object = None

    def __getitem__(self, key: str | int) -> Node:
        """What is at a name or an index."""
        match self.value, key:
            case dict(), str():
                return Node(self.value.get(key))
            case list(), int() if key < len(self.value):
                return Node(self.value[key])
            case _:
                return Node()

    def __bool__(self) -> bool:
        return bool(self.value)

    @property
    def text(self) -> str:
        """A text, or a whole number as one; lone surrogates, which nothing can store, replaced."""
        if isinstance(self.value, str):
            return self.value.encode(errors="replace").decode()
        return str(self.value) if type(self.value) is int else ""

    @property
    def number(self) -> int:
        """A whole number, or a text of digits as one; 0 for anything else."""
        if type(self.value) is int:
            return self.value if abs(self.value) < 1 << 63 else 0
        digits = isinstance(self.value, str) and self.value.isascii() and self.value.isdecimal()
        return int(str(self.value)) if digits and len(str(self.value)) < 19 else 0

    def each(self) -> Iterator[Node]:
        """The items of a list."""
        yield from map(Node, self.value if isinstance(self.value, list) else ())

    def inside(self) -> Node:
        """What a text that is itself JSON says."""
        try:
            return read(self.text) if self.text else self
        except UpstreamChanged:
            return Node()


def read(data: bytes | str) -> Node:
    """A JSON document.

    Raises:
        UpstreamChanged: it is not one.
    """
    try:
        return Node(json.loads(data))
    except (ValueError, RecursionError):  # the latter for thousands of brackets
        raise UpstreamChanged(
            "Bilibili sent something that is no JSON", remedy=CHANGED_REMEDY
        ) from None
