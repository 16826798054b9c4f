"""The sound of one room on its way through ear and recogniser."""

from __future__ import annotations

from typing import Literal

import anyio

from hostcue.model.sound import SAMPLE_BYTES, SAMPLE_HZ, Sound
from hostcue.model.speech import SpeechPlan, Transcript
from hostcue.speech.engine import Looked, SpeechEngine
from hostcue.speech.listening import Listening
from hostcue.speech.recognising import Recognising, Stretch, Stretches
from hostcue.speech.session_state import Patience, SessionState
from hostcue.speech.sound_buffer import OVERLOAD, SoundBuffer, Step
from hostcue.speech.telling import Telling

_SPARE_S = 2.0  # of sound is held beside the longest stretch of speech, whatever the bound
_UNHEARD = SAMPLE_HZ // 10  # so few samples may wait for more


class Hearing:
    """Holds sound until it is heard, and gives up the oldest where that takes too long.

    With more than `backlog_s` unresolved that is the stretch of speech that waits longest, or else
    the oldest sound that nobody listened to yet; never what the engine has in hand.
    """

    def __init__(
        self,
        engine: SpeechEngine,
        plan: SpeechPlan,
        buffer: SoundBuffer,
        telling: Telling,
        *,
        state: SessionState,
        urgency: Literal["live", "offline"],
        backlog_s: float,
        idle_s: float,
        retry_s: tuple[float, float],
    ) -> None:
        self._buffer = buffer
        self._telling = telling
        self._state = state
        self._backlog_s = backlog_s
        self._longest_s = plan.segmenter.hard_max_s
        self._stretches = Stretches()
        self.listening = Listening(
            engine,
            buffer,
            plan,
            state=state,
            on_cut=self._stretches.add,
            on_look=self._looked,
            patience=Patience(*retry_s),
            idle_s=idle_s,
        )
        self._recognising = Recognising(
            engine,
            buffer,
            self._stretches,
            state=state,
            urgency=urgency,
            on_heard=self._heard,
            patience=Patience(*retry_s),
        )
        self._listened = False

    @property
    def retried(self) -> int:
        """How many stretches were tried a second time."""
        return self._recognising.retried

    @property
    def pending(self) -> int:
        """How many stretches are to be recognised."""
        return len(self._stretches)

    @property
    def known(self) -> int:
        """The sample up to which it is known what was said, but for what is being said."""
        first = self._stretches.first
        return first.cut.start if first else min(self.listening.given, self._buffer.received)

    @property
    def at_rest(self) -> bool:
        """Whether nothing can be done before more sound comes, and nobody is speaking."""
        left = self._buffer.received - self.known
        return left <= _UNHEARD and self.listening.speaking_from is None

    def take(self, sound: Sound) -> None:
        """Hear this too."""
        self._buffer.put(sound)
        self._shed()
        self._state.changed.tell()

    def has_room_for(self, sound: Sound) -> bool:
        """Whether nothing would have to be given up for it."""
        length = len(sound.pcm) // SAMPLE_BYTES
        return not self._buffer.held or self._buffer.held + length <= self._most

    def adopt(self, plan: SpeechPlan) -> None:
        """By these rules from the sound on that comes next."""
        self._longest_s = plan.segmenter.hard_max_s
        self.listening.adopt(plan)
        self._state.changed.tell()

    async def run(self) -> None:
        """Until no more sound comes and all of it was heard."""
        async with anyio.create_task_group() as parts:
            parts.start_soon(self._recognising.run, lambda: self._listened)
            await self.listening.run()
            self._listened = True
            self._state.changed.tell()

    def give_up(self, cause: str) -> None:
        """All that is held."""
        self._buffer.drop(0, self._buffer.received, cause)
        while (stretch := self._stretches.first) is not None:
            self._stretches.done(stretch)

    def _looked(self, step: Step, looked: Looked) -> None:
        self._telling.looked(step, looked)
        self._tell_of_silence()

    def _heard(self, stretch: Stretch, transcript: Transcript, pcm: bytes) -> None:
        self._telling.heard(stretch, transcript, pcm)
        self._tell_of_silence()

    def _tell_of_silence(self) -> None:
        """What was said last may be over: nothing waits, and nobody speaks."""
        if not self._stretches:
            self._telling.quiet_until(self.listening.until)

    @property
    def _most(self) -> int:
        """How many samples are held at most."""
        return int(max(self._backlog_s, self._longest_s + _SPARE_S) * SAMPLE_HZ)

    def _shed(self) -> None:
        while (excess := self._buffer.held - self._most) > 0:
            stretch = self._stretches.oldest_unheard()
            if stretch is not None:
                self._stretches.done(stretch)
                self._buffer.drop(stretch.cut.start, stretch.cut.end, OVERLOAD)
                continue
            first = self._buffer.first(self.listening.given)
            if first is None:
                break
            self._buffer.drop(first, first + excess, OVERLOAD)
