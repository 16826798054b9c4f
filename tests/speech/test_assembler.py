"""How pieces become sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostcue.model.speech import AssemblerRules, CutCause
from hostcue.speech.assembler import Assembler, Piece, Sentence

RULES = AssemblerRules(max_wait_s=2.0, max_chars=20, min_chars=4, silence_flush=2)
FILE = AssemblerRules(max_wait_s=math.inf, max_chars=200, min_chars=0, silence_flush=2)


def piece(text: str, start_s: float, end_s: float, cause: CutCause = "silence") -> Piece:
    return Piece(text, 1000 * start_s, 1000 * end_s, cause)


def texts(sentences: Iterable[Sentence]) -> list[str]:
    return [sentence.text for sentence in sentences]


@pytest.mark.parametrize(
    "text", ["这件九十九。", "喜欢吗？", "太好看了！", "really?", "It is red."]
)
def test_a_mark_that_ends_a_sentence_ends_it(text: str) -> None:
    (sentence,) = Assembler(RULES).add(piece(text, 1, 3), 3.4)
    assert (sentence.text, sentence.start_ms, sentence.end_ms) == (text, 1000, 3000)


@pytest.mark.parametrize("text", ["这件九十九", "这件九十九，", "这一件 99.", "好。"])
def test_without_one_it_waits(text: str) -> None:
    assembler = Assembler(RULES)
    assert assembler.add(piece(text, 1, 3), 3.4) == []
    assert assembler.due_s == 5.4
    assert assembler.since_ms == 1000
    assert assembler.tick(5.3) == []
    assert texts(assembler.tick(5.4)) == [text]
    assert assembler.due_s is assembler.since_ms is None
    assert assembler.flush() == []


def test_the_rest_of_a_sentence_joins_it() -> None:
    assembler = Assembler(RULES)
    assert assembler.add(piece("这件衣服", 1, 2), 2.4) == []
    (sentence,) = assembler.add(piece("九十九元。", 2.6, 4), 4.3)
    assert (sentence.text, sentence.start_ms, sentence.end_ms) == ("这件衣服九十九元。", 1000, 4000)


def test_words_in_latin_letters_stay_apart() -> None:
    assembler = Assembler(RULES)
    assembler.add(piece("买iPhone", 1, 2), 2.4)
    assert texts(assembler.add(piece("Pro的", 2.5, 3), 3.3) + assembler.flush()) == [
        "买iPhone Pro的"
    ]


def test_what_was_said_much_later_is_another_sentence() -> None:
    assembler = Assembler(FILE)
    assert assembler.add(piece("大家好", 1, 2), 0) == []
    assert texts(assembler.add(piece("欢迎", 5.1, 6), 0)) == ["大家好"]
    assembler = Assembler(RULES)
    assembler.add(piece("大家好", 1, 2), 4)
    assert texts(assembler.add(piece("欢迎", 4.1, 5), 5.5)) == ["大家好"]


def test_stretches_without_a_word_end_it() -> None:
    assembler = Assembler(RULES)
    assembler.add(piece("大家好", 1, 2), 2.4)
    assert assembler.empty(2.5) == []
    assembler.add(piece("欢迎", 2.6, 3), 3.2)
    assert assembler.empty(3.3) == []
    assert texts(assembler.add(piece("  ", 3.2, 3.3), 3.4)) == ["大家好欢迎"]


def test_a_file_has_no_clock() -> None:
    assembler = Assembler(FILE)
    assert assembler.add(piece("大家好", 1, 2), 0) == []
    assert assembler.due_s is None
    assert assembler.tick(1e9) == []
    assert texts(assembler.flush()) == ["大家好"]


@pytest.mark.parametrize("cause", ["soft", "hard"])
def test_the_full_stop_of_a_cut_in_the_middle_is_taken_off(cause: CutCause) -> None:
    assembler = Assembler(RULES)
    assert assembler.add(piece("我们这一件衣服。", 1, 7, cause), 7.3) == []
    found = assembler.add(piece("今天九十九元。", 7.1, 9), 9.2)
    assert texts(found) == ["我们这一件衣服今天九十九元。"]


def test_it_stays_where_the_rest_does_not_follow_at_once() -> None:
    assembler = Assembler(RULES)
    assembler.add(piece("我们这一件衣服。", 1, 7, "soft"), 7.3)
    found = assembler.add(piece("今天九十九元。", 7.3, 9), 9.2)
    assert texts(found) == ["我们这一件衣服。", "今天九十九元。"]
    assembler.add(piece("我们这一件衣服。", 11, 17, "soft"), 17.3)
    assert texts(assembler.tick(19.3)) == ["我们这一件衣服。"]
    assert assembler.add(piece("好。", 21, 22, "soft"), 22.1) == []
    assert texts(assembler.add(piece("就是它了。", 22.5, 23), 23.1)) == ["好。就是它了。"]


def test_it_stays_and_ends_the_sentence_once_a_pause_is_known_to_follow() -> None:
    assembler = Assembler(RULES)
    assert assembler.quiet_until(5000) == []
    assembler.add(piece("我们这一件衣服。", 1, 7, "soft"), 7.3)
    assert assembler.quiet_until(7200) == []
    assert texts(assembler.quiet_until(7300)) == ["我们这一件衣服。"]
    assembler.add(piece("还没有说完", 8, 9, "soft"), 9.1)
    assert assembler.quiet_until(9900) == []


def test_a_stop_alone_leaves_nothing_when_it_is_taken_off() -> None:
    assembler = Assembler(RULES)
    assembler.add(piece("。", 1, 2, "hard"), 2.1)
    assert texts(assembler.add(piece("今天九十九元。", 2, 3), 3.1)) == ["今天九十九元。"]


def test_a_long_one_is_split_behind_the_last_mark_with_times_in_proportion() -> None:
    assembler = Assembler(RULES)
    found = assembler.add(piece("一二三四五，七八九十，二三四五六七八九十一二三四", 0, 2.4), 3)
    assert [(s.text, s.start_ms, s.end_ms) for s in found] == [("一二三四五，七八九十，", 0, 1100)]
    (rest,) = assembler.flush()
    assert (rest.text, rest.start_ms, rest.end_ms) == ("二三四五六七八九十一二三四", 1100, 2400)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("一" * 50, "一" * 20),
        ("一二。一二三四。" + "一" * 50, "一二。一二三四。"),
        ("一，" + "一" * 50, "一，" + "一" * 18),
        ("一" * 16 + "iPhone15" + "一" * 30, "一" * 16),
        ("一" * 17 + "99.5元" + "一" * 30, "一" * 17),
        ("a" * 50, "a" * 20),
    ],
    ids=["no mark", "the end of a sentence", "too short", "a word", "a number", "one long word"],
)
def test_where_a_long_one_is_split(text: str, first: str) -> None:
    found = Assembler(RULES).add(piece(text, 0, 10), 11)
    assert found[0].text == first


def test_a_sentence_has_the_tags_of_its_pieces() -> None:
    assembler = Assembler(RULES)
    assembler.add(Piece("大家", 0, 400, language="", emotion="", event="Speech", rms=0.1), 1)
    assembler.add(Piece("好，", 500, 900, "silence", "zh", "HAPPY", "Laughter", 0.3), 1)
    assembler.add(Piece("开", 900, 1200, "silence", "en", "ANGRY", "BGM"), 1)
    (said,) = assembler.add(Piece("始了。", 1300, 1600, "silence", "zh", "SAD", "BGM", 0.2), 1)
    assert (said.language, said.emotion, said.event, said.rms) == ("zh", "HAPPY", "BGM", 0.3)
    (said,) = Assembler(RULES).add(Piece("大家好啊。", 0, 400, event="Speech"), 1)
    assert (said.language, said.emotion, said.event, said.rms) == ("", "", "Speech", None)


STEPS = st.lists(
    st.tuples(
        st.text("一二。，！.a3 ", max_size=12),
        st.sampled_from((0.0, 0.1, 0.29, 0.3, 1.0, 5.0)),  # the pause before it
        st.sampled_from(("silence", "soft", "hard")),
        st.sampled_from((0.0, 0.5, 1.9, 3.0)),  # how long nothing came before it
        st.sampled_from(("add", "add", "add", "quiet", "empty")),
    ),
    max_size=12,
)
SOME_RULES = st.builds(
    AssemblerRules,
    max_wait_s=st.sampled_from((0.5, 2.0, math.inf)),
    max_chars=st.integers(1, 30),
    min_chars=st.integers(0, 12),
    silence_flush=st.integers(1, 3),
)


def told(
    steps: Iterable[tuple[str, float, CutCause, float, str]],
) -> Iterator[tuple[str, Piece, float]]:
    now_s = said_s = 0.0
    for text, pause_s, cause, wait_s, kind in steps:
        start_s = said_s + pause_s
        said_s = start_s + 0.4
        now_s += wait_s
        yield kind, piece(text, start_s, said_s, cause), now_s


@settings(max_examples=150, deadline=None)
@given(steps=STEPS, rules=SOME_RULES, ticked=st.booleans())
def test_no_word_is_lost_and_none_waits_for_long(
    steps: list[tuple[str, float, CutCause, float, str]], rules: AssemblerRules, ticked: bool
) -> None:
    assembler = Assembler(rules)
    found: list[Sentence] = []
    given_to: list[Piece] = []
    for kind, said, now_s in told(steps):
        while ticked and (due_s := assembler.due_s) is not None and due_s <= now_s:
            found += assembler.tick(due_s)
        if kind == "add":
            found += assembler.add(said, now_s)
            if said.text.strip():
                given_to.append(said)
                assert assembler.due_s in {None, now_s + rules.max_wait_s}
        elif kind == "empty":
            found += assembler.empty(now_s)
        else:
            found += assembler.quiet_until(said.start_ms)
        waits_until = assembler.due_s
        late = waits_until is not None and waits_until <= now_s
        assert kind == "quiet" or not late, "it should have been told"
    found += assembler.flush()
    assert_all_said(found, given_to)
    assert [s.start_ms for s in found] == sorted(s.start_ms for s in found)
    assert all(s.start_ms <= s.end_ms for s in found)
    assert all(a.end_ms <= b.start_ms + 1e-6 for a, b in pairwise(found))
    assert all(len(s.text) <= max(1, rules.max_chars) for s in found)


def assert_all_said(found: list[Sentence], pieces: list[Piece]) -> None:
    """Text by text, nothing but full stops of cuts in the middle of speech is missing.

    Spaces are left out: two Latin words get one between them, sentences begin and end with none.
    """
    left = {"".join(sentence.text for sentence in found).replace(" ", "")}
    for number, said in enumerate(pieces):
        text = said.text.replace(" ", "")
        follows = pieces[number + 1 : number + 2]
        in_speech = said.cause in {"soft", "hard"}
        if in_speech and any(later.start_ms - said.end_ms < 300 for later in follows):
            endings = (text, text[:-1]) if text.endswith(("。", "a.")) else (text,)
        else:
            endings = (text,)
        left = {rest[len(end) :] for end in endings for rest in left if rest.startswith(end)}
    assert "" in left
