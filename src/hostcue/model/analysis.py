"""One analysis of one segment: where it stands and what it took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

AnalysisState = Literal["queued", "running", "done", "skipped", "failed"]
AnalysisMode = Literal["", "ai", "template"]


@dataclass(frozen=True, slots=True)
class Analysis:
    """Run number `run` of a segment's analysis; 0 is the automatic one, a forced one counts on.

    `attempts` counts calls of the model, over restarts too. `latency_ms` runs from the segment's
    end to the stored tips, `model_ms` is the part of it that the model took. `comment_coverage`
    is the share of the window in which comments were received, `speech_coverage` the one in which
    it was listened to; None: nobody here listened.
    """

    recording_id: str
    seq: int
    run: int
    state: AnalysisState
    attempts: int = 0
    mode: AnalysisMode = ""
    model: str = ""
    prompt_version: str = ""
    reason: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    latency_ms: int | None = None
    model_ms: int | None = None
    comments_seen: int = 0
    frames_seen: int = 0
    comment_coverage: float = 1.0
    speech_coverage: float | None = None
    created_ms: int = 0
    updated_ms: int = 0
