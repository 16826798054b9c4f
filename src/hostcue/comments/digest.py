"""A window's comments, condensed to what a host should know."""

from __future__ import annotations

import heapq
import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter, eq
from typing import NamedTuple

from rapidfuzz import fuzz, process

from hostcue.comments.intents import Intents, packaged
from hostcue.comments.patterns import READ_CHARS
from hostcue.comments.slots import take_slots
from hostcue.comments.trend import trend_of
from hostcue.model.comment import Comment
from hostcue.model.digest import Asker, Bucket, CommentDigest, Intent, Slot, Slots, Topic
from hostcue.model.quote import quote

_LINES_PER_VIEWER = 5
_IDS_PER_TOPIC = 5
_VALUES_PER_SLOT = 8
_COMPARED, _COMPARED_ONCE = 800, 400
"""Distinct sayings, most frequent first, and of those said once; rarer ones stay alone."""
_TEXT_CHARS = 40
_HALF_LIFE_MS = 120_000
_TOP_ASKERS, _MANY_QUESTIONS = 5, 3

_EMOJI_CODE = re.compile(r"\[[^\[\]]{1,8}\]")
_MENTION = re.compile(r"@[^\s@,.!?:;]+")
_LONG_RUN = re.compile(r"(\D)\1{2,}")
_NOT_WORDS = re.compile(r"[\W_]+")
_ORDER = attrgetter("ts_ms", "id", "platform", "kind", "content", "viewer")
# What makes two otherwise equal questions two questions, besides links.
_UNLIKE = re.compile(r"\d+|[不没无男女大小厚薄红橙黄绿青蓝紫黑白灰粉棕咖米杏]")
# An inserted word costs less than a replaced one, which in a short line is another matter.
_SHORT, _SHORT_ALIKE, _ALIKE = 5, 86, 80

_Kin = tuple[object, ...]
"""Intent, links and what else keeps sayings apart: only kin are compared."""


def digest(
    comments: Iterable[Comment],
    *,
    span_s: float | None = None,
    before: Iterable[Comment] = (),
    before_span_s: float | None = None,
    intents: Intents | None = None,
    max_topics: int = 15,
) -> CommentDigest:
    """What a window's comments ask and say, most pressing first.

    The order of the comments makes no difference, and a comment that comes twice counts once.
    `span_s` is for how long they were collected; `before` are those of the window before, and
    `before_span_s` for how long those were: without both lengths there is no trend. What the
    window before held changes nothing but `before`, `trend` and `per_min_before`. Aggregates of
    the platform (form `hot`) are nobody's lines and are not counted.
    """
    reading = _Reading(intents or packaged())
    now = _Heard.of(comments, reading)
    then = _Heard.of(before, reading) if span_s and before_span_s else None
    clusters = _Clusters(now.sayings.values())
    ranked = clusters.most_pressing(max_topics)
    ratio = span_s / before_span_s if span_s and before_span_s else 1.0
    past = None if then is None else clusters.count(then.sayings.values(), ranked)
    return CommentDigest(
        total=now.total,
        topics=tuple(
            _topic(cluster, None if past is None else past[id(cluster)], ratio, reading)
            for cluster in ranked
        ),
        heat=dict(sorted(now.heat.items(), key=lambda item: (-item[1], item[0]))),
        buckets=_buckets(now, then, ratio),
        set_aside=now.set_aside,
        askers=len(now.lines_of),
        masked=now.masked,
        slots=_slots(now.sayings.values(), reading),
        top_askers=_top_askers(now),
        per_min=_per_min(now.total, span_s),
        per_min_before=None if then is None else _per_min(then.total, before_span_s),
    )


class _Meaning(NamedTuple):
    """A wording without what makes no difference; `heat` is set for one that asks nothing."""

    key: str
    kin: _Kin
    intent: Intent
    asks: bool
    heat: str | None
    slots: Mapping[Slot, tuple[str, ...]]


@dataclass(slots=True)
class _Saying:
    """Everybody who said the same thing, oldest first; `meaning` is the first one's."""

    meaning: _Meaning
    lines: list[Comment]
    asks: bool

    def weight(self, newest_ms: int) -> float:
        """A person weighs more than a repetition, a question more than a remark, now than then."""
        heard = 1.0
        if len(self.lines) > 1:
            voices = len(_people(self.lines)) + _masked(self.lines)
            heard = voices + 0.3 * (len(self.lines) - voices)
        fresh = math.exp2((self.lines[-1].ts_ms - newest_ms) / _HALF_LIFE_MS)
        return (heard + 2 if self.asks else heard / 2) + fresh


class _Reading:
    """What wordings mean, each looked at once."""

    def __init__(self, intents: Intents) -> None:
        self._intents = intents
        self._known: dict[str, _Meaning] = {}

    def __call__(self, content: str) -> _Meaning:
        meaning = self._known.get(content)
        if meaning is None:
            meaning = self._known[content] = _meaning(content, self._intents)
        return meaning


@dataclass(slots=True)
class _Heard:
    """What a window's comments come to before those alike are put together.

    `lines_of` counts, for each viewer, the lines that say something.
    """

    total: int = 0
    set_aside: int = 0
    masked: int = 0
    lines_of: dict[str, int] = field(default_factory=dict[str, int])
    heat: Counter[str] = field(default_factory=Counter[str])
    sayings: dict[tuple[_Kin, str], _Saying] = field(
        default_factory=dict[tuple[_Kin, str], _Saying]
    )
    questions: dict[str, list[Intent]] = field(default_factory=dict[str, list[Intent]])

    @classmethod
    def of(cls, comments: Iterable[Comment], reading: _Reading) -> _Heard:
        heard = cls()
        seen = set[str]()
        for comment in sorted(comments, key=_ORDER):
            name = f"{comment.platform} {comment.id}"
            if name in seen or comment.metadata.get("form") == "hot":
                continue
            seen.add(name)
            if comment.kind == "chat":
                heard.hear(comment, reading(comment.content))
            else:
                heard.heat[comment.kind] += _number(comment.metadata.get("count"))
        return heard

    def hear(self, comment: Comment, meaning: _Meaning) -> None:
        self.total += 1
        viewer = comment.viewer
        lines = self.lines_of.setdefault(viewer, 0) if viewer else 0
        self.masked += not viewer
        if meaning.heat is not None:
            self.heat[meaning.heat] += 1
            return
        if viewer:
            self.lines_of[viewer] = lines + 1
            if meaning.asks:
                self.questions.setdefault(viewer, []).append(meaning.intent)
            if lines >= _LINES_PER_VIEWER:
                self.set_aside += 1  # one insistent viewer is not a crowd
                return
        name = (meaning.kin, meaning.key)
        saying = self.sayings.get(name)
        if saying is None:
            self.sayings[name] = _Saying(meaning, [comment], meaning.asks)
        else:
            saying.lines.append(comment)
            saying.asks |= meaning.asks


class _Clusters:
    """Near-duplicates together, led by the most frequent wording."""

    def __init__(self, sayings: Iterable[_Saying]) -> None:
        by_count = sorted(sayings, key=_most_said)
        kin: defaultdict[_Kin, dict[str, _Saying]] = defaultdict(dict)
        self._home: dict[tuple[_Kin, str], _Saying] = {}
        often = sum(len(saying.lines) > 1 for saying in by_count[:_COMPARED])
        compared = min(_COMPARED, often + _COMPARED_ONCE)
        for saying in by_count[:compared]:
            leaders, key = kin[saying.meaning.kin], saying.meaning.key
            nearest = _nearest(key, leaders)
            if nearest is None:
                home = leaders[key] = _Saying(saying.meaning, list(saying.lines), saying.asks)
            else:
                home = leaders[nearest]
                home.lines += saying.lines
                home.asks |= saying.asks
            self._home[saying.meaning.kin, key] = home
        for leaders in kin.values():
            for cluster in leaders.values():
                cluster.lines.sort(key=_ORDER)
        alone = by_count[compared:]
        self._home.update(((saying.meaning.kin, saying.meaning.key), saying) for saying in alone)
        self._every = [cluster for leaders in kin.values() for cluster in leaders.values()] + alone

    def most_pressing(self, most: int) -> list[_Saying]:
        """The heaviest first; of those that weigh the same, who came first."""
        newest_ms = max((cluster.lines[-1].ts_ms for cluster in self._every), default=0)

        def order(cluster: _Saying) -> tuple[float, int, str]:
            first = cluster.lines[0]
            return -cluster.weight(newest_ms), first.ts_ms, first.id

        return heapq.nsmallest(most, self._every, key=order)

    def count(self, sayings: Iterable[_Saying], wanted: Sequence[_Saying]) -> dict[int, int]:
        """How many lines of other sayings belong to the wanted clusters, by the clusters' id()."""
        counts = {id(cluster): 0 for cluster in wanted}
        kin: defaultdict[_Kin, dict[str, _Saying]] = defaultdict(dict)
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


def _most_said(saying: _Saying) -> tuple[int, int, str]:
    first = saying.lines[0]
    return -len(saying.lines), first.ts_ms, first.id


def _nearest(key: str, leaders: Mapping[str, _Saying]) -> str | None:
    cutoff = _ALIKE if len(key) > _SHORT else _SHORT_ALIKE
    found = process.extractOne(key, leaders.keys(), scorer=fuzz.ratio, score_cutoff=cutoff)
    return None if found is None else found[0]


def _meaning(content: str, intents: Intents) -> _Meaning:
    text = unicodedata.normalize("NFKC", content[: 5 * READ_CHARS]).lower()
    if "[" in text:
        text = _EMOJI_CODE.sub("", text)
    if "@" in text:
        text = _MENTION.sub("", text)
    if any(map(eq, text, text[1:])):  # else the pattern takes its time to find nothing
        text = _LONG_RUN.sub(r"\1", text)
    text = text[:READ_CHARS]
    bare = _NOT_WORDS.sub("", text)
    heat = intents.heat_of(bare)
    if heat is not None:
        return _Meaning("", (), "other", asks=False, heat=heat, slots={})
    without, slots = take_slots(text, intents.places)
    if slots:
        bare = _NOT_WORDS.sub("", without)
    key = intents.fillers.sub("", bare) or bare
    intent = intents.intent_of(text)
    return _Meaning(
        key=key,
        kin=(intent, *sorted(slots.get("link", ())), *_UNLIKE.findall(key)),
        intent=intent,
        asks=intents.asks(text),
        heat=None,
        slots=slots,
    )


def _topic(cluster: _Saying, before: int | None, ratio: float, reading: _Reading) -> Topic:
    lines = cluster.lines
    wordings = Counter(comment.content for comment in lines)
    wording = wordings.most_common(1)[0][0]  # of several, the first
    spoken = next(comment.id for comment in lines if comment.content == wording)
    ids = dict.fromkeys([spoken, *(comment.id for comment in lines[:_IDS_PER_TOPIC])])
    return Topic(
        intent=cluster.meaning.intent,
        text=quote(wording, _TEXT_CHARS) or "（无字）",
        count=len(lines),
        askers=len(_people(lines)),
        comment_ids=tuple(ids)[:_IDS_PER_TOPIC],
        masked=_masked(lines),
        slots=_slots([cluster], reading),
        before=before,
        trend=None if before is None else trend_of(len(lines), before, ratio),
    )


def _buckets(now: _Heard, then: _Heard | None, ratio: float) -> tuple[Bucket, ...]:
    lines: defaultdict[Intent, list[Comment]] = defaultdict(list)
    for saying in now.sayings.values():
        lines[saying.meaning.intent] += saying.lines
    past = Counter[Intent]()
    for saying in () if then is None else then.sayings.values():
        past[saying.meaning.intent] += len(saying.lines)
    return tuple(
        Bucket(
            intent,
            len(those),
            askers=len(_people(those)),
            masked=_masked(those),
            before=None if then is None else past[intent],
            trend=None if then is None else trend_of(len(those), past[intent], ratio),
        )
        for intent, those in sorted(lines.items(), key=lambda item: (-len(item[1]), item[0]))
    )


def _people(lines: Iterable[Comment]) -> set[str]:
    """Those who can be told apart."""
    return {comment.viewer for comment in lines if comment.viewer}


def _masked(lines: Iterable[Comment]) -> int:
    return sum(not comment.viewer for comment in lines)


def _slots(sayings: Iterable[_Saying], reading: _Reading) -> Slots:
    total = Counter[tuple[Slot, str]]()
    for saying in sayings:
        for comment in saying.lines:
            for name, named in reading(comment.content).slots.items():
                total.update((name, value) for value in named)
    found: dict[Slot, dict[str, int]] = {}
    for (slot, value), count in sorted(total.items(), key=lambda item: (-item[1], item[0])):
        values = found.setdefault(slot, {})
        if len(values) < _VALUES_PER_SLOT:
            values[value] = count
    return found


def _top_askers(heard: _Heard) -> tuple[Asker, ...]:
    """Those who ask three questions and more; ties in the order of their hashes, not of names."""
    many = [viewer for viewer, asked in heard.questions.items() if len(asked) >= _MANY_QUESTIONS]
    many.sort(key=lambda viewer: (-len(heard.questions[viewer]), viewer))
    return tuple(
        Asker(
            name=f"观众{chr(ord('A') + place)}",
            questions=len(heard.questions[viewer]),
            intent=Counter(sorted(heard.questions[viewer])).most_common(1)[0][0],
        )
        for place, viewer in enumerate(many[:_TOP_ASKERS])
    )


def _per_min(lines: int, span_s: float | None) -> float | None:
    return round(60 * lines / span_s, 1) if span_s else None


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else 1
