"""Bodies of `/api/analysis/*`."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from hostcue.model.analysis import Analysis, AnalysisMode, AnalysisState
from hostcue.model.tip import Tip, TipSource, TipType
from hostcue.web.contract.common import Answer, Body, Id, example


class AnalysisRequest(Body):
    """Which segment to analyse; `force` does it once more."""

    model_config = example(recording_id="3f9a1c0b77de", seq=12, force=False)
    recording_id: Id
    seq: int = Field(ge=0, le=2**31)
    force: bool = False


class AnalysisBody(Answer):
    """One analysis; `latency_ms` runs from the segment's end to the stored tips.

    Coverages are the shares of the window in which comments came and the host was heard; null where
    nobody listened.
    """

    model_config = example(
        recording_id="3f9a1c0b77de",
        seq=12,
        run=0,
        state="done",
        attempts=1,
        mode="ai",
        model="qwen3-vl-plus",
        prompt_version="v3",
        reason="",
        input_tokens=7300,
        output_tokens=420,
        latency_ms=9300,
        model_ms=8200,
        comments_seen=412,
        frames_seen=24,
        comment_coverage=1.0,
        speech_coverage=0.98,
    )
    recording_id: str
    seq: int
    run: int
    state: AnalysisState
    attempts: int
    mode: AnalysisMode
    model: str
    prompt_version: str
    reason: str
    input_tokens: int | None
    output_tokens: int | None
    latency_ms: int | None
    model_ms: int | None
    comments_seen: int
    frames_seen: int
    comment_coverage: float
    speech_coverage: float | None

    @classmethod
    def of(cls, analysis: Analysis) -> Self:
        """From the store."""
        return cls.model_validate(analysis, from_attributes=True)


class FrameEvidence(Answer):
    """A frame; its picture is at `/api/analysis/frames/{id}`."""

    id: str
    ts: int


class EvidenceBody(Answer):
    """What a tip rests on: ids of comments, frames, ids of utterances."""

    comments: list[str]
    frames: list[FrameEvidence]
    speech: list[str]


class AIScript(Answer):
    """One line for the host."""

    model_config = example(
        id="tip_5d0c8a1f9b7e4c21",
        text="问尺码的朋友，把身高体重打在公屏上，我帮你们挑，拿不准就先点开链接看尺码表。",
        type="product",
        tags=["douyin", "segment-5m"],
        score=0.86,
        room_id="7576912345678901234",
        recording_id="3f9a1c0b77de",
        seq=12,
        created_at=1764000309300,
        source="ai",
        evidence={
            "comments": ["7576912345678909999"],
            "frames": [{"id": "3f9a1c0b77de-12-03", "ts": 1764000045000}],
            "speech": [],
        },
        model="qwen3-vl-plus",
        prompt_version="v3",
        ai_generated=True,
    )
    id: str
    text: str
    type: TipType
    tags: list[str]
    score: float = Field(ge=0, le=1)
    room_id: str
    recording_id: str
    seq: int
    created_at: int
    source: TipSource
    evidence: EvidenceBody
    model: str
    prompt_version: str
    ai_generated: bool

    @classmethod
    def of(cls, tip: Tip) -> Self:
        """From the store."""
        draft = tip.draft
        return cls(
            id=tip.id,
            text=draft.text,
            type=draft.type,
            tags=list(draft.tags),
            score=draft.score,
            room_id=tip.room_id,
            recording_id=tip.recording_id,
            seq=tip.seq,
            created_at=tip.created_ms,
            source=tip.source,
            evidence=EvidenceBody(
                comments=list(draft.evidence.comments),
                frames=[FrameEvidence(id=f.id, ts=f.at_ms) for f in draft.evidence.frames],
                speech=list(draft.evidence.speech),
            ),
            model=tip.model,
            prompt_version=tip.prompt_version,
            ai_generated=tip.source == "ai",
        )
