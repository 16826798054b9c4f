"""What a window's viewers say, with what says nearly the same put together."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from rapidfuzz import fuzz, process

from hostcue.comments.meaning import Kin, Meaning
from hostcue.model.comment import Comment

OLDEST_FIRST = attrgetter("ts_ms", "id", "platform", "kind", "content", "viewer")

_COMPARED, _COMPARED_ONCE = 800, 400
"""Distinct sayings, most frequent first, and of those said once; rarer ones stay alone."""
_HALF_LIFE_MS = 120_000
# An inserted word costs less than a replaced one, which in a short line is another matter.
_SHORT, _SHORT_ALIKE, _ALIKE = 5, 86, 80


@dataclass(slots=True)
class Saying:
    """Everybody who said the same thing, oldest first; `meaning` is the first one's."""

    meaning: Meaning
    lines: list[Comment]
    asks: bool

    def weight(self, newest_ms: int) -> float:
        """A person weighs more than a repetition, a question more than a remark, now than then."""
        heard = 1.0
        if len(self.lines) > 1:
            voices = len(people(self.lines)) + masked(self.lines)
            heard = voices + 0.3 * (len(self.lines) - voices)
        fresh = math.exp2((self.lines[-1].ts_ms - newest_ms) / _HALF_LIFE_MS)
        return (heard + 2 if self.asks else heard / 2) + fresh


class Clusters:
    """Near-duplicates together, led by the most frequent wording."""

    def __init__(self, sayings: Iterable[Saying]) -> None:
        by_count = sorted(sayings, key=_most_said)
        kin: defaultdict[Kin, dict[str, Saying]] = defaultdict(dict)
        self._home: dict[tuple[Kin, str], Saying] = {}
        often = sum(len(saying.lines) > 1 for saying in by_count[:_COMPARED])
        compared = min(_COMPARED, often + _COMPARED_ONCE)
        for saying in by_count[:compared]:
            leaders, key = kin[saying.meaning.kin], saying.meaning.key
            nearest = _nearest(key, leaders)
            if nearest is None:
                home = leaders[key] = Saying(saying.meaning, list(saying.lines), saying.asks)
            else:
                home = leaders[nearest]
                home.lines += saying.lines
                home.asks |= saying.asks
            self._home[saying.meaning.kin, key] = home
        for leaders in kin.values():
            for cluster in leaders.values():
                cluster.lines.sort(key=OLDEST_FIRST)
        alone = by_count[compared:]
        self._home.update(((saying.meaning.kin, saying.meaning.key), saying) for saying in alone)
        self._every = [cluster for leaders in kin.values() for cluster in leaders.values()] + alone

    def most_pressing(self, most: int) -> list[Saying]:
        """The heaviest first; of those that weigh the same, who came first."""
        newest_ms = max((cluster.lines[-1].ts_ms for cluster in self._every), default=0)

        def order(cluster: Saying) -> tuple[float, int, str]:
            first = cluster.lines[0]
            return -cluster.weight(newest_ms), first.ts_ms, first.id

        return heapq.nsmallest(most, self._every, key=order)

    def count(self, sayings: Iterable[Saying], wanted: Sequence[Saying]) -> dict[int, int]:
        """How many lines of other sayings belong to the wanted clusters, by the clusters' id()."""
        counts = {id(cluster): 0 for cluster in wanted}
        kin: defaultdict[Kin, dict[str, Saying]] = defaultdict(dict)
        for cluster in wanted:
            kin[cluster.meaning.kin][cluster.meaning.key] = cluster
        for saying in sayings:
            meaning = saying.meaning
            home = self._home.get((meaning.kin, meaning.key))
            if home is None and meaning.kin in kin:
                nearest = _nearest(meaning.key, kin[meaning.kin])
                home = None if nearest is None else kin[meaning.kin][nearest]
            if home is not None and id(home) in counts:
                counts[id(home)] += len(saying.lines)
        return counts


def _most_said(saying: Saying) -> tuple[int, int, str]:
    first = saying.lines[0]
    return -len(saying.lines), first.ts_ms, first.id


def _nearest(key: str, leaders: Mapping[str, Saying]) -> str | None:
    cutoff = _ALIKE if len(key) > _SHORT else _SHORT_ALIKE
    found = process.extractOne(key, leaders.keys(), scorer=fuzz.ratio, score_cutoff=cutoff)
    return None if found is None else found[0]


def people(lines: Iterable[Comment]) -> set[str]:
    """Those who can be told apart."""
    return {comment.viewer for comment in lines if comment.viewer}


def masked(lines: Iterable[Comment]) -> int:
    """How many lines are of those who can't."""
    return sum(not comment.viewer for comment in lines)
