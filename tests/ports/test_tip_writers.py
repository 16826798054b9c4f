"""What every `TipWriter` promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Literal, get_args

import pytest

from hostcue.analysis.dashscope import DashScopeWriter
from hostcue.analysis.qwen import QwenWriter
from hostcue.analysis.templates import TemplateWriter
from hostcue.model.digest import CommentDigest, Topic
from hostcue.model.segment import ClosedFile, Segment
from hostcue.model.speech_digest import SpeechDigest, SpokenLine
from hostcue.model.tip import EvidencePack, Frame, TipType
from hostcue.model.window import Window
from hostcue.ports import TipWriter
from hostcue.sim.qwen import QwenStandIn

Kind = Literal["template", "openai, frames as list", "openai, frames as images", "dashscope"]
WINDOW = Window(1_700_000_000_000, 1_700_000_020_000)
FILE = ClosedFile(7, "a.mp4", WINDOW, 20_000, 1, "h264", "aac", 720, 1280, 25.0)
PACK = EvidencePack(
    segment=Segment("rec", "room", "小店", "douyin", FILE, WINDOW.end_ms),
    title="秋季新品专场",
    digest=CommentDigest(
        9,
        (
            Topic("price", "这个多少钱", 6, 6, ("c1", "c2")),
            Topic("size", "一米六穿什么码", 3, 3, ("c3",)),
        ),
        {"扣1": 4},
    ),
    speech=SpeechDigest((SpokenLine("u1", 0, "看这件"),), total=1),
    frames=tuple(
        Frame(f"rec-7-{n}", WINDOW.start_ms + n * 5000, b"\xff\xd8\xff\xd9", 270, 480)
        for n in range(4)
    ),
)


@pytest.fixture(params=get_args(Kind))
async def writer(request: pytest.FixtureRequest) -> AsyncIterator[TipWriter]:
    kind: Kind = request.param
    key = "sk-for-the-stand-in"
    async with QwenStandIn.open() as model:
        if kind == "template":
            yield TemplateWriter()
            return
        made = (
            DashScopeWriter(api_key=key, model="sim", base_url=model.dashscope_url)
            if kind == "dashscope"
            else QwenWriter(
                api_key=key,
                model="sim",
                base_url=model.openai_url,
                frames="list" if kind.endswith("list") else "images",
            )
        )
        async with aclosing(made):
            yield made


async def test_three_to_five_lines_each_sayable_and_tagged(writer: TipWriter) -> None:
    drafts = (await writer.write(PACK)).drafts
    assert 3 <= len(drafts) <= 5
    for draft in drafts:
        assert 4 <= len(draft.text) <= 80
        assert draft.type in get_args(TipType)
        assert 0 <= draft.score <= 1
        assert draft.tags[:2] == ("douyin", "segment-20s")


async def test_every_line_rests_on_evidence_that_exists(writer: TipWriter) -> None:
    for draft in (await writer.write(PACK)).drafts:
        evidence = draft.evidence
        assert evidence.comments or evidence.frames or evidence.speech
        assert set(evidence.comments) <= {"c1", "c2", "c3"}
        assert {(ref.id, ref.at_ms) for ref in evidence.frames} <= {
            (frame.id, frame.at_ms) for frame in PACK.frames
        }
        assert set(evidence.speech) <= {"u1"}


async def test_what_is_asked_most_is_answered_with_the_comments_that_asked(
    writer: TipWriter,
) -> None:
    drafts = (await writer.write(PACK)).drafts
    assert any({"c1", "c2"} & set(draft.evidence.comments) for draft in drafts)


async def test_an_answer_says_where_it_comes_from(writer: TipWriter) -> None:
    answer = await writer.write(PACK)
    assert answer.source == ("template" if isinstance(writer, TemplateWriter) else "ai")
    assert answer.model
    assert answer.prompt_version
    if answer.source == "ai":
        assert answer.input_tokens
        assert answer.output_tokens
