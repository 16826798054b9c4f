"""Lines a host can say, and what they rest on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hostcue.model.digest import CommentDigest
from hostcue.model.segment import Segment
from hostcue.model.speech_digest import SpeechDigest

TipType = Literal["welcome", "product", "interaction", "closing"]
TipSource = Literal["ai", "template"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One still image of a segment; `id` is what evidence and the frame route name."""

    id: str
    at_ms: int
    jpeg: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class FrameRef:
    """A frame as evidence: its id and its moment."""

    id: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a tip rests on: ids of comments and utterances, frames with their times."""

    comments: tuple[str, ...] = ()
    frames: tuple[FrameRef, ...] = ()
    speech: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EvidencePack:
    """Everything a writer may look at for one segment; frames oldest first."""

    segment: Segment
    title: str
    digest: CommentDigest
    speech: SpeechDigest
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class TipDraft:
    """A line as a writer proposes it; `score` is 0..1."""

    text: str
    type: TipType
    tags: tuple[str, ...]
    score: float
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Answer:
    """What a writer made of an evidence pack, and what it cost.

    Token counts are None where the service does not tell them.
    """

    drafts: tuple[TipDraft, ...]
    source: TipSource
    model: str
    prompt_version: str
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Tip:
    """One suggested line as stored; JSON schema name `AIScript`."""

    id: str
    room_id: str
    recording_id: str
    seq: int
    created_ms: int
    draft: TipDraft
    source: TipSource
    model: str
    prompt_version: str
