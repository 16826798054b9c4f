"""What was said, as `/api/live_audio/*` takes and gives it."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from hostcue.model.utterance import Flag, Utterance, UtteranceSource
from hostcue.web.contract.common import Answer, Body, Id, Milliseconds, example


class UtteranceBody(Body):
    """One stretch of the host's speech, as the user's own recogniser heard it."""

    model_config = example(
        id="u-1", start_ts=1764000010000, end_ts=1764000012500, text="这双鞋偏大半码"
    )

    id: Id
    start_ts: Milliseconds
    end_ts: Milliseconds
    text: str = Field(min_length=1, max_length=2000)
    confidence: float | None = Field(
        None, ge=0, le=1, description="How sure the recogniser is, if it tells"
    )

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        if self.end_ts < self.start_ts:
            raise ValueError("end_ts is before start_ts")
        return self


class TranscriptIngest(Body):
    """Speech of the user's own recogniser."""

    model_config = example(
        room_id="7576912345678901234",
        utterances=[
            {
                "id": "u-1",
                "start_ts": 1764000010000,
                "end_ts": 1764000012500,
                "text": "这双鞋偏大半码，脚瘦的拍小一码",
                "confidence": 0.93,
            }
        ],
    )
    room_id: Id
    utterances: list[UtteranceBody] = Field(max_length=1000)

    def rows(self) -> list[Utterance]:
        """As the flow knows them."""
        return [
            Utterance(
                item.id,
                self.room_id,
                item.start_ts,
                item.end_ts,
                item.text,
                confidence=item.confidence,
            )
            for item in self.utterances
        ]


class CorrectionBody(Answer):
    """A stretch of the text that a hot word replaced: `heard` became `meant`."""

    heard: str
    meant: str


class SentenceBody(Answer):
    """One stretch of the host's speech.

    `source` is `live`, `offline` (heard afterwards in a file) or `sent` (by your own recogniser).
    Language, emotion and event are the model's own tags, empty where it gives none. `confidence`
    is null unless your own recogniser told it. `flags` say why a line is likely worth nothing.
    """

    model_config = example(
        id="4be1-17",
        start_ts=1764000010000,
        end_ts=1764000012500,
        text="这双德训鞋偏大半码。",
        source="live",
        language="zh",
        emotion="NEUTRAL",
        event="Speech",
        confidence=None,
        flags=[],
        corrections=[{"heard": "得训鞋", "meant": "德训鞋"}],
    )
    id: str
    start_ts: int
    end_ts: int
    text: str
    source: UtteranceSource
    language: str
    emotion: str
    event: str
    confidence: float | None = None
    flags: list[Flag]
    corrections: list[CorrectionBody]

    @classmethod
    def of(cls, said: Utterance) -> Self:
        """From the store."""
        return cls(
            id=said.id,
            start_ts=said.start_ms,
            end_ts=said.end_ms,
            text=said.text,
            source=said.source,
            language=said.language,
            emotion=said.emotion,
            event=said.event,
            confidence=said.confidence,
            flags=list(said.flags),
            corrections=[
                CorrectionBody(heard=item.heard, meant=item.meant) for item in said.corrections
            ],
        )
