"""Sums that are asked for every few seconds and change every few minutes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Generic, TypeVar

from hostcue.model.event import Event
from hostcue.storage.database import Database

T = TypeVar("T")


class Remembered(Generic[T]):
    """What was read of each subject, until an event of that subject is committed.

    A recording that runs for months has tens of thousands of segments: they are summed up once
    for each new one, not once for each look at the page.
    """

    def __init__(
        self, database: Database, read: Callable[[Collection[str]], Awaitable[Mapping[str, T]]]
    ) -> None:
        self._read = read
        self._values: dict[str, T | None] = {}
        self._commits = 0
        database.on_commit(self._forget)

    async def of(self, subjects: Collection[str]) -> dict[str, T]:
        """By subject; those of which there is nothing are left out."""
        values = {subject: self._values.get(subject) for subject in subjects}
        unread = [subject for subject in subjects if subject not in self._values]
        if unread:
            commits = self._commits
            found = await self._read(unread)
            values |= {subject: found.get(subject) for subject in unread}
            if commits == self._commits:  # else what was read may be old already
                self._values |= {subject: values[subject] for subject in unread}
        return {subject: value for subject, value in values.items() if value is not None}

    def forget(self, subject: str) -> None:
        """Read it again: something of it was changed without an event."""
        self._commits += 1
        self._values.pop(subject, None)

    def _forget(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.stream == "recording":
                self.forget(event.subject)
