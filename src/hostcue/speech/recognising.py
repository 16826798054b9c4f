"""Stretches of speech of one room, and what is said in them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from hostcue.errors import EngineDied, ModelRefused, SpeechMissing
from hostcue.model.sound import SAMPLE_BYTES
from hostcue.model.speech import SpeechPlan, Transcript
from hostcue.speech.engine import SpeechEngine
from hostcue.speech.segmenter import Cut
from hostcue.speech.session_state import Patience, SessionState
from hostcue.speech.sound_buffer import ENGINE, SoundBuffer

_TRIES = 2


@dataclass(eq=False, slots=True)
class Stretch:
    """One of them; `before` is sound in front of it that the recogniser hears once more."""

    cut: Cut
    plan: SpeechPlan
    before: bytes = b""
    tries: int = 0
    being_heard: bool = False

    @property
    def before_samples(self) -> int:
        """How much of `before` there is."""
        return len(self.before) // SAMPLE_BYTES


class Stretches:
    """A queue, of which the oldest may be taken away unheard."""

    def __init__(self) -> None:
        self._waiting: deque[Stretch] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, stretch: Stretch) -> None:
        """One more, behind the others."""
        self._waiting.append(stretch)

    @property
    def first(self) -> Stretch | None:
        """The oldest one; it stays until it is `done`."""
        return self._waiting[0] if self._waiting else None

    def done(self, stretch: Stretch) -> None:
        """It is heard, or given up."""
        self._waiting.remove(stretch)

    def oldest_unheard(self) -> Stretch | None:
        """The one to give up first: nobody hears it at the moment."""
        return next((one for one in self._waiting if not one.being_heard), None)


class Recognising:
    """Has the stretches recognised in order, one at a time, so that rooms take turns.

    One at which the engine died twice is given up. While there is no engine to ask, none is being
    heard, so that too many of them can be given up.
    """

    def __init__(
        self,
        engine: SpeechEngine,
        buffer: SoundBuffer,
        stretches: Stretches,
        *,
        state: SessionState,
        urgency: Literal["live", "offline"],
        on_heard: Callable[[Stretch, Transcript, bytes], None],
        patience: Patience,
    ) -> None:
        self._engine = engine
        self._buffer = buffer
        self._stretches = stretches
        self._state = state
        self._urgency: Literal["live", "offline"] = urgency
        self._on_heard = on_heard
        self._patience = patience
        self.retried = 0

    async def run(self, listening_over: Callable[[], bool]) -> None:
        """Recognise until no more stretches come."""
        while not (listening_over() and self._stretches.first is None):
            stretch = self._stretches.first
            if stretch is None or not self._state.may_go_on():
                await self._state.changed.wait()
                continue
            stretch.being_heard = True
            try:
                await self._hear(stretch)
            except EngineDied as exc:
                self._state.note("recogniser", exc)
                self._try_again(stretch)
            except (SpeechMissing, ModelRefused) as exc:
                self._state.note("recogniser", exc)
                stretch.being_heard = False
                await self._patience.wait()

    async def _hear(self, stretch: Stretch) -> None:
        cut = stretch.cut
        pcm = self._buffer.pcm(cut.start, cut.end)
        transcript = await self._engine.transcribe(
            stretch.before + pcm, language=stretch.plan.language, urgency=self._urgency
        )
        self._state.note("recogniser", None)
        self._patience.reset()
        self._stretches.done(stretch)
        self._on_heard(stretch, transcript, pcm)
        self._state.changed.tell()

    def _try_again(self, stretch: Stretch) -> None:
        stretch.tries += 1
        if stretch.tries < _TRIES:
            self.retried += 1
            return
        self._stretches.done(stretch)
        self._buffer.drop(stretch.cut.start, stretch.cut.end, ENGINE)
        self._state.changed.tell()
