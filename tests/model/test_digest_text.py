"""A digest as text, within its budget."""

from __future__ import annotations

import base64
import re
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from hostcue.model.digest import Asker, Bucket, CommentDigest, Intent, Slot, Topic, Trend
from hostcue.model.digest_text import BUDGET_TOKENS, render, shown, tokens_of

COUNTS = st.integers(0, 10**9)
INTENTS = st.sampled_from(get_args(Intent))
TRENDS = st.none() | st.sampled_from(get_args(Trend))
SLOTS = st.dictionaries(
    st.sampled_from(get_args(Slot)), st.dictionaries(st.text(max_size=30), COUNTS, max_size=8)
)
DIGESTS = st.builds(
    CommentDigest,
    total=COUNTS,
    topics=st.lists(
        st.builds(
            Topic,
            INTENTS,
            st.text(max_size=80) | st.just("🈚" * 50) | st.just("多少钱" * 9),
            COUNTS,
            COUNTS,
            st.just(("c1",)),
            slots=SLOTS,
            before=COUNTS,
            trend=TRENDS,
        ),
        max_size=40,
    ).map(tuple),
    heat=st.dictionaries(st.text(max_size=50), COUNTS, max_size=20),
    buckets=st.lists(
        st.builds(Bucket, INTENTS, COUNTS, COUNTS, COUNTS, trend=TRENDS), max_size=7
    ).map(tuple),
    askers=COUNTS,
    masked=COUNTS,
    slots=SLOTS,
    top_askers=st.lists(st.builds(Asker, st.just("观众A"), COUNTS, INTENTS), max_size=5).map(tuple),
    per_min=st.none() | st.floats(0, 1e6),
    per_min_before=st.none() | st.floats(0, 1e6),
)


@settings(max_examples=40)
@given(DIGESTS, st.integers(0, 2000) | st.just(BUDGET_TOKENS))
def test_whatever_the_digest_the_budget_holds(digest: CommentDigest, budget: int) -> None:
    assert tokens_of(render(digest, budget)) <= budget


@settings(max_examples=25)
@given(DIGESTS)
def test_what_is_shown_is_a_prefix_with_the_labels_of_the_digest(digest: CommentDigest) -> None:
    text, kept = render(digest), shown(digest)
    assert kept.topics == digest.topics[: len(kept.topics)]
    assert render(kept) == text
    labels = [line.split(" ", 1)[0] for line in text.split("\n") if line.startswith("C")]
    assert labels == [f"C{number}" for number in range(1, len(kept.topics) + 1)]


@settings(max_examples=25)
@given(DIGESTS)
def test_every_line_is_one_visible_line(digest: CommentDigest) -> None:
    lines = render(digest).split("\n")
    assert all(line.isprintable() for line in lines)
    assert len(lines) <= 5 + len(digest.topics)


def test_fifteen_topics_of_ordinary_length_are_all_shown() -> None:
    topic = Topic(
        "after_sale", "这个多少钱能不能退包不包邮呀主播", 999, 888, ("c",), trend="rising"
    )
    buckets = tuple(Bucket(intent, 9999, 9, 9, trend="rising") for intent in get_args(Intent))
    digest = CommentDigest(10_000, (topic,) * 15, buckets=buckets, askers=9000, per_min=2000)
    assert len(shown(digest).topics) == 15


def test_of_a_budget_too_small_the_least_pressing_goes_first() -> None:
    topics = tuple(Topic("price", f"第{n}个问题多少钱", 9, 9, ("c",)) for n in range(10))
    text = render(CommentDigest(90, topics), 100)
    assert text.startswith("弹幕 90 条\nC1 ")
    assert len(shown(CommentDigest(90, topics), 100).topics) == text.count("\n") < 10


@cache
def vocabulary() -> dict[bytes, int]:
    """Qwen's own, as the dashscope SDK ships it."""
    text = (files("dashscope") / "resources" / "qwen.tiktoken").read_text()
    pairs = (line.split() for line in text.splitlines() if line)
    return {base64.b64decode(token): int(rank) for token, rank in pairs}


def counted(text: str) -> int:
    """Byte pairs joined as the vocabulary ranks them, within the words Qwen splits a text into."""
    words = re.findall(r"[^\W\d]+|\d|\s+|[^\w\s]+|_", text)
    assert "".join(words) == text
    return sum(map(_pairs, words))


def _pairs(word: str) -> int:
    ranks = vocabulary()
    parts = [bytes([byte]) for byte in word.encode()]
    while len(parts) > 1:
        joined = [ranks.get(a + b) for a, b in pairwise(parts)]
        best = min((rank for rank in joined if rank is not None), default=None)
        if best is None:
            break
        at = joined.index(best)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return len(parts)


def test_no_common_character_takes_more_tokens_than_estimated() -> None:
    for char in map(chr, [*range(0x20, 0x7F), *range(0x3000, 0x3020), *range(0x4E00, 0xA000)]):
        assert counted(char) <= tokens_of(char), char


@settings(max_examples=60)
@given(st.text(st.characters(codec="gb2312"), max_size=40) | st.text(max_size=40))
def test_the_estimate_is_never_below_what_qwen_counts(text: str) -> None:
    assert counted(text) <= tokens_of(text)


def test_a_real_digest_takes_less_than_estimated() -> None:
    text = (files("hostcue.comments") / "intents.yaml").read_text("utf-8")
    assert 0.3 < counted(text) / tokens_of(text) < 0.95
