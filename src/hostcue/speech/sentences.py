"""From what a recogniser heard to sentences with their times."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import structlog

from hostcue.errors import SpeechMissing
from hostcue.model.sound import SAMPLE_HZ
from hostcue.model.speech import SegmenterRules, SpeechPlan, Token, Transcript
from hostcue.model.utterance import Utterance, UtteranceSource
from hostcue.speech.assembler import Assembler, Piece, Sentence
from hostcue.speech.cleaner import clean, flags_of
from hostcue.speech.hot_words import HotWords
from hostcue.speech.recognising import Stretch
from hostcue.speech.segmenter import Cut
from hostcue.speech.sound_clock import SAMPLES_PER_MS, SoundClock

log = structlog.get_logger(__name__)

_LAST_SYMBOL_S = 0.12  # lasts at least so long
_WORD_BEGINS = "▁"  # how byte pairs write a blank
_LEAST = SAMPLE_HZ // 100


@dataclass(frozen=True, slots=True)
class _Said:
    """Where a piece is in the sound: its stretch, and its first word."""

    from_sample: int
    first_sample: int
    start_ms: float


class Sentences:
    """Cleans, joins, corrects and flags what was heard in one room.

    An utterance's id is the session's and the number of the sample that it begins with, so the
    same sound, heard again by a session of that id, gives the same one.
    """

    def __init__(
        self, session_id: str, plan: SpeechPlan, clock: SoundClock, source: UtteranceSource
    ) -> None:
        self._session_id = session_id
        self._clock = clock
        self._source: UtteranceSource = source
        self._assembler = Assembler(plan.assembler)
        self._hot_words = _hot_words(plan)
        self._plan = plan
        self._said: deque[_Said] = deque()
        self._last_id = -1
        self._last_text = ""

    def adopt(self, plan: SpeechPlan) -> list[Utterance]:
        """By these rules from now on; what waited by the old ones, where they differ."""
        before, self._plan = self._plan, plan
        if plan.hot_words != before.hot_words:
            self._hot_words = _hot_words(plan)
        if plan.assembler == before.assembler:
            return []
        waited, self._assembler = self._assembler.flush(), Assembler(plan.assembler)
        return self._told(waited)

    def add(
        self, stretch: Stretch, transcript: Transcript, pcm: bytes, now_s: float
    ) -> list[Utterance]:
        """A stretch was heard; its own sound is `pcm`."""
        transcript = without_front(transcript, stretch.before_samples / SAMPLE_HZ)
        text = clean(transcript.text)
        if not text:
            return self._told(self._assembler.empty(now_s))
        first, last = _extent(stretch.cut, stretch.plan.segmenter, transcript)
        piece = Piece(
            text,
            self._clock.begin_ms(first),
            self._clock.until_ms(last),
            stretch.cut.cause,
            language=transcript.language,
            emotion=transcript.emotion,
            event=transcript.event,
            rms=_rms(pcm),
        )
        self._said.append(_Said(stretch.cut.start, first, piece.start_ms))
        return self._told(self._assembler.add(piece, now_s))

    def tick(self, now_s: float) -> list[Utterance]:
        """Time passes; to be called when `due_s` is reached."""
        return self._told(self._assembler.tick(now_s))

    def quiet_until(self, sample: int) -> list[Utterance]:
        """Nobody says anything between what was added last and that sample."""
        return self._told(self._assembler.quiet_until(self._clock.begin_ms(sample)))

    def flush(self) -> list[Utterance]:
        """No more is said."""
        return self._told(self._assembler.flush())

    @property
    def due_s(self) -> float | None:
        """When a sentence will be over if nothing comes."""
        return self._assembler.due_s

    @property
    def since_ms(self) -> float | None:
        """When the words were said that wait for the rest of their sentence; None if none do."""
        return self._assembler.since_ms

    @property
    def since(self) -> int | None:
        """The sample with which the stretch began that those words are from."""
        return self._said[0].from_sample if self._said else None

    def _told(self, sentences: list[Sentence]) -> list[Utterance]:
        told = [self._utterance(sentence) for sentence in sentences if sentence.text]
        since_ms = self._assembler.since_ms
        if since_ms is None:
            self._said.clear()
        else:
            while len(self._said) > 1 and self._said[1].start_ms <= since_ms:
                self._said.popleft()
        return told

    def _utterance(self, sentence: Sentence) -> Utterance:
        text, corrections = self._hot_words.correct(sentence.text)
        flags = flags_of(text, rms=sentence.rms, before=(self._last_text,))
        self._last_text = text
        start_ms = round(sentence.start_ms)
        return Utterance(
            id=f"{self._session_id}-{self._number(sentence.start_ms)}",
            room_id="",
            start_ms=start_ms,
            end_ms=max(round(sentence.end_ms), start_ms),
            text=text,
            source=self._source,
            language=sentence.language,
            emotion=sentence.emotion,
            event=sentence.event,
            flags=flags,
            corrections=corrections,
        )

    def _number(self, start_ms: float) -> int:
        """The sample that a sentence begins with; no two have the same."""
        begun = [said for said in self._said if said.start_ms <= start_ms] or [self._said[0]]
        since_ms = max(start_ms - begun[-1].start_ms, 0.0)
        number = begun[-1].first_sample + round(since_ms * SAMPLES_PER_MS)
        self._last_id = max(number, self._last_id + 1)
        return self._last_id


def _hot_words(plan: SpeechPlan) -> HotWords:
    """Those of the plan; none where they cannot be read, and the text stays as it was heard."""
    try:
        return HotWords(plan.hot_words)
    except SpeechMissing as exc:
        log.warning("hot_words_not_used", error=exc.message)
        return HotWords(())


def without_front(transcript: Transcript, front_s: float) -> Transcript:
    """Without what begins in the first `front_s`, with times that begin behind them."""
    if not front_s:
        return transcript
    left = [token for token in transcript.tokens if token.start_s < front_s]
    kept = transcript.tokens[len(left) :]
    front = "".join(token.text for token in left)
    text = "".join(token.text for token in kept).replace(_WORD_BEGINS, " ")
    if transcript.text.startswith(front):
        text = transcript.text[len(front) :]
    return Transcript(
        text,
        tuple(Token(token.text, token.start_s - front_s) for token in kept),
        transcript.language,
        transcript.emotion,
        transcript.event,
    )


def _extent(cut: Cut, rules: SegmenterRules, transcript: Transcript) -> tuple[int, int]:
    """From which sample to which the words last.

    The first token says when they begin, but none says how long it lasts: the end is that of the
    stretch, less the silence that was kept behind it.
    """
    first = cut.start
    last = cut.end
    if transcript.tokens:
        first += round(max(transcript.tokens[0].start_s, 0.0) * SAMPLE_HZ)
        last = cut.start + round((transcript.tokens[-1].start_s + _LAST_SYMBOL_S) * SAMPLE_HZ)
    silence_s = {
        "silence": rules.post_roll_s,
        "end": rules.post_roll_s,
        "soft": min(rules.soft_silence_s, rules.post_roll_s),
        "hard": 0.0,
    }[cut.cause]
    last = min(max(last, cut.end - round(silence_s * SAMPLE_HZ)), cut.end)
    return min(first, cut.end - _LEAST), max(last, first + _LEAST)


def _rms(pcm: bytes) -> float:
    import numpy as np  # a tenth of a second that a server need not spend at its start

    samples = np.frombuffer(pcm, "<i2").astype(np.float64) / 32768
    return float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0
