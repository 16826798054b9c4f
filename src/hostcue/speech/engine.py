"""Speech becomes text, in processes of its own: they may crash or hang, and others take over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Self

import anyio
import structlog
from anyio.abc import TaskGroup

from hostcue.errors import Conflict, EngineDied, HostcueError
from hostcue.log import redact_text
from hostcue.model.sound import BYTES_PER_S
from hostcue.model.speech import SegmenterRules, Transcript
from hostcue.speech.child import Child
from hostcue.speech.keeper import EngineState, Keeper, Limits
from hostcue.speech.protocol import (
    Answer,
    CloseEar,
    Done,
    Failed,
    Flush,
    Look,
    Looked,
    OpenEar,
    Order,
    Recognise,
)
from hostcue.speech.shelf import ModelFiles
from hostcue.speech.turns import Turn, Turns, Urgency

__all__ = ["Ear", "EngineState", "EngineStatus", "Limits", "Looked", "SpeechEngine", "Urgency"]

_LEAVE_S = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """How the engine is; `code`, `error` and `remedy` say why it is `missing` or `down`.

    `idle`: no model is loaded, because nothing was to be recognised. `pids` are its processes.
    """

    state: EngineState
    model: str
    code: str
    error: str
    remedy: str
    pids: tuple[int, ...] = ()


class Ear:
    """One stream of sound, cut into stretches of speech in a process that all ears share.

    Each call raises EngineDied once that process has ended: open another ear then, and give it the
    sound again from the last `until` on.
    """

    def __init__(self, keeper: Keeper, child: Child, number: int, others: set[Ear]) -> None:
        self._keeper = keeper
        self._child = child
        self._number = number
        self._others = others
        others.add(self)

    async def look(self, pcm: bytes) -> Looked:
        """Hear what follows what was given before."""
        return await self._looked(Look(self._number, pcm))

    async def flush(self) -> Looked:
        """Cut what is being spoken where the sound ends; other sound may follow."""
        return await self._looked(Flush(self._number))

    async def close(self) -> None:
        """Nothing follows any more."""
        self._others.discard(self)
        if self._child.alive:
            await self._ask(CloseEar(self._number))

    async def _looked(self, order: Order) -> Looked:
        answer = await self._ask(order)
        if not isinstance(answer, Looked):
            await self.close()  # whoever has it opens another one
            raise EngineDied(f"the speech ear could not do it: {_why(answer)}")
        self._keeper.served()
        return answer

    async def _ask(self, order: Order) -> Answer:
        try:
            return await self._child.ask(order, within_s=self._keeper.limits.answer_s)
        except EngineDied:
            self._others.discard(self)
            raise

    async def open(self, rules: SegmenterRules, at: int) -> None:
        """The first word to it; the engine says it."""
        try:
            answer = await self._ask(OpenEar(self._number, at, rules))
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True), anyio.move_on_after(_LEAVE_S):
                await self.close()
            raise
        if not isinstance(answer, Done):
            self._others.discard(self)
            raise EngineDied(f"no ear could be opened: {_why(answer)}")


class SpeechEngine:
    """Finds speech in sound, and recognises it."""

    def __init__(
        self, find: Callable[[], ModelFiles], tasks: TaskGroup, workers: int, limits: Limits
    ) -> None:
        self._limits = limits
        self._turns = Turns()
        self._ears = Keeper("ear", find, tasks, limits)
        self._recognisers = [Keeper("recogniser", find, tasks, limits) for _ in range(workers)]
        self._open = set[Ear]()
        self._numbers = count(1)
        self._closed = False

    @classmethod
    @asynccontextmanager
    async def open(
        cls, find: Callable[[], ModelFiles], *, workers: int = 1, limits: Limits | None = None
    ) -> AsyncIterator[Self]:
        """No process runs before the first use, and none is left at the end.

        `find` says what to load. It is asked anew whenever a process is started, in a thread; what
        it raises, whoever needed the process gets. Each of the `workers` holds a model of its own.
        """
        async with anyio.create_task_group() as tasks:
            engine = cls(find, tasks, workers, limits or Limits())
            try:
                for keeper in engine._recognisers:
                    tasks.start_soon(engine._work, keeper)
                tasks.start_soon(engine._mind_ears)
                yield engine
            finally:
                await engine._close()
                tasks.cancel_scope.cancel()

    @property
    def waiting(self) -> int:
        """How many live stretches wait for a recogniser."""
        return self._turns.live

    @property
    def status(self) -> EngineStatus:
        """How it stands; starts nothing."""
        keepers = [*self._recognisers, self._ears]
        error = next((keeper.error for keeper in keepers if keeper.error is not None), None)
        states = {keeper.state for keeper in self._recognisers}
        states |= {self._ears.state} - {"ready"}
        order: list[EngineState] = ["missing", "down", "loading", "ready"]
        return EngineStatus(
            next((state for state in order if state in states), "idle"),
            next((keeper.model for keeper in keepers if keeper.model), ""),
            error.code if error else "",
            error.message if error else "",
            (error.remedy or "") if error else "",
            tuple(child.pid for keeper in keepers if (child := keeper.running) is not None),
        )

    async def open_ear(self, rules: SegmenterRules, at: int) -> Ear:
        """An ear for a stream whose first sample has the number `at`.

        Raises:
            SpeechMissing, ModelRefused: there is nothing to hear with; says what to do.
            EngineDied: its process ended; another one starts.
        """
        child = await self._ears.child()
        ear = Ear(self._ears, child, next(self._numbers), self._open)
        await ear.open(rules, at)
        return ear

    async def transcribe(self, pcm: bytes, *, language: str, urgency: Urgency) -> Transcript:
        """What is said in this sound; waits its turn, live before offline before partial.

        Raises:
            Conflict: it is a `partial` one, for which nobody has time.
            SpeechMissing, ModelRefused: there is nothing to recognise with; says what to do.
            EngineDied: its process ended, or took too long; another one starts. Ask once more.
        """
        if self._closed:
            raise EngineDied("the speech engine was closed")
        if urgency == "partial" and not self._turns.idle:
            raise Conflict("the recogniser is busy")
        turn = Turn(urgency, language, pcm)
        self._turns.add(turn)
        try:
            await turn.done.wait()
        finally:
            self._turns.withdraw(turn)
        if isinstance(turn.outcome, Transcript):
            return turn.outcome
        raise turn.outcome or EngineDied("the speech engine was closed")

    async def _work(self, keeper: Keeper) -> None:
        while True:
            turn = await self._next(keeper)
            try:
                turn.end(await self._recognise(keeper, turn))
            except HostcueError as exc:
                turn.end(exc)
            except Exception as exc:
                log.exception("recognising_failed", error=exc)
                turn.end(EngineDied("recognising failed; the log says why"))
            finally:
                if not turn.done.is_set():
                    turn.end(EngineDied("the speech engine was closed"))

    async def _next(self, keeper: Keeper) -> Turn:
        with anyio.move_on_after(self._limits.idle_s):
            while True:
                with anyio.move_on_after(self._limits.ping_s):
                    return await self._turns.take()
                await keeper.ping()
        await keeper.rest()
        return await self._turns.take()

    async def _recognise(self, keeper: Keeper, turn: Turn) -> Transcript:
        child = await keeper.child(turn.language)
        length_s = len(turn.pcm) / BYTES_PER_S
        order = Recognise(turn.language, turn.pcm)
        within_s = max(self._limits.answer_s, 2 * length_s)
        answer = await child.ask(order, within_s=within_s)
        if not isinstance(answer, Transcript):
            raise EngineDied(f"the recogniser could not do it: {_why(answer)}")
        keeper.served()
        return answer

    async def _mind_ears(self) -> None:
        needed_s = anyio.current_time()
        while True:
            await anyio.sleep(min(self._limits.ping_s, self._limits.idle_s))
            if self._open:
                needed_s = anyio.current_time()
            if anyio.current_time() - needed_s >= self._limits.idle_s:
                await self._ears.rest()
            else:
                await self._ears.ping()

    async def _close(self) -> None:
        self._closed = True
        self._turns.clear(EngineDied("the speech engine was closed"))
        with anyio.CancelScope(shield=True):
            async with anyio.create_task_group() as tasks:
                for keeper in (self._ears, *self._recognisers):
                    tasks.start_soon(keeper.close)


def _why(answer: Answer) -> str:
    what = f"{answer.kind}: {answer.what}" if isinstance(answer, Failed) else "it said nothing"
    return redact_text(what)
