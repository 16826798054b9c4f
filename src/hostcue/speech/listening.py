"""Where in a room's sound somebody speaks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import anyio

from hostcue.errors import EngineDied, ModelRefused, SpeechMissing
from hostcue.model.sound import SAMPLE_BYTES, SAMPLE_HZ
from hostcue.model.speech import SpeechPlan
from hostcue.speech.engine import Ear, Looked, SpeechEngine
from hostcue.speech.recognising import Stretch
from hostcue.speech.segmenter import Cut
from hostcue.speech.session_state import Patience, SessionState
from hostcue.speech.sound_buffer import ENGINE, SoundBuffer, Step

_LEAST = SAMPLE_HZ // 5  # samples that are worth a call, which costs as much as the looking
_MOST = SAMPLE_HZ
_TRIES = 3
_LEAVE_S = 1.0


class Listening:
    """Gives held sound to an ear, in order, and tells the cuts that it makes.

    The ear may end at any time: another one begins at the first sample that is in no cut, and
    hears again what is held since. Sound at which three of them ended is given up: all rooms have
    one process in common, so that may have been another one's sound.
    """

    def __init__(
        self,
        engine: SpeechEngine,
        buffer: SoundBuffer,
        plan: SpeechPlan,
        *,
        state: SessionState,
        on_cut: Callable[[Stretch], None],
        on_look: Callable[[Step, Looked], None],
        patience: Patience,
        idle_s: float,
    ) -> None:
        self._engine = engine
        self._buffer = buffer
        self._plans = [(0, plan)]
        self._state = state
        self._on_cut = on_cut
        self._on_look = on_look
        self._patience = patience
        self._idle_s = idle_s
        self._ear: Ear | None = None
        self._died_at = -1
        self._deaths = 0
        self._last_sound = (0, 0.0)
        self._tail = (-1, b"")
        self.until = 0
        self.given = 0
        self.speaking_from: int | None = None

    def adopt(self, plan: SpeechPlan) -> None:
        """By these rules from the sound on that comes next; what is being said ends there."""
        at, last = self._buffer.received, self._plans[-1][1]
        if (plan.segmenter, plan.language) != (last.segmenter, last.language):
            self._plans = [*(one for one in self._plans if one[0] < at), (at, plan)]

    def _plan(self, sample: int) -> SpeechPlan:
        """By which the sound from that sample on is listened to."""
        return [plan for at, plan in self._plans if at <= sample][-1]

    async def run(self) -> None:
        """Listen until no more sound comes and all of it was listened to."""
        try:
            while not (self._state.closing and self._buffer.first(self.until) is None):
                await self._go_on()
        finally:
            with anyio.CancelScope(shield=True), anyio.move_on_after(_LEAVE_S):
                await self._leave()

    async def _go_on(self) -> None:
        if not self._state.may_go_on():
            await self._state.changed.wait()
            return
        step = self._next_step()
        try:
            if step is None:
                await self._wait()
            elif step.torn and self._ear is not None:
                await self._end_here(self._ear)
            else:
                await self._look(step)
        except EngineDied as exc:
            self._state.note("ear", exc)
            self._start_again()
            await self._patience.wait()
        except (SpeechMissing, ModelRefused) as exc:
            self._state.note("ear", exc)
            await self._patience.wait()

    def _next_step(self) -> Step | None:
        """What to give next; None if it is not worth a call yet."""
        step = self._buffer.step(self.given, _MOST)
        if step is None:
            return None
        for at, _ in self._plans[1:]:
            if at == step.start:
                step = replace(step, torn=True)
            elif step.start < at < step.end:
                step = replace(step, pcm=step.pcm[: (at - step.start) * SAMPLE_BYTES])
        short = step.end - step.start < _LEAST and step.end == self._buffer.received
        return None if short and self._idle_left_s() > 0 else step

    def _idle_left_s(self) -> float:
        """How long to wait for more sound before what was said counts as over."""
        now_s = anyio.current_time()
        if self._last_sound[0] != self._buffer.received:
            self._last_sound = (self._buffer.received, now_s)
        return 0 if self._state.closing else self._last_sound[1] + self._idle_s - now_s

    async def _wait(self) -> None:
        left_s = self._idle_left_s()
        if self._ear is None and self._buffer.first(self.given) is None:
            await self._state.changed.wait()
        elif left_s > 0:
            await self._state.changed.wait(left_s)
        elif self._ear is not None:
            await self._end_here(self._ear)

    async def _look(self, step: Step) -> None:
        if self._ear is None:
            self.given = self.until = step.start
            rules = self._plan(step.start).segmenter
            self._ear = await self._engine.open_ear(rules, at=step.start)
        self.given = step.end
        looked = await self._ear.look(step.pcm)
        self._state.note("ear", None)
        self._patience.reset()
        self._resolve(looked, looked.until)
        self._on_look(step, looked)

    async def _end_here(self, ear: Ear) -> None:
        """What comes next does not follow: all that was given is dealt with."""
        self._resolve(await ear.flush(), self.given)
        await self._leave()

    def _resolve(self, looked: Looked, until: int) -> None:
        at = self.until
        for cut in looked.cuts:
            self._buffer.hear(at, cut.start)
            self._on_cut(self._stretch(cut))
            at = cut.end
        self._buffer.hear(at, until)
        self.until = max(at, until)
        self.speaking_from = looked.speaking_from
        self._state.changed.tell()

    def _stretch(self, cut: Cut) -> Stretch:
        """With the sound before it that was cut off in the middle of speech, where rules ask so."""
        plan = self._plan(cut.start)
        at, before = self._tail
        overlap = round(plan.segmenter.overlap_s * SAMPLE_HZ)
        if cut.cause == "hard" and overlap:
            tail = self._buffer.pcm(max(cut.start, cut.end - overlap), cut.end)
            self._tail = (cut.end, tail)
        return Stretch(cut, plan, before if at == cut.start else b"")

    def _start_again(self) -> None:
        """With another ear, at the first sample that is in no cut."""
        opened, self._ear = self._ear is not None, None
        self.speaking_from = None
        if opened:
            self._deaths = self._deaths + 1 if self.given <= self._died_at else 1
            self._died_at = self.given
            if self._deaths >= _TRIES:
                self._buffer.drop(self.until, self.given, ENGINE)
                self._deaths, self.until = 0, self.given
        self.given = self.until

    async def _leave(self) -> None:
        ear, self._ear = self._ear, None
        if ear is not None:
            with suppress(EngineDied):
                await ear.close()
