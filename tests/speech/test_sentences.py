from __future__ import annotations

from dataclasses import replace

import pytest

from hostcue.model.sound import SAMPLE_HZ
from hostcue.model.speech import CutCause, Token, Transcript
from hostcue.model.utterance import Correction
from hostcue.speech.presets import plan_of
from hostcue.speech.recognising import Stretch
from hostcue.speech.segmenter import Cut
from hostcue.speech.sentences import Sentences, without_front
from hostcue.speech.sound_clock import SoundClock

PLAN = plan_of("fast")
LOUD = b"\x00\x10" * 100


def clock() -> SoundClock:
    """A minute of sound from second 100 on, torn for ten seconds in its middle."""
    clock = SoundClock()
    clock.resume(100_000)
    clock.go_on(100_000, 30 * SAMPLE_HZ)
    clock.resume(140_000)
    clock.go_on(140_000, 30 * SAMPLE_HZ)
    return clock


def spoken(text: str, *, from_s: float = 0.3) -> Transcript:
    """Four symbols a second."""
    tokens = tuple(Token(char, from_s + n / 4) for n, char in enumerate(text))
    return Transcript(text, tokens, "zh", "NEUTRAL", "Speech")


def stretch(start_s: float, end_s: float, cause: CutCause = "silence") -> Stretch:
    return Stretch(Cut(int(start_s * SAMPLE_HZ), int(end_s * SAMPLE_HZ), cause), PLAN)


def test_words_last_from_the_first_token_to_the_silence_behind_them() -> None:
    sentences = Sentences("s", PLAN, clock(), "live")
    assert sentences.add(stretch(1, 3.5), spoken("大家好欢迎。"), LOUD, 0.0) != []
    sentences = Sentences("s", PLAN, clock(), "live")
    [told] = sentences.add(stretch(31, 33.5), spoken("大家好欢迎。"), LOUD, 0.0)
    assert (told.start_ms, told.end_ms) == (141_300, 143_350)
    assert (told.id, told.language, told.emotion, told.event) == (
        f"s-{int(31.3 * SAMPLE_HZ)}",
        "zh",
        "NEUTRAL",
        "Speech",
    )
    assert (told.room_id, told.confidence, told.source, told.flags) == ("", None, "live", ())


def test_sentences_that_are_parts_of_one_stretch_have_ids_of_their_own() -> None:
    plan = replace(PLAN, assembler=replace(PLAN.assembler, max_chars=4, min_chars=1))
    sentences = Sentences("s", plan, clock(), "live")
    told = sentences.add(stretch(1, 4), spoken("一二三四五六七八九"), LOUD, 0.0)
    told += sentences.flush()
    assert [one.text for one in told] == ["一二三四", "五六七八", "九"]
    numbers = [int(one.id.removeprefix("s-")) for one in told]
    assert numbers == sorted(set(numbers))
    assert numbers[0] == int(1.3 * SAMPLE_HZ)


def test_words_that_wait_are_since_when_they_were_said() -> None:
    sentences = Sentences("s", PLAN, clock(), "live")
    assert sentences.add(stretch(1, 2), spoken("一二三四五六"), LOUD, 5.0) == []
    assert sentences.since_ms == 101_300
    assert sentences.since == SAMPLE_HZ
    assert sentences.due_s == 7.0
    assert sentences.tick(6.9) == []
    [told] = sentences.tick(7.0)
    assert told.text == "一二三四五六"
    assert [sentences.since, sentences.since_ms, sentences.due_s] == [None] * 3


def test_a_new_plan_ends_the_sentence_only_where_sentences_are_made_otherwise() -> None:
    sentences = Sentences("s", PLAN, clock(), "live")
    sentences.add(stretch(1, 2), spoken("真丝裤"), LOUD, 0.0)
    assert sentences.adopt(replace(PLAN, hot_words=("针丝裤",))) == []
    [told] = sentences.adopt(plan_of("stable", hot_words=["针丝裤"]))
    assert (told.text, told.corrections) == ("针丝裤", (Correction("真丝裤", "针丝裤"),))


def test_what_is_said_again_or_too_quietly_is_flagged_and_kept() -> None:
    sentences = Sentences("s", PLAN, clock(), "live")
    [first] = sentences.add(stretch(1, 3), spoken("上链接上车。"), LOUD, 0.0)
    [again] = sentences.add(stretch(4, 6), spoken("上链接上车。"), b"\x05\x00" * 100, 3.0)
    assert (first.flags, again.flags) == ((), ("repeat", "low_energy"))


@pytest.mark.parametrize(
    ("front_s", "text"),
    [(0.0, "一二三"), (0.31, "二三"), (0.6, "三"), (9.0, "")],
    ids=["none", "one", "two", "all"],
)
def test_what_was_heard_before_is_left_out(front_s: float, text: str) -> None:
    left = without_front(spoken("一二三"), front_s)
    assert left.text == text
    assert len(left.tokens) == len(text)
    assert all(token.start_s >= 0 for token in left.tokens)


def test_the_text_behind_a_cut_need_not_be_spelt_as_its_tokens_are() -> None:
    """Byte pairs mark a word's begin by a sign of their own."""
    tokens = tuple(Token(text, n / 2) for n, text in enumerate(("▁the", "▁price", "▁is")))
    heard = Transcript("the price is", tokens)
    assert without_front(heard, 0.4).text.strip() == "price is"
