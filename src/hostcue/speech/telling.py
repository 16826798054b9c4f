"""What a session tells of what it heard, and what it counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import inf, sqrt

import anyio

from hostcue.model.comment import Gap
from hostcue.model.sound import SAMPLE_HZ
from hostcue.model.speech import Heard, Level, Partial, SpeechPlan, Transcript
from hostcue.model.utterance import Utterance, UtteranceSource
from hostcue.speech.change import Change
from hostcue.speech.engine import Looked
from hostcue.speech.outbox import Outbox
from hostcue.speech.recognising import Stretch
from hostcue.speech.sentences import Sentences
from hostcue.speech.sound_buffer import SoundBuffer, Step


class Telling:
    """Makes sentences of transcripts, and tells them, then which sound they cover.

    A span counts as covered once the sentence that its words are part of is told.
    """

    def __init__(
        self,
        session_id: str,
        plan: SpeechPlan,
        buffer: SoundBuffer,
        outbox: Outbox,
        *,
        source: UtteranceSource,
        cover_s: float,
    ) -> None:
        self._buffer = buffer
        self._outbox = outbox
        self._chunk_s = plan.chunk_s
        self._levels = source == "live"
        self._cover_s = cover_s
        self._sentences = Sentences(session_id, plan, buffer.clock, source)
        self._coverage = _Coverage(buffer)
        self._spoken = Change()
        self._power = self._power_samples = 0.0
        self.level: Level | None = None
        self.speech = 0
        self.with_text = 0
        self.empty = 0
        self.events = Counter[str]()

    def adopt(self, plan: SpeechPlan) -> None:
        """By these rules from now on."""
        self._chunk_s = plan.chunk_s
        self._tell(self._sentences.adopt(plan))

    def heard(self, stretch: Stretch, transcript: Transcript, pcm: bytes) -> None:
        """A stretch was recognised; its own sound is `pcm`."""
        told = self._sentences.add(stretch, transcript, pcm, anyio.current_time())
        self._buffer.hear(stretch.cut.start, stretch.cut.end)
        self.speech += stretch.cut.end - stretch.cut.start
        if transcript.text.strip():
            self.with_text += 1
        else:
            self.empty += 1
        if transcript.event:
            self.events[transcript.event] += 1
        self._tell(told)
        self._spoken.tell()

    def looked(self, step: Step, looked: Looked) -> None:
        """Some sound was listened to; how loud it was is told all `chunk_s` of it."""
        samples = step.end - step.start
        self._power += looked.rms**2 * samples
        self._power_samples += samples
        if self._power_samples >= self._chunk_s * SAMPLE_HZ:
            rms = sqrt(self._power / self._power_samples)
            self._power = self._power_samples = 0.0
            at_ms = round(self._buffer.clock.until_ms(step.end))
            self.level = Level(at_ms, rms, looked.speaking_from is not None)
            if self._levels:
                self._outbox.put(self.level)

    def quiet_until(self, sample: int) -> None:
        """Nobody says anything between what was recognised last and that sample."""
        self._tell(self._sentences.quiet_until(sample))

    def partial(self, start: int, end: int, text: str) -> None:
        """What a stretch sounds like that is not over."""
        start_ms, end_ms = self._buffer.clock.begin_ms(start), self._buffer.clock.until_ms(end)
        self._outbox.put(Partial(round(start_ms), round(end_ms), text))

    async def keep_time(self) -> None:
        """Tell what becomes due by itself, for ever."""
        while True:
            now_s, due_s = anyio.current_time(), self._sentences.due_s
            await self._spoken.wait(min(self._cover_s, (due_s or inf) - now_s))
            told = self._sentences.tick(anyio.current_time())
            self._tell(told)
            if not told:
                self.cover()

    def finish(self) -> None:
        """Nothing more is heard; the last words are told."""
        self._tell(self._sentences.flush())
        self.cover(at_end=True)

    def owes(self, until_ms: int) -> bool:
        """Whether words that were said before that moment wait to be told."""
        since_ms = self._sentences.since_ms
        if since_ms is not None and since_ms < until_ms:
            return True
        return self._outbox.owes(until_ms)

    def cover(self, *, at_end: bool = False) -> None:
        """Tell which sound was heard, and which was given up."""
        since = self._sentences.since
        until = self._buffer.received if since is None else since
        for heard in self._coverage.heard(until):
            self._outbox.put(heard)
        for gap in self._coverage.gaps(at_end=at_end):
            self._outbox.put(gap)
        self._coverage.forget(until)

    def _tell(self, told: Sequence[Utterance]) -> None:
        for utterance in told:
            self._outbox.put(utterance)
        if told:
            self.cover()


class _Coverage:
    """Tells each part once, those that touch as one."""

    def __init__(self, buffer: SoundBuffer) -> None:
        self._buffer = buffer

    def heard(self, until: int) -> list[Heard]:
        """What was heard before that sample, and was not told yet."""
        told: list[Heard] = []
        for start, end in self._buffer.untold_heard:
            if start < until:
                told += [Heard(*span) for span in self._times(start, min(end, until))]
                self._buffer.untold_heard.take(start, min(end, until))
        return told

    def gaps(self, *, at_end: bool) -> list[Gap]:
        """What was given up; that which may grow yet is left for later, unless this is the end."""
        told: list[Gap] = []
        for cause, spans in self._buffer.untold_dropped.items():
            for start, end in spans:
                if at_end or not self._may_grow(end):
                    told += [Gap(a, cause, b) for a, b in self._times(start, end)]
                    spans.take(start, end)
        return sorted(told, key=lambda gap: gap.start_ms)

    def forget(self, since: int) -> None:
        """Of what is held or is to be told nothing is older than the sample `since`."""
        starts = [
            self._buffer.first(),
            self._buffer.untold_heard.start,
            *(spans.start for spans in self._buffer.untold_dropped.values()),
        ]
        self._buffer.clock.forget(min([since, *(one for one in starts if one is not None)]))

    def _may_grow(self, end: int) -> bool:
        """Whether the sample behind a gap may be given up too."""
        if self._buffer.clock.is_break(end):
            return False
        return end == self._buffer.received or self._buffer.holds(end)

    def _times(self, start: int, end: int) -> list[tuple[int, int]]:
        spans = self._buffer.clock.spans(start, end)
        times = [(round(start_ms), round(end_ms)) for start_ms, end_ms in spans]
        return [(start_ms, end_ms) for start_ms, end_ms in times if start_ms < end_ms]
