"""A window's comments, condensed to what a host should know."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from hostcue.comments.clusters import OLDEST_FIRST, Clusters, Saying, masked, people
from hostcue.comments.intents import Intents, packaged
from hostcue.comments.meaning import Kin, Meaning, Reading
from hostcue.comments.trend import trend_of
from hostcue.model.comment import Comment
from hostcue.model.digest import Asker, Bucket, CommentDigest, Intent, Slot, Slots, Topic
from hostcue.model.quote import quote

_LINES_PER_VIEWER = 5
_IDS_PER_TOPIC = 5
_VALUES_PER_SLOT = 8
_TEXT_CHARS = 40
_TOP_ASKERS, _MANY_QUESTIONS = 5, 3


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
    reading = Reading(intents or packaged())
    now = _Heard.of(comments, reading)
    then = _Heard.of(before, reading) if span_s and before_span_s else None
    clusters = Clusters(now.sayings.values())
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
    sayings: dict[tuple[Kin, str], Saying] = field(default_factory=dict[tuple[Kin, str], Saying])
    questions: dict[str, list[Intent]] = field(default_factory=dict[str, list[Intent]])

    @classmethod
    def of(cls, comments: Iterable[Comment], reading: Reading) -> _Heard:
        heard = cls()
        seen = set[str]()
        for comment in sorted(comments, key=OLDEST_FIRST):
            name = f"{comment.platform} {comment.id}"
            if name in seen or comment.metadata.get("form") == "hot":
                continue
            seen.add(name)
            if comment.kind == "chat":
                heard.hear(comment, reading(comment.content))
            else:
                heard.heat[comment.kind] += _number(comment.metadata.get("count"))
        return heard

    def hear(self, comment: Comment, meaning: Meaning) -> None:
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
            self.sayings[name] = Saying(meaning, [comment], meaning.asks)
        else:
            saying.lines.append(comment)
            saying.asks |= meaning.asks


def _topic(cluster: Saying, before: int | None, ratio: float, reading: Reading) -> Topic:
    lines = cluster.lines
    wordings = Counter(comment.content for comment in lines)
    wording = wordings.most_common(1)[0][0]  # of several, the first
    spoken = next(comment.id for comment in lines if comment.content == wording)
    ids = dict.fromkeys([spoken, *(comment.id for comment in lines[:_IDS_PER_TOPIC])])
    return Topic(
        intent=cluster.meaning.intent,
        text=quote(wording, _TEXT_CHARS) or "（无字）",
        count=len(lines),
        askers=len(people(lines)),
        comment_ids=tuple(ids)[:_IDS_PER_TOPIC],
        masked=masked(lines),
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
            askers=len(people(those)),
            masked=masked(those),
            before=None if then is None else past[intent],
            trend=None if then is None else trend_of(len(those), past[intent], ratio),
        )
        for intent, those in sorted(lines.items(), key=lambda item: (-len(item[1]), item[0]))
    )


def _slots(sayings: Iterable[Saying], reading: Reading) -> Slots:
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
