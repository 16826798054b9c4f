"""Bodies of `/api/live_audio/*`."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from hostcue.model.utterance import Utterance
from hostcue.web.contract.common import Body, Id, Milliseconds, example


class UtteranceBody(Body):
    """One stretch of the host's speech."""

    model_config = example(
        id="u-1", start_ts=1764000010000, end_ts=1764000012500, text="这双鞋偏大半码"
    )

    id: Id
    start_ts: Milliseconds
    end_ts: Milliseconds
    text: str = Field(min_length=1, max_length=2000)

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
            }
        ],
    )
    room_id: Id
    utterances: list[UtteranceBody] = Field(max_length=1000)

    def rows(self) -> list[Utterance]:
        """As the flow knows them."""
        return [
            Utterance(item.id, self.room_id, item.start_ts, item.end_ts, item.text)
            for item in self.utterances
        ]
