"""A digest as text: what a prompt shows a model and the API shows a person."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from hostcue.model.digest import Bucket, CommentDigest, Intent, Slot, Slots, Topic, Trend
from hostcue.model.quote import quote

BUDGET_TOKENS = 900

_TEXT_CHARS = 40
_TEXT_TOKENS = 28
_HEATS = 8
_VALUES, _VALUE_CHARS = 3, 20
_FIRST_LEVEL = range(0xB0, 0xD8)  # first bytes of the common half of GB 2312
_ONE_TOKEN = frozenset("，。、；：？！（）〔〕×↑↓→…·│")
_TWO_TOKENS = frozenset("硷矽")
_NAMES: Mapping[Intent, str] = {
    "price": "价格",
    "size": "尺码",
    "shipping": "发货",
    "stock": "库存",
    "after_sale": "售后",
    "product": "商品",
    "other": "其他",
}
_HEAT_NAMES: Mapping[str, str] = {
    "vote": "扣1想要",
    "purchase": "已拍",
    "cheer": "捧场",
    "gift": "礼物",
    "like": "点赞",
    "follow": "关注",
    "enter": "进场",
    "share": "分享",
    "fans_club": "粉丝团",
}
_UNITS: Mapping[Slot, str] = {"link": "号链接", "body": "", "size": "码", "city": ""}
_MARKS: Mapping[Trend, str] = {"new": "新", "rising": "↑", "steady": "", "falling": "↓"}


def render(digest: CommentDigest, budget_tokens: int = BUDGET_TOKENS) -> str:
    """The digest in lines: a summary, then a topic each, labelled C1, C2 in the digest's order.

    Never more than `budget_tokens` by `tokens_of`: the least pressing topics are left out, then
    what topics name; in a budget too small for the summary, its last lines.
    """
    return "\n".join(_lines(digest, budget_tokens)[0])


def shown(digest: CommentDigest, budget_tokens: int = BUDGET_TOKENS) -> CommentDigest:
    """The digest with just the topics that `render` has room for; it renders the same."""
    return replace(digest, topics=digest.topics[: _lines(digest, budget_tokens)[1]])


def tokens_of(text: str) -> int:
    """How many tokens a model takes for a text, at most.

    One for each character that Qwen's vocabulary takes for one when it joins no other (most do
    join): ASCII and the 3,755 common Chinese ones. Two for the rest of GB 2312; for any other
    its UTF-8 bytes, which no byte-level vocabulary exceeds.
    """
    return sum(map(_cost, text))


@functools.lru_cache(maxsize=8192)
def _cost(char: str) -> int:
    if char < "\x80" or char in _ONE_TOKEN:
        return 1
    try:
        first = char.encode("gb2312")[0]
    except UnicodeEncodeError:
        return len(char.encode("utf-8", "surrogatepass"))
    return 1 if first in _FIRST_LEVEL and char not in _TWO_TOKENS else 2


def _lines(digest: CommentDigest, budget: int) -> tuple[list[str], int]:
    """The lines that fit, and how many topics are among them."""
    lines: list[str] = []
    left = budget
    for line in _summary(digest):
        left -= tokens_of(line) + 1
        if left < 0:
            return lines, 0
        lines.append(line)
    first = len(lines)
    for number, topic in enumerate(digest.topics, 1):
        line = _topic(number, topic)
        if tokens_of(line) + 1 > left:
            break
        left -= tokens_of(line) + 1
        lines.append(line)
    for place, topic in enumerate(digest.topics[: len(lines) - first], first):
        named = _named(topic.slots, but="link")
        if named and tokens_of(named) + 2 <= left:
            left -= tokens_of(named) + 2
            lines[place] += f"（{named}）"
    return lines, len(lines) - first


def _summary(digest: CommentDigest) -> Iterator[str]:
    people = f"，{digest.askers} 人" if digest.askers else ""
    hidden = f"，匿名 {digest.masked} 条" if digest.masked else ""
    yield f"弹幕 {digest.total} 条{people}{hidden}{_pace(digest)}"
    if digest.buckets:
        yield f"类别：{'，'.join(map(_bucket, digest.buckets))}"
    if named := _named(digest.slots):
        yield f"提到：{named}"
    heat = [
        f"{_HEAT_NAMES.get(kind) or quote(kind, _VALUE_CHARS)} {count}"
        for kind, count in list(digest.heat.items())[:_HEATS]
    ]
    if heat:
        yield f"互动：{'，'.join(heat)}"
    if digest.top_askers:
        told = (f"{a.name} {a.questions} 问（{_NAMES[a.intent]}）" for a in digest.top_askers)
        yield f"问得多：{'，'.join(told)}"


def _pace(digest: CommentDigest) -> str:
    if digest.per_min is None:
        return ""
    before = digest.per_min_before
    return f"，每分钟 {digest.per_min:g}" + ("" if before is None else f"（上一段 {before:g}）")


def _bucket(bucket: Bucket) -> str:
    return f"{_NAMES[bucket.intent]} {bucket.count}{_mark(bucket.trend)}"


def _topic(number: int, topic: Topic) -> str:
    people = f" {topic.askers}人" if 0 < topic.askers < topic.count else ""
    mark = _mark(topic.trend)
    trend = f" {mark}" if mark else ""
    return f"C{number} [{topic.intent}] {_said(topic.text)} ×{topic.count}{people}{trend}"


def _mark(trend: Trend | None) -> str:
    return "" if trend is None else _MARKS[trend]


def _said(text: str) -> str:
    """The wording, cut to what a topic may take of the budget."""
    text = quote(text, _TEXT_CHARS)
    left = _TEXT_TOKENS
    for place, char in enumerate(text):
        left -= _cost(char)
        if left < 0:
            return f"{text[:place]}…"
    return text


def _named(slots: Slots, *, but: Slot | None = None) -> str:
    """`新疆 5，西藏 2`; a topic's wording names its link already."""
    kinds = [(unit, slots[kind]) for kind, unit in _UNITS.items() if kind in slots and kind != but]
    return "；".join("，".join(_values(values, unit)) for unit, values in kinds if values)


def _values(values: Mapping[str, int], unit: str) -> Iterable[str]:
    for value, count in list(values.items())[:_VALUES]:
        yield f"{quote(value, _VALUE_CHARS)}{unit} {count}"
