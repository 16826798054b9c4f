"""Text made fit to be read."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostcue.model.utterance import Flag
from hostcue.speech.cleaner import clean, flags_of


@pytest.mark.parametrize(
    ("heard", "read"),
    [
        ("今天好,真的好.", "今天好，真的好。"),
        ("真的吗?真的!好:一;二", "真的吗？真的！好：一；二"),
        ("只要9.9元,原价1,299.50元", "只要9.9元，原价1,299.50元"),
        ("版本3.5", "版本3.5"),
        ("晚上10:30开播", "晚上10:30开播"),
        ("OK,好的", "OK，好的"),
        ("this is it, really. Yes!", "this is it, really. Yes!"),
        ("用 iPhone 15 Pro 拍 的", "用iPhone 15 Pro拍的"),
        ("今 天 好", "今天好"),
        ("好的。。。真的！！！", "好的。真的！"),
        ("好...好", "好。好"),
        ("好，。对", "好。对"),
        ("好？！对", "好？！对"),
        ("，好的", "好的"),
        ("。", ""),
        (" .", ""),
        ("<|zh|><|HAPPY|>大家好", "大家好"),
        ("大家\n好\u200b啊\u202e", "大家好啊"),
        ("ＬＶ包９９元", "LV包99元"),
        ("こんにちは,元気?", "こんにちは，元気？"),
        ("안녕하세요, 여러분.", "안녕하세요, 여러분."),
        ("", ""),
    ],
    ids=range(22),
)
def test_text_is_made_fit_to_be_read(heard: str, read: str) -> None:
    assert clean(heard) == read


ANYTHING = st.text(max_size=40) | st.text("好a3 ,.!?;:，。！？；：、…<|>\n", max_size=30)


@settings(max_examples=150, deadline=None)
@given(ANYTHING)
def test_what_is_clean_stays(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@settings(max_examples=150, deadline=None)
@given(st.text("好一あa3Z ,.!?;:，。！？；：、…", max_size=30))
def test_no_word_is_taken_out(text: str) -> None:
    assert re.sub(r"\W", "", clean(text)) == re.sub(r"\W", "", text)


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("嗯", ("filler",)),
        ("嗯，那个，就是。", ("filler",)),
        ("好的好的", ("filler",)),
        ("好的三号链接", ()),
        ("对，这个九十九", ()),
        ("谢谢谢谢谢谢", ("repeat",)),
        ("买买买", ("repeat",)),
        ("谢谢大家谢谢大家", ()),
        ("上链接！", ("repeat",)),
        ("三二一上链接", ()),
        ("啊啊啊", ("filler", "repeat")),
        ("", ()),
    ],
)
def test_what_is_likely_worth_nothing_is_flagged(text: str, flags: tuple[Flag, ...]) -> None:
    assert flags_of(text, before=["欢迎", "上链接。", ""]) == flags


def test_what_is_too_quiet_is_flagged_where_loudness_is_known() -> None:
    assert flags_of("三号链接", rms=0.001) == ("low_energy",)
    assert flags_of("三号链接", rms=0.05) == ()
    assert flags_of("嗯", rms=0.0) == ("filler", "low_energy")


@settings(deadline=None)
@given(st.text(max_size=60))
def test_flags_can_be_asked_of_anything(text: str) -> None:
    assert set(flags_of(text, before=[text])) <= {"filler", "repeat"}
