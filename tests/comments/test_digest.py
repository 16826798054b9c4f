from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.comments.digest import digest
from hostcue.comments.intents import asks, heat_of, intent_of
from hostcue.model.comment import Comment, CommentKind
from hostcue.model.digest import Intent
from hostcue.sim.script import selling_session


def comment(
    text: str, *, number: int = 0, user: str = "", kind: CommentKind = "chat", **metadata: str
) -> Comment:
    user = user or f"观众{number}"
    return Comment(
        id=str(number),
        platform="douyin",
        room_id="1",
        user=user,
        content=text,
        ts_ms=number,
        kind=kind,
        metadata={"user_id": user, **metadata},
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
    assert intent_of(text) == intent


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
    assert heat_of(text) == heat


def test_a_question_needs_no_question_mark() -> None:
    assert asks("多少钱")
    assert asks("包邮?")
    assert not asks("已经拍了两件")


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
        ("身高160体重100穿什么码", "身高165体重100穿什么码"),
        ("这件衣服黑色的还有货吗", "这件衣服白色的还有货吗"),
        ("请问可以发货到新疆吗", "请问可以发货到北京吗"),
        ("这款鞋子是有货吗", "这款鞋子是没货吗"),
        ("这件衣服男款还有货吗", "这件衣服女款还有货吗"),
        ("l码还有货吗", "xl码还有货吗"),
    ],
)
def test_what_differs_in_number_size_colour_or_place_stays_apart(one: str, other: str) -> None:
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
    masked = [
        comment("包邮吗", number=number, user="薛***", user_id="111111") for number in range(20)
    ]
    known = [comment("多少钱", number=100 + number) for number in range(3)]
    first, second = digest(masked + known).topics
    assert (first.text, first.count, first.askers) == ("包邮吗", 20, 0)
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


@given(st.lists(st.tuples(st.text(max_size=30), st.sampled_from(["甲", "乙", "丙"])), max_size=40))
def test_whatever_is_written_counts_add_up_and_the_order_is_the_same(
    lines: list[tuple[str, str]],
) -> None:
    comments = [
        comment(text, number=number, user=user) for number, (text, user) in enumerate(lines)
    ]
    found = digest(comments, max_topics=100)
    assert found == digest(comments, max_topics=100)
    assert found.total == len(lines)
    told = sum(topic.count for topic in found.topics) + sum(found.heat.values())
    assert told <= len(lines)
    ids = [name for topic in found.topics for name in topic.comment_ids]
    assert len(ids) == len(set(ids))
    assert all(topic.askers <= topic.count for topic in found.topics)
