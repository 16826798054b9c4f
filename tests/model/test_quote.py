"""Other people's words, made harmless."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.model.quote import quote


@given(st.text(max_size=200), st.integers(1, 60))
def test_a_quote_is_one_short_visible_line(text: str, limit: int) -> None:
    said = quote(text, limit)
    assert len(said) <= limit
    assert said.isprintable()
    said.encode()


def test_hidden_and_lookalike_characters_are_made_plain() -> None:
    assert quote("多\u200b少\u202e钱　？？？？？？", 40) == "多少钱 ???"
    assert quote("ｖｘ：ＡＢ", 40) == "vx:AB"


def test_names_of_viewers_are_cut_out() -> None:
    assert quote("@小明 这个多少钱", 40) == "这个多少钱"
    assert quote("＠小红，包邮吗", 40) == ",包邮吗"


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("看https://evil.example/a?b=c这里", "看〔网址〕这里"),
        ("上taobao.com/xyz看", "上〔网址〕看"),
        ("evil点com便宜", "〔网址〕便宜"),
        ("ＷＷＷ．ｅｖｉｌ．ｃｏｍ", "〔网址〕"),
        ("打13800138000", "打〔号码〕"),
        ("打138-0013-8000", "打〔号码〕"),
        ("打138 0013 8000", "打〔号码〕"),
        ("一三八零零一三八零零零找我", "〔号码〕找我"),
        ("①③⑧零零①③⑧零零0", "〔号码〕"),
        ("400-123-4567", "〔号码〕"),
        ("010-12345678", "〔号码〕"),
        ("加微信abc_12345", "加微信〔号码〕"),
        ("加V：shop-888", "加V〔号码〕"),
        ("vx=a1b2c3d4", "vx〔号码〕"),
        ("薇信号是 mm5566", "薇信〔号码〕"),
        ("qq群 87654321", "qq〔号码〕"),
        ("订单7576912345678909999到哪了", "订单〔号码〕到哪了"),
    ],
)
def test_ways_to_reach_somebody_outside_are_taken_out(text: str, harmless: str) -> None:
    assert quote(text, 60) == harmless


@pytest.mark.parametrize(
    "text",
    [
        "3号链接多少钱",
        "身高165体重110穿什么码",
        "165 110 38码可以吗",
        "满300减50吗",
        "微信能付款吗",
        "99.9元包邮吗",
        "L.XL.XXL哪个",
    ],
)
def test_ordinary_questions_are_left_alone(text: str) -> None:
    assert quote(text, 60) == text


@pytest.mark.parametrize(
    "part", ["a", "a.", "1 ", "加微信", "qq:", "http:", "@a", "vx❤️", "零-", "a-a"]
)
def test_no_text_takes_long(part: str) -> None:
    began = time.process_time()
    quote(part * 3000, 40)
    assert time.process_time() - began < 0.5
