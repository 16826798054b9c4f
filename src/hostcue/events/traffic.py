"""How much passed by, of what kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from hostcue.model.event import Event


class Traffic:
    """Counts the events of each type by what they are about, since the service began.

    Of so many subjects only the last ones are remembered: each broadcast is another one.
    """

    def __init__(self, *, remembered: int = 200) -> None:
        self._remembered = remembered
        self._counts: dict[str, Counter[str]] = {}

    def count(self, events: Sequence[Event]) -> None:
        """Add these."""
        for event in events:
            counts = self._counts.get(event.subject)
            if counts is None:
                counts = self._counts[event.subject] = Counter()
                if len(self._counts) > self._remembered:
                    del self._counts[next(iter(self._counts))]
            counts[event.type] += 1

    def of(self, subject: str) -> Mapping[str, int]:
        """What there was of a subject so far, by type."""
        return dict(self._counts.get(subject, {}))
