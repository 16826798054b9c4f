"""Lines without a model."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from hostcue.analysis.templates import TemplateWriter
from hostcue.model.digest import Intent, Topic
from hostcue.model.tip import Answer, EvidencePack, FrameRef

PackMaker = Callable[..., EvidencePack]
ASKED: tuple[Intent, ...] = ("price", "size", "shipping", "stock")


def topic(intent: Intent, *ids: str) -> Topic:
    return Topic(intent, "怎么说", 2, 2, ids or (f"{intent}-1",))


async def write(pack: EvidencePack) -> Answer:
    return await TemplateWriter().write(pack)


async def test_the_questions_of_the_window_are_answered_most_pressing_first(
    make_pack: PackMaker,
) -> None:
    pack = make_pack(topics=[topic("other"), *map(topic, ASKED), topic("price", "later")], frames=2)
    answer = await write(pack)
    assert [draft.tags[-1] for draft in answer.drafts] == list(ASKED)
    assert [draft.evidence.comments for draft in answer.drafts] == [(f"{i}-1",) for i in ASKED]
    newest = pack.frames[-1]
    assert {d.evidence.frames for d in answer.drafts} == {(FrameRef(newest.id, newest.at_ms),)}


async def test_a_window_without_comments_gets_three_lines(make_pack: PackMaker) -> None:
    answer = await write(make_pack(frames=1))
    assert {draft.type for draft in answer.drafts} == {"product", "interaction", "welcome"}
    assert len(answer.drafts) == 3


async def test_lines_are_marked_as_templates(make_pack: PackMaker) -> None:
    answer = await write(make_pack())
    assert (answer.source, answer.model) == ("template", "template")
    assert {draft.tags[:2] for draft in answer.drafts} == {("douyin", "segment-5m")}


async def test_neighbouring_segments_get_other_words(make_pack: PackMaker) -> None:
    for topics in ([], [topic(intent) for intent in ASKED]):
        spoken = [
            [draft.text for draft in (await write(make_pack(seq=seq, topics=topics))).drafts]
            for seq in range(4)
        ]
        for lines in zip(*spoken, strict=True):
            assert len(set(lines)) == 4


@given(
    intents=st.lists(st.sampled_from(get_args(Intent)), max_size=9),
    frames=st.integers(0, 3),
    seq=st.integers(0, 50),
)
async def test_always_three_to_five_lines_without_a_number(
    make_pack: PackMaker, intents: list[Intent], frames: int, seq: int
) -> None:
    pack = make_pack(topics=[topic(i) for i in intents], frames=frames, seq=seq)
    drafts = (await write(pack)).drafts
    assert 3 <= len(drafts) <= 5
    assert len({draft.text for draft in drafts}) == len(drafts)
    for draft in drafts:
        assert 15 <= len(draft.text) <= 45
        assert not any(unicodedata.numeric(c, None) is not None for c in draft.text)
        assert any(act in draft.text for act in ("点", "公屏", "扣", "客服", "小黄车"))
