"""One room that is listened to: its sound becomes text, with the times at which it was said."""

from __future__ import annotations

import math

import anyio
import structlog
from anyio.abc import TaskStatus

from hostcue.errors import ConfigError, HostcueError, InternalError
from hostcue.model.clock import now_ms
from hostcue.model.sound import SAMPLE_HZ, Sound
from hostcue.model.speech import (
    Level,
    SpeechPlan,
    SpeechState,
    SpeechStateChanged,
    SpeechTally,
)
from hostcue.model.utterance import UtteranceSource
from hostcue.speech.engine import SpeechEngine
from hostcue.speech.hearing import Hearing
from hostcue.speech.outbox import Emit, Outbox
from hostcue.speech.partials import Partials
from hostcue.speech.session_state import SessionState
from hostcue.speech.sound_buffer import SoundBuffer, sound_in_parts
from hostcue.speech.telling import Telling

__all__ = ["Emit", "SpeechSession"]

log = structlog.get_logger(__name__)

_STOPPED = "stopped"
_LAST_WORDS_S = 2.0
_LATE_MS = 2_000  # sound that is later than this does not come


class SpeechSession:
    """Takes a room's sound and tells what was said, and which of the sound was heard.

    Sound is held until it is known what is said in it, so nothing is lost with an ear or a
    recogniser that ends. What is given up, because more than `backlog_s` are unresolved (see
    `Hearing`), is told as a `Gap` once what follows it is heard. While the engine is missing or
    down, the session waits; one that hears a file (`source` is not `live`) raises.

    `emit` gets the events one by one. One with which it fails is given to it again, so it has to
    know an utterance by its id. A `Heard` comes after the sentences of its span. Holes of the
    stream are not told here: who connects to it knows their cause.
    """

    def __init__(
        self,
        session_id: str,
        plan: SpeechPlan,
        *,
        engine: SpeechEngine,
        emit: Emit,
        backlog_s: float = 30.0,
        source: UtteranceSource = "live",
        idle_s: float = 8.0,
        cover_s: float = 5.0,
        retry_s: tuple[float, float] = (0.25, 3.0),
        most_untold: int = 200,
        patience_s: float = 60.0,
    ) -> None:
        """After `idle_s` without sound what is being said is over; `cover_s`: spans are told.

        A live session waits for ever for who takes its events, one that hears a file `patience_s`.
        """
        live = source == "live"
        self.session_id = session_id
        self._plan = plan
        self._engine = engine
        self._buffer = SoundBuffer()
        self._state = SessionState(
            self._told_state, may_go_on=lambda: not self._outbox.full, patient=live
        )
        self._outbox = Outbox(
            emit,
            most=most_untold,
            retry_s=retry_s,
            on_taken=self._state.changed.tell,
            patience_s=math.inf if live else patience_s,
        )
        self._telling = Telling(
            session_id, plan, self._buffer, self._outbox, source=source, cover_s=cover_s
        )
        self._hearing = Hearing(
            engine,
            plan,
            self._buffer,
            self._telling,
            state=self._state,
            urgency="live" if live else "offline",
            backlog_s=backlog_s,
            idle_s=idle_s,
            retry_s=retry_s,
        )
        self._partials = Partials(
            engine, self._buffer, plan, may=self._may_tell_partial, tell=self._telling.partial
        )
        self._work: anyio.CancelScope | None = None
        self._deadline = math.inf
        self._started = False
        self._over = anyio.Event()

    @property
    def state(self) -> SpeechState:
        """How it stands."""
        return self._state.state

    @property
    def reason(self) -> str:
        """Why it waits or failed, as a code; empty when all is well."""
        return self._state.reason

    @property
    def remedy(self) -> str:
        """What can be done about that."""
        return (self._state.error.remedy or "") if self._state.error else ""

    @property
    def plan(self) -> SpeechPlan:
        """The rules in force."""
        return self._plan

    @property
    def level(self) -> Level | None:
        """How loud it was of late; None before the first sound."""
        return self._telling.level

    @property
    def tally(self) -> SpeechTally:
        """What became of the sound so far."""
        buffer, telling = self._buffer, self._telling
        return SpeechTally(
            received_s=buffer.received / SAMPLE_HZ,
            heard_s=buffer.heard / SAMPLE_HZ,
            speech_s=telling.speech / SAMPLE_HZ,
            held_s=buffer.held / SAMPLE_HZ,
            lag_s=(buffer.received - self._hearing.known) / SAMPLE_HZ,
            dropped_s={cause: count / SAMPLE_HZ for cause, count in buffer.dropped.items()},
            utterances=telling.with_text,
            empty=telling.empty,
            retried=self._hearing.retried,
            events=dict(telling.events),
        )

    def take(self, sound: Sound) -> None:
        """Here is more sound; never waits. What comes after `end` is nobody's."""
        if self._state.closing or self._over.is_set():
            return
        self._hearing.take(sound)

    async def offer(self, sound: Sound) -> None:
        """Like `take`, but waits for room, so that nothing is given up; for what is in no hurry."""
        for part in sound_in_parts(sound):
            while not self._hearing.has_room_for(part):
                if self._over.is_set() or self._state.closing:
                    return
                await self._state.changed.wait()
            self.take(part)

    def adopt(self, plan: SpeechPlan) -> None:
        """By these rules from the sound on that comes next; nothing is lost."""
        self._plan = plan
        self._hearing.adopt(plan)
        self._telling.adopt(plan)
        self._partials.adopt(plan)

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Listen until `end`; started means that sound may come.

        What is known when this is cancelled is told within seconds, the rest given up.

        Raises:
            SpeechMissing, ModelRefused, EngineDied: a file cannot be heard.
            Exception: what `emit` failed with, for too long.
        """
        self._started = True
        error: BaseException | None = None
        try:
            async with anyio.create_task_group() as company:
                company.start_soon(self._outbox.run)
                company.start_soon(self._telling.keep_time)
                company.start_soon(self._partials.run, self._hearing.listening)
                task_status.started()
                with anyio.CancelScope(deadline=self._deadline) as self._work:
                    await self._hearing.run()
                self._finish("stopped")
                with anyio.CancelScope(deadline=self._deadline_for_rest()):
                    await self._outbox.drain()
                company.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            # The groups are ours, the error in them that of one part: unwrap it.
            error = _only(group)
            code = error.code if isinstance(error, HostcueError) else InternalError.code
            self._state.become("failed", code)
        finally:
            await self._leave()
        if error is not None:
            raise error

    async def end(self, within_s: float = 8.0) -> None:
        """No more sound comes: the rest is heard and told, as far as it can be in that time.

        The rest of that is given up, with the cause `stopped`.
        """
        self._state.close()
        hopeless = isinstance(self._state.error, ConfigError)
        self._deadline = anyio.current_time() + (0 if hopeless else within_s)
        if self._work is not None:
            self._work.deadline = self._deadline
        if self._started:
            await self._over.wait()
        else:
            self._finish("stopped")
            self._over.set()

    async def settled(self, until_ms: int) -> None:
        """Returns once all that was said before that moment is told, or given up; its spans too.

        Sound that is missing is waited for until two seconds behind that moment.
        """
        await anyio.lowlevel.checkpoint()
        while not (self._over.is_set() or self._is_settled(until_ms)):
            await self._state.changed.wait(0.5)
        self._telling.cover()
        while not (self._over.is_set() or self._outbox.empty):
            await self._state.changed.wait(0.5)

    def _told_state(self, state: SpeechState, reason: str) -> None:
        self._outbox.put(SpeechStateChanged(state, reason, now_ms()))

    def _may_tell_partial(self) -> bool:
        """Whether nothing that matters more waits."""
        return not (self._engine.waiting or self._hearing.pending) and self._outbox.empty

    def _is_settled(self, until_ms: int) -> bool:
        first, clock = self._buffer.first(), self._buffer.clock
        if self._telling.owes(until_ms):
            return False
        if clock.end_ms >= until_ms:
            return first is None or clock.begin_ms(first) >= until_ms
        return self._hearing.at_rest and now_ms() >= until_ms + _LATE_MS

    def _finish(self, state: SpeechState) -> None:
        """Nothing more is heard: give up what is held, tell the last words."""
        self._state.close()
        self._hearing.give_up(_STOPPED)
        self._telling.finish()
        if self._state.state != "failed":
            self._state.become(state)

    def _deadline_for_rest(self) -> float:
        least = anyio.current_time() + _LAST_WORDS_S
        return max(least, self._deadline)

    async def _leave(self) -> None:
        """However it ended; nothing that can still be told is kept."""
        self._finish("stopped")
        lost = await self._outbox.last_words(_LAST_WORDS_S)
        if lost:
            log.error("speech_untold", session=self.session_id, events=lost)
        self._over.set()
        self._state.changed.tell()


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
