"""A model's text becomes lines with evidence, or a typed error."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hostcue.analysis.answer import parse_answer
from hostcue.analysis.evidence import Labels
from hostcue.errors import AnswerError
from hostcue.model.tip import Evidence, FrameRef, TipDraft

LABELS = Labels(
    comments={"C1": ("a1", "a2"), "C2": ("b1",)},
    frames={"F1": FrameRef("r-0-0", 1000), "F2": FrameRef("r-0-1", 2000)},
    speech={"S1": "u1"},
)
TAGS = ("douyin", "segment-5m")
LINES = (
    "问价格的朋友点开小黄车看标价",
    "拿不准尺码把身高体重打在公屏",
    "刚进来的朋友先点个关注不迷路",
    "喜欢这个颜色的扣个想字让我看看",
    "还没下单的抓紧去链接里选颜色",
    "发货时间商品页写着放心去拍吧",
)


def tip(text: str, **more: object) -> dict[str, object]:
    return {
        "text": text,
        "type": "product",
        "tags": ["price"],
        "score": 0.8,
        "evidence": {"comments": ["C1"]},
    } | more


def tips(*items: object) -> str:
    return json.dumps({"observations": ["看到画面"], "tips": items}, ensure_ascii=False)


def three(**more: object) -> str:
    return tips(*(tip(line, **more) for line in LINES[:3]))


def parse(text: str) -> tuple[TipDraft, ...]:
    return parse_answer(text, LABELS, TAGS)


GOOD = three()


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"<think>先看弹幕 {{不是答案}}</think>\n{GOOD}",
        f"先想想……</think>{GOOD}",
        f"```json\n{GOOD}\n```",
        f"好的，结果如下：{GOOD} 希望有用！",
        f"看到 {{很多}} 人，[1] 结果：{GOOD}",
        json.dumps({"data": json.loads(GOOD)}),
        json.dumps(json.loads(GOOD)["tips"]),
        GOOD.replace('"', "'"),
        GOOD.replace("]}", "],}"),
        f"{GOOD[:-2]}",
    ],
    ids=[
        "strict",
        "thought",
        "only the end of a thought",
        "fenced",
        "in prose",
        "prose with brackets",
        "wrapped",
        "bare list",
        "single quotes",
        "trailing commas",
        "unclosed",
    ],
)
def test_lines_are_found_in(text: str) -> None:
    assert [draft.text for draft in parse(text)] == list(LINES[:3])


@pytest.mark.parametrize("text", ["", "祝大卖！", "{}", "[]", "null", '{"tips": "no"}', tips()])
def test_no_lines_is_an_error_worth_trying_again(text: str) -> None:
    with pytest.raises(AnswerError) as failure:
        parse(text)
    assert failure.value.retryable


def test_a_cut_answer_loses_its_half_line() -> None:
    whole = tips(*map(tip, LINES[:4]))
    cut = whole[: whole.index(LINES[3]) + 6]
    assert [draft.text for draft in parse(cut)] == list(LINES[:3])
    assert len(parse_answer(whole, LABELS, TAGS, cut=True)) == 3


def test_a_bad_line_is_dropped_and_the_good_are_kept() -> None:
    bad = (
        tip("短"),
        tip("长" * 81),
        tip("！！！！！"),
        tip("好的好的") | {"text": 5},
        tip("行不行呢", score="高"),
    )
    assert [d.text for d in parse(tips(*bad, *map(tip, LINES[:3])))] == list(LINES[:3])


def test_fewer_than_three_is_an_error() -> None:
    with pytest.raises(AnswerError):
        parse(tips(*map(tip, LINES[:2])))


def test_of_more_than_five_the_best_are_kept() -> None:
    text = tips(*(tip(line, score=n / 10) for n, line in enumerate(LINES)))
    assert [draft.text for draft in parse(text)] == list(LINES[:0:-1])


def test_of_lines_that_say_the_same_the_best_is_kept() -> None:
    again = tip("问价格的朋友们点开小黄车看标价哦", score=0.1)
    assert [d.text for d in parse(tips(again, *map(tip, LINES[:3])))] == list(LINES[:3])


@pytest.mark.parametrize(("kind", "expected"), [("Welcome", "welcome"), ("促销", "interaction")])
def test_the_type_is_one_of_four(kind: str, expected: str) -> None:
    assert {draft.type for draft in parse(three(type=kind))} == {expected}


@pytest.mark.parametrize(
    ("score", "expected"), [(85, 1.0), (-1, 0.0), ("0.7", 0.7), (float("nan"), 0.0)]
)
def test_the_score_lies_between_0_and_1(score: object, expected: float) -> None:
    assert {draft.score for draft in parse(three(score=score))} == {expected}


def test_platform_and_length_come_before_the_models_tags() -> None:
    tags = ["price", "price", "douyin", "太长" * 20, 7, ""]
    assert {draft.tags for draft in parse(three(tags=tags))} == {(*TAGS, "price")}


@pytest.mark.parametrize(
    "cited",
    [
        {"comments": ["C1", "C9"], "frames": ["F2"], "speech": ["S1"]},
        {"comments": "c1", "frames": "[F2]", "speech": "S1、S7"},
        ["C1", "F2", "S1", "C1"],
        "C1, F2, S1",
        {"comments": ["弹幕C1（价格）"], "frames": ["画面 f2"], "speech": ["S1:"]},
    ],
)
def test_labels_become_the_ids_behind_them(cited: object) -> None:
    expected = Evidence(("a1", "a2"), (FrameRef("r-0-1", 2000),), ("u1",))
    assert {draft.evidence for draft in parse(three(evidence=cited))} == {expected}


@pytest.mark.parametrize("cited", [None, {}, {"comments": ["C7"]}, 5, [[["C1"]]]])
def test_a_line_that_names_nothing_rests_on_the_newest_frame(cited: object) -> None:
    expected = Evidence(frames=(FrameRef("r-0-1", 2000),))
    assert {draft.evidence for draft in parse(three(evidence=cited))} == {expected}


def test_nothing_shown_means_nothing_to_rest_on() -> None:
    with pytest.raises(AnswerError):
        parse_answer(GOOD, Labels({}, {}, {}), TAGS)


def test_invisible_characters_do_not_reach_the_host() -> None:
    (first, *_) = parse(tips(tip("点\u200b开\u202e小黄车\n看标价"), *map(tip, LINES[1:3])))
    assert first.text == "点开小黄车 看标价"


def test_a_model_that_runs_wild_is_cut_off() -> None:
    for wild in ('{"' * 30_000, '{"tips":[{"text":"' + '"text":"' * 9000, "[" * 60_000):
        with pytest.raises(AnswerError):
            parse(wild)


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["tips", "text", "type", "tags", "score", "evidence", "x"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


@given(st.text(max_size=300) | JSON_LIKE.map(json.dumps))
@example('{"tips":[' + '{"text":"好好好好"},' * 3)
@example("{" * 500)
@example("[" * 2000 + "]" * 2000)
@example(tips(*(tip(line, score=10**400) for line in LINES)))
@example('{"tips":[{"text":"\\ud800啊啊啊啊"}]}')
def test_any_text_gives_lines_or_an_answer_error(text: str) -> None:
    try:
        drafts = parse(text)
    except AnswerError:
        return
    assert 3 <= len(drafts) <= 5
    for draft in drafts:
        assert 4 <= len(draft.text) <= 80
        assert draft.text.encode()
        assert 0 <= draft.score <= 1
        assert draft.evidence != Evidence()
