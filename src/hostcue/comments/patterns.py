"""Patterns that users write, held to what cannot take long.

Python's `re` tries every way a pattern can match, holding the interpreter while it does; a viewer
who knows the pattern could stop every room with one line. So what has too many ways is refused
when the file is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

READ_CHARS = 80
"""How much of a comment is matched; Douyin lets viewers write less."""

_MOST_WAYS = 500
_LONGEST = 200
_SIGN = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?:|\(\?.?|[()|]|[?*+]|\{\d*,?\d*\}|.", re.DOTALL
)
_BOUNDS = re.compile(r"\{(\d*)(,?)(\d*)\}")
_SIGNS = {"?": (0, 1), "*": (0, READ_CHARS + 1), "+": (1, READ_CHARS + 1)}
_PLAIN_ESCAPES = frozenset("dDsSwWb")


def checked(source: str) -> str:
    """The pattern, as it may be used.

    Raises:
        ValueError: it is no pattern, matches everything, or could take long; says what to write.
    """
    if not 0 < len(source) <= _LONGEST:
        raise ValueError(f"must have 1 to {_LONGEST} characters")
    try:
        pattern = re.compile(source, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as exc:
        raise ValueError(f"is no pattern: {exc}") from None
    if pattern.search("") is not None:
        raise ValueError("matches an empty comment, so every one; write what must be there")
    _Ways(source).count()
    return source


class _Ways:
    """Counts the ways in which a pattern can match one stretch of text."""

    def __init__(self, source: str) -> None:
        self._signs: Iterator[str] = iter(_SIGN.findall(source))
        self._sign = next(self._signs)
        self._endless = 0

    def count(self) -> int:
        return self._branches(depth=0)

    def _branches(self, depth: int) -> int:
        if depth > 5:
            raise ValueError("has too many brackets inside brackets; write it as several entries")
        total = self._sequence(depth)
        while self._sign == "|":
            self._next()
            total += self._sequence(depth)
        return total

    def _sequence(self, depth: int) -> int:
        ways = 1
        while self._sign not in {"", "|", ")"}:
            ways *= self._repeated(*self._item(depth))
            if ways > _MOST_WAYS:
                raise ValueError("could take too long; write {1,3} for + and *, or several entries")
        return ways

    def _item(self, depth: int) -> tuple[int, int]:
        """The ways of one item, and how many signs may repeat in it."""
        sign = self._next()
        if sign in {"(", "(?:"}:
            endless = self._endless
            ways = self._branches(depth + 1)
            self._next()
            return ways, self._endless - endless
        if sign.startswith("(?"):
            raise ValueError(f"holds {sign!r}; of brackets only (..) and (?:..) can be used")
        if sign[0] == "\\" and sign[1:].isalnum() and sign[1] not in _PLAIN_ESCAPES:
            raise ValueError(f"holds {sign}; of those only \\d \\w \\s \\b can be used")
        return 1, 0

    def _repeated(self, ways: int, endless_inside: int) -> int:
        least, most = _times(self._sign)
        if (least, most) == (1, 1):
            return ways
        self._next()
        if _times(self._sign) != (1, 1):
            raise ValueError("holds one repetition sign after another")
        if most > READ_CHARS:
            self._endless += 1
            if self._endless > 1 or endless_inside:
                raise ValueError("holds more than one + or *; write {1,3} for them")
            most = READ_CHARS
        if ways == 1:
            return most - least + 1
        return sum(min(ways, _MOST_WAYS + 1) ** min(n, 9) for n in range(least, most + 1))

    def _next(self) -> str:
        sign, self._sign = self._sign, next(self._signs, "")
        return sign


def _times(sign: str) -> tuple[int, int]:
    """How often the repetition sign lets something come; once for what is none."""
    if sign in _SIGNS:
        return _SIGNS[sign]
    bounds = _BOUNDS.fullmatch(sign)
    if bounds is None:
        return 1, 1
    least = int(bounds[1] or 0)
    most = int(bounds[3]) if bounds[3] else READ_CHARS + 1 if bounds[2] else least
    return least, most
