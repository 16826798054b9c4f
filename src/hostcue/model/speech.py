"""How a room is listened to, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hostcue.model.comment import Gap
from hostcue.model.utterance import Utterance

Profile = Literal["fast", "balanced", "stable", "offline"]
CutCause = Literal["silence", "soft", "hard", "end"]
"""Why a stretch of speech ends: the host paused; paused briefly, late in a long one; it had to be
cut; no more sound came."""
SpeechState = Literal["starting", "listening", "reconnecting", "waiting", "stopped", "failed"]
"""`waiting`: the recogniser is down or being loaded, sound is kept meanwhile."""


@dataclass(frozen=True, slots=True)
class SegmenterRules:
    """Where speech is cut; all in seconds, thresholds as probabilities of the voice detector.

    `floor_rms` (0..1) is a loudness under which nothing counts as speech; 0 asks for none.
    `overlap_s` is how much of the end of a hard-cut stretch the next one hears again.
    """

    threshold: float
    release: float
    min_speech_s: float
    pre_roll_s: float
    post_roll_s: float
    min_silence_s: float
    soft_max_s: float
    soft_silence_s: float
    hard_max_s: float
    overlap_s: float = 0.0
    floor_rms: float = 0.0


@dataclass(frozen=True, slots=True)
class AssemblerRules:
    """When what was heard becomes a sentence.

    `max_wait_s` after the last text it is one, whatever it ends with; inf: never. With `max_chars`
    it is long enough. Shorter ones than `min_chars` wait for more, within `max_wait_s`.
    `silence_flush` stretches without a word end it.
    """

    max_wait_s: float
    max_chars: int
    min_chars: int
    silence_flush: int = 2


@dataclass(frozen=True, slots=True)
class SpeechPlan:
    """How one room is listened to; `chunk_s` is how often levels and partial texts are told."""

    profile: Profile
    chunk_s: float
    segmenter: SegmenterRules
    assembler: AssemblerRules
    partials: bool = False
    language: str = "zh"
    hot_words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Token:
    """One symbol of a transcript, and when it begins, in seconds from the first sample."""

    text: str
    start_s: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a recogniser heard in one stretch; tags as in `Utterance`."""

    text: str
    tokens: tuple[Token, ...] = ()
    language: str = ""
    emotion: str = ""
    event: str = ""


@dataclass(frozen=True, slots=True)
class Partial:
    """What the stretch that is being spoken sounds like so far; the next one replaces it."""

    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Level:
    """How loud it was of late (root mean square, 0..1), and whether somebody speaks."""

    at_ms: int
    rms: float
    speaking: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """A span that was listened to, to its end: what was said in it is known."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStateChanged:
    """Listening goes on in another way; `reason` is a code, empty when all is well."""

    state: SpeechState
    reason: str
    at_ms: int


SpeechEvent = Utterance | Partial | Level | Heard | Gap | SpeechStateChanged
"""What a session tells. A `Gap` is told once, closed; its cause is `overload`, `engine`, or what
broke the stream."""


@dataclass(frozen=True, slots=True)
class SpeechTally:
    """What became of a session's sound so far, in seconds: received = heard + dropped + held.

    Of what was heard, `speech_s` went to the recogniser; `held_s` waits. `lag_s` is how far the
    last known word is behind the sound. `utterances` and `empty` count stretches with and without
    text, `retried` those that were tried a second time.
    """

    received_s: float = 0.0
    heard_s: float = 0.0
    speech_s: float = 0.0
    held_s: float = 0.0
    lag_s: float = 0.0
    dropped_s: Mapping[str, float] = field(default_factory=dict[str, float])
    utterances: int = 0
    empty: int = 0
    retried: int = 0
    events: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def coverage(self) -> float:
        """The share of the sound that was or will be heard, 0..1."""
        lost_s = sum(self.dropped_s.values())
        return 1 - lost_s / self.received_s if self.received_s else 1.0
