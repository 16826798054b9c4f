"""One closed segment: what was seen, asked and said in it becomes 3 to 5 lines."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import anyio
import stamina
import structlog

from hostcue.errors import HostcueError, RateLimited, UpstreamError, known_cause
from hostcue.model.analysis import Analysis
from hostcue.model.clock import now_ms
from hostcue.model.json_text import as_json, member, texts
from hostcue.model.segment import Segment
from hostcue.model.speech_digest import SpeechDigest
from hostcue.model.tip import (
    Answer,
    EvidencePack,
    Frame,
    Tip,
    TipDraft,
    TipSource,
    TipType,
)
from hostcue.model.window import Window
from hostcue.pipeline.digests import Digests
from hostcue.ports import TipWriter
from hostcue.speech.digest import digest
from hostcue.storage.analyses import Analyses
from hostcue.storage.comments import Comments
from hostcue.storage.gaps import Gaps
from hostcue.storage.recordings import Recordings
from hostcue.storage.segments import Segments
from hostcue.storage.speech_spans import SpeechSpans, share_heard
from hostcue.storage.tips import Tips, evidence_from
from hostcue.storage.utterances import Utterances

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 4
"""First try and at most three more; counted in the database, so a restart does not begin anew."""


@dataclass(frozen=True, slots=True)
class Stations:
    """What the analysis gets from the other stations.

    `settled` returns once what was written and said in a room before a moment is stored, `listens`
    says whether somebody listens to it now.
    """

    digests: Digests
    frames: Callable[[Path, Window, str], list[Frame]]
    settled: Callable[[str, int], Awaitable[None]]
    listens: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Stores:
    """The rows an analysis reads and writes."""

    recordings: Recordings
    gaps: Gaps
    segments: Segments
    comments: Comments
    utterances: Utterances
    speech_spans: SpeechSpans
    analyses: Analyses
    tips: Tips


class SegmentAnalysis:
    """The steps of one analysis, each safe to repeat; `jobs/` runs them durably, in this order.

    `model` is None when no key is set: lines then come from `templates`, as they do when the
    model fails for good.
    """

    def __init__(
        self,
        stores: Stores,
        stations: Stations,
        *,
        model: TipWriter | None,
        templates: TipWriter,
        wait_s: float = 0.5,
        stale_after_s: float = 300,
        backoff_s: float = 1.0,
        overall_s: float = 150,
    ) -> None:
        self._stores = stores
        self._stations = stations
        self._model = model
        self._templates = templates
        self._wait_s = wait_s
        self._stale_after_s = stale_after_s
        self._backoff_s = backoff_s
        self._overall_s = overall_s

    async def ask(self, recording_id: str, seq: int, run: int) -> dict[str, object]:
        """Gather the evidence and have lines written; the answer is JSON and is checkpointed."""
        async with self._or_failed(recording_id, seq, run):
            return await self._ask(recording_id, seq, run)

    async def _ask(self, recording_id: str, seq: int, run: int) -> dict[str, object]:
        segment = await self._stores.segments.get(recording_id, seq)
        analysis = await self._stores.analyses.queue(recording_id, seq, run)
        age_ms = now_ms() - segment.window.end_ms
        if run == 0 and age_ms > 1000 * max(self._stale_after_s, segment.file.duration_ms / 1000):
            return {"skipped": f"the segment ended {age_ms // 1000} s ago"}
        await self._stores.analyses.set(recording_id, seq, run, state="running")
        pack, comment_coverage = await self._gather(segment)
        began = time.monotonic()
        answer, reason = await self._write(pack, analysis)
        model_ms = round(1000 * (time.monotonic() - began))
        await self._keep_frames(pack, answer)
        return as_json(
            {
                "answer": asdict(answer),
                "reason": reason,
                "model_ms": model_ms,
                "comments_seen": pack.digest.total,
                "frames_seen": len(pack.frames),
                "comment_coverage": comment_coverage,
                "speech_coverage": pack.speech.coverage,
            }
        )

    async def save(
        self, recording_id: str, seq: int, run: int, asked: Mapping[str, object]
    ) -> None:
        """Store what `ask` brought; a second time changes nothing."""
        async with self._or_failed(recording_id, seq, run):
            await self._save(recording_id, seq, run, asked)

    async def _save(
        self, recording_id: str, seq: int, run: int, asked: Mapping[str, object]
    ) -> None:
        if (skipped := asked.get("skipped")) is not None:
            await self._stores.analyses.set(
                recording_id, seq, run, state="skipped", reason=str(skipped)
            )
            return
        segment = await self._stores.segments.get(recording_id, seq)
        analysis = await self._stores.analyses.queue(recording_id, seq, run)
        answer = _answer(asked["answer"])
        now = now_ms()
        tips = [
            Tip(
                id=f"tip_{secrets.token_hex(8)}",
                room_id=segment.room_id,
                recording_id=recording_id,
                seq=seq,
                created_ms=now,
                draft=draft,
                source=answer.source,
                model=answer.model,
                prompt_version=answer.prompt_version,
            )
            for draft in answer.drafts
        ]
        await self._stores.tips.save(
            analysis,
            tips,
            mode=answer.source,
            model=answer.model,
            prompt_version=answer.prompt_version,
            reason=asked["reason"],
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            latency_ms=now - segment.window.end_ms,
            model_ms=asked["model_ms"],
            comments_seen=asked["comments_seen"],
            frames_seen=asked["frames_seen"],
            comment_coverage=asked["comment_coverage"],
            speech_coverage=asked.get("speech_coverage"),  # asked for before there was any
        )
        log.info(
            "tips_ready", recording=recording_id, seq=seq, tips=len(tips), source=answer.source
        )

    @asynccontextmanager
    async def _or_failed(self, recording_id: str, seq: int, run: int) -> AsyncIterator[None]:
        """An analysis that cannot be done says so in its row."""
        try:
            yield
        except Exception as exc:
            known = known_cause(exc)
            reason = "internal_error" if known is None else known.code
            log.error("analysis_failed", recording=recording_id, seq=seq, exc_info=exc)
            await self._stores.analyses.set(recording_id, seq, run, state="failed", reason=reason)
            raise

    async def _gather(self, segment: Segment) -> tuple[EvidencePack, float]:
        window, room_id = segment.window, segment.room_id
        frames: list[Frame] = []

        async def look() -> None:
            name = f"{segment.recording_id}-{segment.seq}"
            path = Path(segment.file.path)
            try:
                frames.extend(
                    await anyio.to_thread.run_sync(self._stations.frames, path, window, name)
                )
            except HostcueError as exc:  # comments alone still make lines
                log.warning("no_frames", recording=segment.recording_id, seq=segment.seq, error=exc)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(look)
            with anyio.move_on_after(self._wait_s):
                await self._stations.settled(room_id, window.end_ms)
        said = await self._stations.digests.of(room_id, window, segment.platform)
        recording = await self._stores.recordings.get(segment.recording_id)
        pack = EvidencePack(
            segment=segment,
            title=recording.room.title,
            digest=said.digest,
            speech=await self._spoken(room_id, window),
            frames=tuple(frames),
        )
        return pack, said.coverage

    async def _spoken(self, room_id: str, window: Window) -> SpeechDigest:
        """What was said, and in which share of the window somebody here listened.

        None knows that share where only the user's own recogniser does.
        """
        spoken = await self._stores.utterances.between(room_id, window.start_ms, window.end_ms)
        heard = await self._stores.speech_spans.within(room_id, window)
        listened = bool(heard) or self._stations.listens(room_id)
        return digest(spoken, window, coverage=share_heard(heard, window) if listened else None)

    async def _write(self, pack: EvidencePack, analysis: Analysis) -> tuple[Answer, str]:
        """The model's answer, or the templates' with the reason why not the model's."""
        if self._model is None:
            return await self._templates.write(pack), "no_key"
        left = MAX_ATTEMPTS - analysis.attempts
        if left <= 0:
            return await self._templates.write(pack), "attempts_used_up"
        key = (analysis.recording_id, analysis.seq, analysis.run)
        try:
            async for attempt in stamina.retry_context(
                on=worth_retrying,
                attempts=left,
                timeout=self._overall_s,
                wait_initial=self._backoff_s,
                wait_max=20,
                wait_jitter=self._backoff_s,
            ):
                with attempt:
                    await self._stores.analyses.count_attempt(*key)
                    return await self._model.write(pack), ""
        except UpstreamError as exc:
            log.warning("model_failed", recording=key[0], seq=key[1], code=exc.code, error=exc)
            return await self._templates.write(pack), exc.code
        raise AssertionError("stamina either returns or raises")

    async def _keep_frames(self, pack: EvidencePack, answer: Answer) -> None:
        """Keep the frames that tips name, and one to show the segment by."""
        named = {ref.id for draft in answer.drafts for ref in draft.evidence.frames}
        kept = [frame for frame in pack.frames if frame.id in named]
        if not kept and pack.frames:
            kept = [pack.frames[len(pack.frames) // 2]]
        await self._stores.tips.keep_frames(pack.segment.recording_id, pack.segment.seq, kept)


def worth_retrying(exc: Exception) -> bool | float:
    """What the retry loop goes by: a float is the wait, in seconds."""
    if isinstance(exc, RateLimited):
        return exc.retry_after_s
    return isinstance(exc, UpstreamError) and exc.retryable


def _answer(stored: object) -> Answer:
    drafts = member(stored, "drafts")
    return Answer(
        drafts=tuple(_draft(item) for item in (drafts if isinstance(drafts, list) else ())),
        source=cast("TipSource", member(stored, "source")),
        model=str(member(stored, "model")),
        prompt_version=str(member(stored, "prompt_version")),
        input_tokens=cast("int | None", member(stored, "input_tokens")),
        output_tokens=cast("int | None", member(stored, "output_tokens")),
    )


def _draft(stored: object) -> TipDraft:
    return TipDraft(
        text=str(member(stored, "text")),
        type=cast("TipType", member(stored, "type")),
        tags=texts(member(stored, "tags")),
        score=float(str(member(stored, "score"))),
        evidence=evidence_from(member(stored, "evidence")),
    )
