"""What the host says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

UtteranceSource = Literal["live", "offline", "sent"]
"""Heard as it was said, heard afterwards in a file, or sent by the user's own recogniser."""

Flag = Literal["filler", "repeat", "low_energy"]
"""Why a line is likely worth nothing to a reader; it is kept all the same."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A stretch of text that was replaced by a hot word: `heard` became `meant`."""

    heard: str
    meant: str


@dataclass(frozen=True, slots=True)
class Utterance:
    """One stretch of speech, `[start_ms, end_ms)` in Unix milliseconds; `id` unique in its room.

    Language, emotion and event are the model's own tags without their brackets (`zh`, `NEUTRAL`,
    `Speech`, `BGM`, ...), empty where it gives none. No recogniser here tells how sure it is, so
    `confidence` is None unless the user's own one told it.
    """

    id: str
    room_id: str
    start_ms: int
    end_ms: int
    text: str
    source: UtteranceSource = "sent"
    language: str = ""
    emotion: str = ""
    event: str = ""
    confidence: float | None = None
    flags: tuple[Flag, ...] = ()
    corrections: tuple[Correction, ...] = ()
