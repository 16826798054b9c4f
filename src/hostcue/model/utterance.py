"""What the host says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Utterance:
    """One stretch of speech, `[start_ms, end_ms)` in Unix milliseconds; `id` unique in its room."""

    id: str
    room_id: str
    start_ms: int
    end_ms: int
    text: str
