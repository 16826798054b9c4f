from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostcue.comments.digest import digest
from hostcue.comments.intents import packaged
from hostcue.model.comment import Comment, CommentKind
from hostcue.model.digest import CommentDigest, Intent, Slot
from hostcue.model.digest_text import render, tokens_of
from hostcue.sim.script import selling_session

GOLDEN = Path(__file__).parents[1] / "golden" / "digest" / "selling_window.txt"


def comment(
    text: str,
    *,
    number: int = 0,
    user: str = "",
    kind: CommentKind = "chat",
    masked: bool = False,
    ts_ms: int | None = None,
    **metadata: str,
) -> Comment:
    user = user or f"观众{number}"
    return Comment(
        id=str(number),
        platform="douyin",
        room_id="1",
        user=user,
        content=text,
        ts_ms=number if ts_ms is None else ts_ms,
        kind=kind,
        metadata=metadata,
        viewer="" if masked else user,
    )


def said(*texts: str) -> list[Comment]:
    """One line each by different people."""
    return [comment(text, number=number) for number, text in enumerate(texts)]


def topics(comments: Iterable[Comment]) -> list[tuple[str, int]]:
    return [(topic.text, topic.count) for topic in digest(list(comments)).topics]


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("多少钱", "price"),
        ("三号链接怎么卖", "price"),
        ("有优惠券吗", "price"),
        ("能便宜点吗", "price"),
        ("165高110斤穿什么码", "size"),
        ("偏大还是偏小", "size"),
        ("我165/110拍几码", "size"),
        ("l码的腰围多少", "size"),
        ("什么时候发货", "shipping"),
        ("发新疆包邮吗", "shipping"),
        ("几天到", "shipping"),
        ("发什么快递", "shipping"),
        ("还有货吗", "stock"),
        ("m码还有货吗", "stock"),
        ("黑色补货吗", "stock"),
        ("怎么拍不了", "stock"),
        ("不合适可以退吗", "after_sale"),
        ("退货运费谁出", "after_sale"),
        ("有运费险吗", "after_sale"),
        ("会起球吗", "after_sale"),
        ("什么面料", "product"),
        ("讲一下五号链接", "product"),
        ("孕妇能用吗", "product"),
        ("今天天气真好啊", "other"),
        ("主播好会搭", "other"),
    ],
)
def test_a_comment_is_about_one_matter(text: str, intent: Intent) -> None:
    assert packaged().intent_of(text) == intent


@pytest.mark.parametrize(
    ("text", "heat"),
    [
        ("扣1", "vote"),
        ("111", "vote"),
        ("1", "vote"),
        ("想要", "vote"),
        ("已拍", "purchase"),
        ("拍了", "purchase"),
        ("666", "cheer"),
        ("", "cheer"),
        ("好", "cheer"),
        ("主播好美", "cheer"),
        ("多少钱", None),
        ("7号链接", None),
    ],
)
def test_what_asks_nothing_is_told_from_what_does(text: str, heat: str | None) -> None:
    assert packaged().heat_of(text) == heat


def test_a_question_needs_no_question_mark() -> None:
    assert packaged().asks("多少钱")
    assert packaged().asks("包邮?")
    assert not packaged().asks("已经拍了两件")


def test_wordings_of_one_question_are_one_topic_under_the_most_used() -> None:
    found = digest(
        said("多少钱", "主播这个多少钱啊", "多少钱？？？", "多少钱", "多少钱[捂脸]", "请问多少钱")
    )
    (topic,) = found.topics
    assert (topic.intent, topic.text, topic.count, topic.askers) == ("price", "多少钱", 6, 6)
    assert topic.comment_ids == ("0", "1", "2", "3", "4")


def test_a_typing_error_does_not_make_another_topic() -> None:
    assert topics(said("什么时候发货", "什么时候发货", "什么时侯发货")) == [("什么时候发货", 3)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3号链接多少钱", "5号链接多少钱"),
        ("三号链接什么时候发货", "五号链接什么时候发货"),
        ("这件衣服黑色的还有货吗", "这件衣服白色的还有货吗"),
        ("这款鞋子是有货吗", "这款鞋子是没货吗"),
        ("这件衣服男款还有货吗", "这件衣服女款还有货吗"),
        ("满100减多少", "满200减多少"),
    ],
)
def test_what_differs_in_link_number_colour_or_sense_stays_apart(one: str, other: str) -> None:
    assert len(topics(said(one, other))) == 2


def test_a_link_is_the_same_in_chinese_and_arabic_digits() -> None:
    assert len(topics(said("三号链接多少钱", "3号链接多少钱"))) == 1


def test_what_many_ask_comes_before_what_one_repeats() -> None:
    one = [comment("包邮吗", number=number, user="同一个人") for number in range(5)]
    many = [comment("会掉色吗", number=10 + number) for number in range(3)]
    assert [text for text, _ in topics(one + many)] == ["会掉色吗", "包邮吗"]


def test_a_question_comes_before_a_remark_of_as_many() -> None:
    remarks = [comment("上次买的很舒服", number=number) for number in range(3)]
    questions = [comment("什么时候发货", number=10 + number) for number in range(3)]
    assert next(text for text, _ in topics(remarks + questions)) == "什么时候发货"


def test_one_insistent_viewer_is_counted_five_times_at_most() -> None:
    spam = [comment("多少钱", number=number, user="同一个人") for number in range(50)]
    found = digest(spam)
    assert (found.total, found.topics[0].count, found.topics[0].askers) == (50, 5, 1)


def test_masked_viewers_are_never_one_person() -> None:
    masked = [comment("包邮吗", number=number, user="薛***", masked=True) for number in range(20)]
    known = [comment("多少钱", number=100 + number) for number in range(3)]
    first, second = digest(masked + known).topics
    assert (first.text, first.count, first.askers, first.masked) == ("包邮吗", 20, 0, 20)
    assert (second.text, second.count, second.askers) == ("多少钱", 3, 3)


def test_noise_is_heat_and_no_topic() -> None:
    found = digest(
        [
            *said("扣1", "1", "666", "[玫瑰][玫瑰]", "👍👍", "已拍", "?"),
            comment("", number=20, kind="like", count="8"),
            comment("", number=21, kind="like", count="2"),
            comment("", number=22, kind="enter"),
            comment("玫瑰", number=23, kind="gift", count="3"),
        ]
    )
    assert found.topics == ()
    assert found.total == 7
    assert found.heat == {
        "like": 10, "cheer": 4, "gift": 3, "vote": 2, "enter": 1, "purchase": 1
    }  # fmt: skip


def test_there_are_at_most_as_many_topics_as_asked_for() -> None:
    comments = said(*(f"{number}号链接多少钱" for number in range(1, 40)))
    assert len(digest(comments).topics) == 15
    assert len(digest(comments, max_topics=3).topics) == 3


def test_nothing_said_is_nothing_to_tell() -> None:
    assert digest([]).topics == ()


def test_a_selling_session_is_about_price_size_shipping_and_stock() -> None:
    lines = islice(selling_session(seed=3), 800)
    comments = [
        comment(line.text, number=number, user=line.user)
        for number, line in enumerate(lines)
        if line.kind == "chat"
    ]
    asked = {topic.intent for topic in digest(comments).topics}
    assert {"price", "size", "shipping", "stock"} <= asked


@pytest.mark.parametrize(
    ("texts", "slot", "counted"),
    [
        (("发新疆包邮吗", "发西藏包邮吗", "发新疆包邮吗"), "city", {"新疆": 2, "西藏": 1}),
        (
            ("165高110斤穿什么码", "身高170体重60kg穿什么码", "165/110穿什么码"),
            "body",
            {"165cm 110斤": 2, "170cm 120斤": 1},
        ),
        (("一米六五穿什么码", "1.7米穿什么码"), "body", {"165cm": 1, "170cm": 1}),
        (("l码还有货吗", "XL码还有货吗", "L码还有货吗"), "size", {"L": 2, "XL": 1}),
        (("38码还有货吗", "39码还有货吗"), "size", {"38": 1, "39": 1}),
        (("三号链接多少钱", "3号多少钱", "链接3多少钱"), "link", {"3": 3}),
        (("二十三号链接多少钱", "23号链接多少钱"), "link", {"23": 2}),
    ],
)
def test_what_a_question_names_is_counted_apart_in_its_topic(
    texts: tuple[str, ...], slot: Slot, counted: dict[str, int]
) -> None:
    found = digest(said(*texts))
    (topic,) = found.topics
    assert topic.slots[slot] == counted
    assert found.slots[slot] == counted


def test_links_are_counted_over_all_topics() -> None:
    found = digest(said("3号链接多少钱", "5号链接多少钱", "3号链接什么面料", "3号5号哪个好"))
    assert found.slots["link"] == {"3": 3, "5": 2}


def test_the_evidence_of_a_topic_begins_with_the_wording_it_shows() -> None:
    found = digest(said("请问多少钱", "多少钱啊", "多少钱啊", "多少钱啊"))
    (topic,) = found.topics
    assert (topic.text, topic.comment_ids) == ("多少钱啊", ("1", "0", "2", "3"))


def test_a_comment_that_comes_twice_counts_once() -> None:
    once = said("多少钱", "包邮吗", "扣1")
    assert digest(once + once) == digest(once)


def test_the_platforms_own_aggregate_is_nobodys_line() -> None:
    found = digest([*said("多少钱"), comment("多少钱", number=9, masked=True, form="hot")])
    assert (found.total, found.topics[0].count) == (1, 1)


def test_the_trend_is_against_the_window_before_length_for_length() -> None:
    before = [comment("多少钱", number=1000 + n) for n in range(10)]
    before += [comment("包邮吗", number=2000 + n) for n in range(10)]
    before += [comment("会掉色吗", number=3000 + n) for n in range(10)]
    now = [comment("多少钱", number=n) for n in range(10)]
    now += [comment("包邮吗", number=100 + n) for n in range(40)]
    now += [comment("会掉色吗", number=200 + n) for n in range(20)]
    now += [comment("还有货吗", number=300 + n) for n in range(4)]
    found = digest(now, span_s=300, before=before, before_span_s=150)
    assert {topic.text: (topic.before, topic.trend) for topic in found.topics} == {
        "多少钱": (10, "falling"),
        "包邮吗": (10, "rising"),
        "会掉色吗": (10, "steady"),
        "还有货吗": (0, "new"),
    }
    assert {bucket.intent: bucket.trend for bucket in found.buckets} == {
        "price": "falling", "shipping": "rising", "after_sale": "steady", "stock": "new"
    }  # fmt: skip
    assert (found.per_min, found.per_min_before) == (14.8, 12.0)


def test_another_wording_of_before_is_the_same_topic() -> None:
    before = [comment("什么时侯发货", number=n) for n in range(3)]
    now = [comment("什么时候发货", number=10 + n) for n in range(3)]
    found = digest(now, span_s=60, before=before, before_span_s=60)
    assert (found.topics[0].before, found.topics[0].trend) == (3, "steady")


def test_without_lengths_there_is_no_trend() -> None:
    found = digest(said("多少钱"), before=said("多少钱"))
    assert (found.topics[0].before, found.topics[0].trend, found.per_min) == (None, None, None)


def test_those_who_ask_much_have_names_for_this_window_alone() -> None:
    questions = ("多少钱", "包邮吗", "什么面料", "包邮到新疆吗")
    one = [comment(text, number=n, user="f00d") for n, text in enumerate(questions)]
    other = [comment(text, number=10 + n, user="beef") for n, text in enumerate(questions[:3])]
    found = digest([*one, *other, *said("多少钱")])
    told = [(asker.name, asker.questions, asker.intent) for asker in found.top_askers]
    assert told == [("观众A", 4, "shipping"), ("观众B", 3, "price")]
    assert "f00d" not in render(found)


def test_ways_to_reach_somebody_are_not_passed_on() -> None:
    (topic,) = digest(said("加微信abc12345多少钱 看www.example.com/x 13800138000")).topics
    assert topic.text == "加微信〔号码〕多少钱 看〔网址〕 〔号码〕"


def test_a_selling_window_reads_as_it_did() -> None:
    """The golden text; when it changes on purpose, write it anew and read it."""
    lines = [line for line in islice(selling_session(seed=11), 1300) if line.kind != "product"]
    comments = [
        comment(
            line.text,
            number=number,
            user=line.user,
            kind=line.kind,  # type: ignore[arg-type] # the script's kinds but products are ours
            ts_ms=number * 357,
        )
        for number, line in enumerate(lines)
    ]
    half = len(comments) // 2
    found = digest(comments[half:], span_s=220, before=comments[:half], before_span_s=220)
    assert render(found) + "\n" == GOLDEN.read_text("utf-8")


WORDS = st.sampled_from(
    (
        "多少钱",
        "3号链接多少钱",
        "发新疆包邮吗",
        "165高110斤穿什么码",
        "扣1",
        "666",
        "@小明 包邮吗",
        "加v abc12345",
    )
)
LINES = st.lists(
    st.builds(
        comment,
        WORDS | st.text(max_size=30),
        number=st.integers(0, 60),
        user=st.sampled_from("甲乙丙"),
        masked=st.booleans(),
        kind=st.sampled_from(("chat", "chat", "chat", "gift")),
    ),
    max_size=50,
)


@settings(max_examples=40)
@given(LINES, LINES, st.randoms(use_true_random=False))
def test_the_order_in_which_comments_come_makes_no_difference(
    now: list[Comment], before: list[Comment], rng: random.Random
) -> None:
    def made() -> CommentDigest:
        return digest(now, span_s=60, before=before, before_span_s=60)

    first = made()
    rng.shuffle(now)
    rng.shuffle(before)
    assert made() == first


@settings(max_examples=40)
@given(LINES)
def test_every_line_is_counted_in_one_place(comments: list[Comment]) -> None:
    found = digest(comments, max_topics=100)
    ids = {item.id for item in comments}
    told = [name for topic in found.topics for name in topic.comment_ids]
    assert len(told) == len(set(told))
    assert set(told) <= ids
    spoken = sum(bucket.count for bucket in found.buckets)
    noise = sum(found.heat.get(kind, 0) for kind in ("vote", "purchase", "cheer"))
    assert found.total == spoken + noise + found.set_aside
    assert spoken == sum(topic.count for topic in found.topics)
    for topic in found.topics:
        assert topic.askers + topic.masked <= topic.count
        assert 1 <= len(topic.comment_ids) <= min(5, topic.count)
        assert all(sum(values.values()) <= 3 * topic.count for values in topic.slots.values())


@settings(max_examples=40)
@given(LINES, LINES)
def test_the_window_before_changes_no_count_of_this_one(
    now: list[Comment], before: list[Comment]
) -> None:
    found = digest(now, span_s=60, before=before, before_span_s=60)
    assert all(topic.trend is not None for topic in found.topics)
    bare = replace(
        found,
        topics=tuple(replace(topic, before=None, trend=None) for topic in found.topics),
        buckets=tuple(replace(bucket, before=None, trend=None) for bucket in found.buckets),
        per_min_before=None,
    )
    assert bare == digest(now, span_s=60)


@settings(max_examples=40)
@given(st.lists(st.text(max_size=120), max_size=20))
def test_whatever_is_written_it_reads_within_the_budget(texts: list[str]) -> None:
    found = digest(said(*texts), span_s=1, before=said(*texts), before_span_s=1)
    assert tokens_of(render(found)) <= 900


@pytest.mark.parametrize("distinct", [False, True])
def test_ten_thousand_comments_read_within_the_budget(distinct: bool) -> None:
    rng = random.Random(5)  # noqa: S311 - no secret
    lines = (line for line in selling_session(seed=5) if line.kind == "chat")
    texts = [line.text for line in islice(lines, 10_000)]
    if distinct:
        texts = ["".join(chr(rng.randint(0x4E00, 0x9FA5)) for _ in range(20)) for _ in texts]
    found = digest(said(*texts), span_s=300, before=said(*texts), before_span_s=300)
    assert found.total == 10_000
    assert len(found.topics) == 15
    assert tokens_of(render(found)) <= 900
