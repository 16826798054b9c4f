"""Names that a recogniser does not know."""

from __future__ import annotations

import random
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostcue.errors import SpeechMissing
from hostcue.model.utterance import Correction
from hostcue.speech.hot_words import HotWords

PRODUCTS = (
    "碧螺春", "真丝巾", "丝巾", "面霜", "防晒霜", "iPhone壳", "法式连衣裙", "重庆小面", "牛仔裤",
    "羊绒大衣", "SK2神仙水", "小白鞋", "保温杯", "蓝月亮", "卫衣", "精华液", "空气炸锅", "T恤",
    "半身裙", "花西子散粉",
)  # fmt: skip

ORDINARY = (
    "家人们大家晚上好，欢迎来到我们的直播间",
    "今天这款真丝今天只要九十九元",
    "羊毛一件，纯棉一件，两件一起拍更划算",
    "喜欢的宝宝可以直接点三号链接下单",
    "拍下备注身高体重，我帮你看尺码",
    "全场包邮，送运费险，七天无理由退换",
    "库存只有最后五十单，拍完就下架了",
    "这个面料是百分之百纯棉的，不起球不掉色",
    "一米六五一百一十斤穿M码就可以",
    "现货，今天拍明天发，发顺丰",
    "唯一的一款，性价比特别高",
    "我身上这一件是小码，显瘦显高",
    "面上双面都可以穿，里面是加绒的",
    "刚进来的朋友点个关注，加个粉丝团",
    "想要的扣一，想要的扣想要",
    "小白写了三遍，大家还是在问",
    "这个价格我跟老板谈了半年才谈下来",
    "原价三百九十九，今天直播间到手价九十九块九",
    "它的经化处理以后就更耐磨了",
    "保证温暖，被子里放一个晚上都是热的",
    "卫生间、厨房都能用，一瓶搞定",
    "是不是很好看，喜欢的话直接去拍",
    "iPhone和安卓都可以用的",
    "我们空调房里炸一下再过油",
    "半生不熟的千万不要吃",
    "男款蓝款都有，男生女生都能穿",
    "精神很好，花一样的年纪",
    "重点来了，重庆的宝宝也包邮",
    "防一下晒，双层的",
    "今天九十九，明天就要一百二十九",
)


@pytest.mark.parametrize(
    ("heard", "meant", "changed"),
    [
        ("这款比罗春很香", "这款碧螺春很香", ("比罗春", "碧螺春")),
        ("这条真丝金很好看", "这条真丝巾很好看", ("真丝金", "真丝巾")),
        ("这款面双很好用", "这款面霜很好用", ("面双", "面霜")),
        ("防塞霜的", "防晒霜的", ("防塞霜", "防晒霜")),
        ("这个iphone咳是新的", "这个iPhone壳是新的", ("iphone咳", "iPhone壳")),
        ("看法是连衣群", "看法式连衣裙", ("法是连衣群", "法式连衣裙")),
        ("崇庆小面", "重庆小面", ("崇庆小面", "重庆小面")),
        ("给大家上阳绒大一", "给大家上羊绒大衣", ("阳绒大一", "羊绒大衣")),
        ("sk2神鲜水还有吗", "SK2神仙水还有吗", ("sk2神鲜水", "SK2神仙水")),
        ("花西紫伞粉", "花西子散粉", ("花西紫伞粉", "花西子散粉")),
        ("空气扎锅", "空气炸锅", ("空气扎锅", "空气炸锅")),
        ("这款精花液", "这款精华液", ("精花液", "精华液")),
    ],
)
def test_what_sounds_like_a_name_becomes_it(
    heard: str, meant: str, changed: tuple[str, str]
) -> None:
    assert HotWords(PRODUCTS).correct(heard) == (meant, (Correction(*changed),))


@pytest.mark.parametrize("text", ORDINARY, ids=range(len(ORDINARY)))
def test_ordinary_talk_stays_as_it_is(text: str) -> None:
    assert HotWords(PRODUCTS).correct(text) == (text, ())


@pytest.mark.parametrize("word", PRODUCTS)
def test_a_name_that_is_right_stays(word: str) -> None:
    text = f"这款{word}很好"
    assert HotWords(PRODUCTS).correct(text) == (text, ())


@pytest.mark.parametrize(
    ("word", "heard", "same_name"),
    [
        ("碧螺春", "逼落春", True),
        ("珍珠粉", "针猪粉", True),
        ("珍珠粉", "增猪粉", True),
        ("蓝月亮", "男月亮", False),
        ("福建茶", "湖建茶", False),
        ("丝巾", "丝进", False),
        ("面霜", "棉双", False),
        ("真丝巾", "增斯津", False),
        ("精华", "精滑", True),
        ("精华", "京华", True),
        ("精华", "今华", False),
        ("小白鞋", "小白写", False),
        ("小白鞋", "小白斜", True),
        ("ab", "ac", False),
        ("A1霜", "a1双", True),
        ("A1霜", "a2双", False),
        ("水", "睡", False),
    ],
    ids=[
        "tones do not count", "one sound", "an accent's", "n is not l", "h is not f",
        "of two the tone counts", "of two one must be right", "too far", "of two the second",
        "of two the first", "of two no accent", "at the edge the tone counts",
        "at the edge one sound", "letters are literal", "but for their case",
        "digits too", "one character is no word",
    ],
)  # fmt: skip
def test_how_alike_it_has_to_sound(word: str, heard: str, same_name: bool) -> None:
    text, changes = HotWords([word]).correct(heard)
    assert (text == word) is same_name is bool(changes)


def test_a_character_at_the_edge_may_belong_to_the_word_beside() -> None:
    words = HotWords(["丝巾", "上衣"])
    assert words.correct("真丝今天到") == ("真丝今天到", ())
    assert words.correct("尚衣柜里") == ("上衣柜里", (Correction("尚衣", "上衣"),))
    assert words.correct("时尚衣柜") == ("时尚衣柜", ())


def test_the_longest_name_wins_and_no_name_is_changed_within_another() -> None:
    words = HotWords(["晒霜", "防晒霜", "霜冻", "双动杯"])
    assert words.correct("防晒双")[1] == (Correction("防晒双", "防晒霜"),)
    assert words.correct("双动杯") == ("双动杯", ())
    assert words.correct("双洞杯")[0] == "双动杯"


def test_a_name_in_latin_letters_is_none_within_a_word() -> None:
    words = HotWords(["SK", "iPhone 15"])
    assert words.correct("ask sk desk skin") == ("ask SK desk skin", (Correction("sk", "SK"),))
    assert words.correct("IPHONE 15和iphone 150") == (
        "iPhone 15和iphone 150",
        (Correction("IPHONE 15", "iPhone 15"),),
    )


def test_changes_are_told_in_the_order_of_the_text() -> None:
    text, changes = HotWords(PRODUCTS).correct("这款精花液和这款比罗春，还有防塞霜")
    assert text == "这款精华液和这款碧螺春，还有防晒霜"
    assert [change.heard for change in changes] == ["精花液", "比罗春", "防塞霜"]


def test_without_words_there_is_nothing_to_do() -> None:
    assert HotWords([]).correct("大家好") == ("大家好", ())
    assert HotWords(["", " ", "水", "--", "。。"]).correct("大家。。好") == ("大家。。好", ())


def test_without_the_package_words_are_refused_when_they_are_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pypinyin", None)
    assert HotWords([]).correct("大家好") == ("大家好", ())
    with pytest.raises(SpeechMissing) as missing:
        HotWords(["碧螺春"])
    assert missing.value.remedy


CHARACTERS = "碧比螺罗春真针丝司巾金面霜双防晒塞房aB12 ，的"


@settings(deadline=None, max_examples=200)
@given(
    words=st.lists(st.text(CHARACTERS, min_size=1, max_size=5), max_size=8),
    text=st.text(CHARACTERS, max_size=20),
)
def test_what_is_corrected_stays_and_changes_tell_all(words: list[str], text: str) -> None:
    hot = HotWords(words)
    corrected, changes = hot.correct(text)
    assert hot.correct(corrected) == (corrected, ())
    assert len(corrected) == len(text)
    assert bool(changes) is (corrected != text)
    for change in changes:
        assert len(change.heard) == len(change.meant)
        assert change.meant in {" ".join(word.split()) for word in words}
        assert change.heard != change.meant


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=40))
def test_anything_can_be_corrected(text: str) -> None:
    HotWords([*PRODUCTS, text]).correct(text)


def test_many_words_take_little_time() -> None:
    chance = random.Random(7)  # noqa: S311 - names to measure with, nothing secret
    characters = "".join(PRODUCTS)
    hot = HotWords("".join(chance.choices(characters, k=chance.randint(2, 6))) for _ in range(200))
    text = "".join(ORDINARY)[:60]
    hot.correct(text)
    began = time.process_time()
    for _ in range(100):
        hot.correct(text)
    assert time.process_time() - began < 100 * 0.01, "0.05 ms each when nothing else runs"


def test_characters_that_nobody_can_read_are_literal() -> None:
    words = HotWords(["\u9fd5\u9fd4茶", "㐂\u4dbf\u4dbe"])
    assert words.correct("\u9fd5\u9fd4察")[0][:2] == "\u9fd5\u9fd4"
    assert words.correct("㐂\u4dbf\u4dbe") == ("㐂\u4dbf\u4dbe", ())
