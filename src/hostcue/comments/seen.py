"""Which messages came before."""

from __future__ import annotations

from typing import Generic, TypeVar

Id = TypeVar("Id", int, str, int | str)


class Seen(Generic[Id]):
    """The last ids there were: at least `most` of them, and at most twice as many."""

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._last: set[Id] = set()
        self._before: set[Id] = set()

    def add(self, message_id: Id) -> bool:
        """Whether it is new."""
        if message_id in self._last or message_id in self._before:
            return False
        self._last.add(message_id)
        if len(self._last) >= self._most:
            self._before, self._last = self._last, set()
        return True
