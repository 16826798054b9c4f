"""A window's comments, condensed to what a host should know."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rapidfuzz import fuzz, process

from hostcue.comments.intents import asks, heat_of, intent_of
from hostcue.model.comment import Comment
from hostcue.model.digest import CommentDigest, Intent, Topic

_MASKED_ID = "111111"  # every viewer of a Douyin room in anonymous mode
_LINES_PER_USER = 5
_IDS_PER_TOPIC = 5
_COMPARED = 1500  # distinct sayings, most frequent first; rarer ones stay alone

_EMOJI_CODE = re.compile(r"\[[^\[\]]{1,8}\]")
_LONG_RUN = re.compile(r"(\D)\1{2,}")
_NOT_WORDS = re.compile(r"[\W_]+")
_FILLER = re.compile(
    r"请问|麻烦|想问|问一下|问下|一下|主播|老板|老师|小?姐姐|宝子|亲|刚来|现在|那个|这个|的话|[吗呢呀啊哦嘛吧呗哈了的]"
)
_CHINESE_LINK = re.compile(r"[一二三四五六七八九](?=号)")
_CHINESE_DIGITS = str.maketrans("一二三四五六七八九", "123456789")
# What makes two otherwise equal questions two questions.
_SLOT = re.compile(
    r"\d+|[smlx]+|[不没无]|[男女]|[大小]|[厚薄]|[红橙黄绿青蓝紫黑白灰粉棕咖米杏]"
    r"|北京|上海|天津|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南"
    r"|广东|广西|海南|四川|贵州|云南|陕西|甘肃|青海|宁夏|新疆|西藏|内蒙|香港|澳门|台湾"
)
# An inserted word costs less than a replaced one, which in a short line is another matter.
_SHORT, _SHORT_ALIKE, _ALIKE = 5, 86, 80


def digest(comments: Sequence[Comment], *, max_topics: int = 15) -> CommentDigest:
    """What the comments ask and say, most pressing first; takes them oldest first."""
    chats = [comment for comment in comments if comment.kind == "chat"]
    heat = Counter[str]()
    for comment in comments:
        if comment.kind != "chat":
            heat[comment.kind] += _number(comment.metadata.get("count"))
    sayings = _merge(_gather(chats, heat))
    ranked = sorted(sayings, key=lambda saying: (-saying.weight, saying.place))
    return CommentDigest(
        total=len(chats),
        topics=tuple(saying.topic() for saying in ranked[:max_topics]),
        heat=dict(heat.most_common()),
    )


@dataclass(frozen=True, slots=True)
class _Meaning:
    """A wording without what makes no difference; `heat` is set for one that asks nothing."""

    key: str
    intent: Intent
    asks: bool
    heat: str | None


@dataclass(slots=True)
class _Saying:
    """Everybody who said the same thing; `place` is where the first of them stands."""

    meaning: _Meaning
    place: int
    wordings: Counter[str] = field(default_factory=Counter[str])
    comments: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    people: set[str] = field(default_factory=set[str])
    masked: int = 0
    asks: bool = False

    @property
    def weight(self) -> float:
        """A person weighs more than a repetition, a question more than a remark."""
        count, voices = len(self.comments), len(self.people) + self.masked
        heard = voices + 0.3 * (count - voices)
        return heard + 2 if self.asks else heard / 2

    def add(self, place: int, comment: Comment, person: str | None, *, is_question: bool) -> None:
        self.wordings[comment.content] += 1
        self.comments.append((place, comment.id))
        self.asks |= is_question
        if person is None:
            self.masked += 1
        else:
            self.people.add(person)

    def absorb(self, other: _Saying) -> None:
        self.place = min(self.place, other.place)
        self.wordings += other.wordings
        self.comments += other.comments
        self.people |= other.people
        self.masked += other.masked
        self.asks |= other.asks

    def topic(self) -> Topic:
        (wording, _) = self.wordings.most_common(1)[0]
        return Topic(
            intent=self.meaning.intent,
            text=wording.strip(),
            count=len(self.comments),
            askers=len(self.people),
            comment_ids=tuple(name for _, name in sorted(self.comments)[:_IDS_PER_TOPIC]),
        )


def _gather(chats: Sequence[Comment], heat: Counter[str]) -> Iterable[_Saying]:
    """Comments by what they mean; those that ask nothing go to `heat`."""
    meanings: dict[str, _Meaning] = {}
    sayings: dict[tuple[Intent, str], _Saying] = {}
    lines = Counter[str]()
    for place, comment in enumerate(chats):
        meaning = meanings.get(comment.content)
        if meaning is None:
            meaning = meanings[comment.content] = _meaning(comment.content)
        if meaning.heat is not None:
            heat[meaning.heat] += 1
            continue
        person = _person(comment)
        if person is not None:
            lines[person] += 1
            if lines[person] > _LINES_PER_USER:
                continue  # one insistent viewer is not a crowd
        name = (meaning.intent, meaning.key)
        saying = sayings.get(name)
        if saying is None:
            saying = sayings[name] = _Saying(meaning, place)
        saying.add(place, comment, person, is_question=meaning.asks)
    return sayings.values()


def _merge(sayings: Iterable[_Saying]) -> list[_Saying]:
    """Near-duplicates of one intent together, led by the most frequent wording."""
    by_count = sorted(sayings, key=lambda saying: (-len(saying.comments), saying.place))
    alike: defaultdict[tuple[object, ...], dict[str, _Saying]] = defaultdict(dict)
    alone = by_count[_COMPARED:]
    for saying in by_count[:_COMPARED]:
        key = saying.meaning.key
        leaders = alike[saying.meaning.intent, *_SLOT.findall(key)]
        cutoff = _ALIKE if len(key) > _SHORT else _SHORT_ALIKE
        found = process.extractOne(key, leaders.keys(), scorer=fuzz.ratio, score_cutoff=cutoff)
        if found is None:
            leaders[key] = saying
        else:
            leaders[found[0]].absorb(saying)
    return [saying for leaders in alike.values() for saying in leaders.values()] + alone


def _meaning(content: str) -> _Meaning:
    text = unicodedata.normalize("NFKC", content).lower()
    text = _LONG_RUN.sub(r"\1", _EMOJI_CODE.sub("", text))
    bare = _NOT_WORDS.sub("", text)
    key = _CHINESE_LINK.sub(lambda found: found[0].translate(_CHINESE_DIGITS), bare)
    return _Meaning(
        key=_FILLER.sub("", key) or key,
        intent=intent_of(text),
        asks=asks(text),
        heat=heat_of(bare),
    )


def _person(comment: Comment) -> str | None:
    """Who wrote it; None where the platform gives everybody the same identity."""
    user_id = comment.metadata.get("user_id")
    if user_id == _MASKED_ID or (not user_id and "***" in comment.user):
        return None
    return user_id or comment.user or None


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 1
