"""What no session heard of recorded segments is heard from their files (mode C)."""

from __future__ import annotations

import secrets
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

import anyio
import structlog

from hostcue.errors import (
    EngineDied,
    HostcueError,
    ModelRefused,
    NotFound,
    SpeechMissing,
    StorageFailed,
)
from hostcue.model.clock import now_ms
from hostcue.model.recording import RecorderEvent
from hostcue.model.room import LiveRoom, Room, StreamSource
from hostcue.model.segment import Segment
from hostcue.model.speech import SpeechPlan
from hostcue.model.window import Window
from hostcue.pipeline.live_audio_supply import ListeningParts
from hostcue.pipeline.speech_log import SpeechLog
from hostcue.speech.offline import FileHearing
from hostcue.storage.segments import Segments
from hostcue.storage.speech_spans import SpeechSpans, unheard

log = structlog.get_logger(__name__)

HearFile = Callable[..., AbstractAsyncContextManager[FileHearing]]
"""`speech.offline.hear_file`, with its engine."""


@dataclass(frozen=True, slots=True)
class OfflineRules:
    """What is worth hearing from a file.

    Holes shorter than `least_ms` are not, nor by itself a segment older than `not_older_s`. Live
    sessions get `settle_s` to say what they still know of it. `most_waiting` segments wait, the
    oldest then goes. While there is no recogniser, or nothing can be stored, the next one is tried
    after `again_s`; one at which the recogniser died `most_tries` times is given up.
    """

    least_ms: int = 1000
    not_older_s: float = 6 * 3600
    settle_s: float = 60.0
    most_waiting: int = 64
    again_s: float = 30.0
    most_tries: int = 3


class OfflineHearing:
    """Hears segments from their files one by one; those that were asked for go first."""

    def __init__(
        self,
        parts: ListeningParts,
        hear_file: HearFile,
        segments: Segments,
        spans: SpeechSpans,
        *,
        plan: SpeechPlan,
        words: Callable[[str], tuple[str, ...]],
        settled: Callable[[str, int], Awaitable[None]],
        rules: OfflineRules | None = None,
    ) -> None:
        self._parts = parts
        self._hear_file = hear_file
        self._segments = segments
        self._spans = spans
        self._plan = plan
        self._words = words
        self._settled = settled
        self._rules = rules or OfflineRules()
        self._waiting: deque[tuple[str, int]] = deque()
        self._asked: deque[tuple[str, int]] = deque()
        self._under_way: tuple[str, int] | None = None
        self._more = anyio.Event()
        self._deaths = Counter[tuple[str, int]]()

    @property
    def waiting(self) -> int:
        """How many segments wait."""
        return len(self._waiting) + len(self._asked)

    def consider(self, segment: Segment) -> None:
        """Hear a segment that was just closed, unless it is an old one; never waits."""
        file, age_ms = segment.file, now_ms() - segment.window.end_ms
        if not file.audio_codec or age_ms > 1000 * self._rules.not_older_s:
            return
        self._put(self._waiting, (segment.recording_id, segment.seq))

    async def request(self, recording_id: str, seq: int) -> Mapping[str, float]:
        """Hear a segment soon; how many seconds of it nobody heard, and how many wait before it.

        Raises:
            NotFound: there is no such segment, or no sound in it.
            FileDeleted: its file was deleted to make room.
        """
        segment = await self._segments.with_file(recording_id, seq)
        if not segment.file.audio_codec:
            raise NotFound(f"segment {seq} holds no sound", field="seq")
        holes = await self._holes(segment)
        before = len(self._asked) + (self._under_way is not None)
        if holes:
            self._put(self._asked, (recording_id, seq))
        missing_ms = sum(hole.end_ms - hole.start_ms for hole in holes)
        return {"unheard_s": missing_ms / 1000, "waiting": float(before)}

    async def run(self) -> None:
        """Hear what waits, for ever."""
        while True:
            queue = self._asked or self._waiting
            if not queue:
                self._more = anyio.Event()
                await self._more.wait()
                continue
            key = self._under_way = queue.popleft()
            try:
                again = await self._tried(*key)
            finally:
                self._under_way = None
            if again:
                self._put(queue, key)
                await anyio.sleep(self._rules.again_s)

    async def _tried(self, recording_id: str, seq: int) -> bool:
        """Hear one, as far as that can be; whether it is worth another try."""
        key, again = (recording_id, seq), False
        try:
            await self._hear(await self._segments.with_file(recording_id, seq))
        except (SpeechMissing, ModelRefused, StorageFailed) as exc:
            again = True
            log.warning("segment_not_heard_yet", recording=recording_id, seq=seq, error=exc)
        except EngineDied as exc:
            self._deaths[key] += 1
            again = self._deaths[key] < self._rules.most_tries
            log.warning("segment_not_heard", recording=recording_id, seq=seq, error=exc)
        except HostcueError as exc:
            log.warning("segment_not_heard", recording=recording_id, seq=seq, error=exc)
        except Exception as exc:
            log.error("segment_not_heard", recording=recording_id, seq=seq, exc_info=exc)
        if not again:
            del self._deaths[key]
        return again

    async def _hear(self, segment: Segment) -> None:
        with anyio.move_on_after(self._rules.settle_s):
            await self._settled(segment.room_id, segment.window.end_ms)
        holes = await self._holes(segment)
        if not holes:
            return
        session_id = secrets.token_hex(6)
        told = SpeechLog(
            session_id, segment.room_id, self._parts.store, self._parts.publish, source="offline"
        )
        plan = replace(self._plan, hot_words=self._words(segment.room_id))
        spans = [(float(hole.start_ms), float(hole.end_ms)) for hole in holes]
        async with (
            self._hear_file(plan, emit=told.take, spans=spans, session_id=session_id) as hearing,
            self._parts.inlet.expect(hearing.take) as place,
        ):
            listener = self._parts.new_listener(
                live=_as_room(segment),
                place=place,
                proxies=self._parts.proxies,
                resolve=_nowhere_else,
                emit=_ignore,
                span=Window(holes[0].start_ms, holes[-1].end_ms),
                start_ms=segment.window.start_ms,
            )
            await listener.run()
        log.info(
            "segment_heard",
            recording=segment.recording_id,
            seq=segment.seq,
            seconds=round(sum(end - start for start, end in spans) / 1000, 1),
        )

    async def _holes(self, segment: Segment) -> list[Window]:
        heard = await self._spans.within(segment.room_id, segment.window)
        return unheard(heard, segment.window, least_ms=self._rules.least_ms)

    def _put(self, queue: deque[tuple[str, int]], key: tuple[str, int]) -> None:
        if key not in queue:
            queue.append(key)
        if len(self._waiting) > self._rules.most_waiting:
            recording_id, seq = gone = self._waiting.popleft()
            del self._deaths[gone]
            log.warning("segment_not_heard", recording=recording_id, seq=seq, reason="too_many")
        self._more.set()


def _as_room(segment: Segment) -> LiveRoom:
    room = Room(segment.platform, "", segment.room_id, "", segment.anchor_name)
    return LiveRoom(room, StreamSource(segment.file.path, "file"))


async def _nowhere_else() -> LiveRoom:
    raise NotFound("a file is nowhere else")


async def _ignore(_: RecorderEvent) -> None:
    """A file's end is all there is to tell."""
