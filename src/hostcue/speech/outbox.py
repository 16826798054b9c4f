"""What a session tells, on its way to whoever stores it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Callable

import anyio
import structlog

from hostcue.errors import HostcueError
from hostcue.log import redact_text
from hostcue.model.speech import Level, Partial, SpeechEvent
from hostcue.model.utterance import Utterance
from hostcue.speech.change import Change

log = structlog.get_logger(__name__)

_MOST_MISTAKES = 5

Emit = Callable[[SpeechEvent], Awaitable[None]]


class Outbox:
    """Hands events on one by one, in order; one that is not taken is tried again until it is.

    Nothing in it is dropped for want of room: whoever fills it looks whether it is `full` first.
    What is worth nothing a moment later, a level or a partial text, goes in only while nothing
    waits. One at which whoever takes it fails with an error that is no `HostcueError`, a mistake of
    ours, time and again, is given up: all that follows would wait for it.
    """

    def __init__(
        self,
        emit: Emit,
        *,
        most: int,
        retry_s: tuple[float, float],
        on_taken: Callable[[], None],
        patience_s: float = math.inf,
    ) -> None:
        """What is not taken for `patience_s` ends `run` with the error that it met."""
        self._emit = emit
        self._most = most
        self._retry_s = retry_s
        self._on_taken = on_taken
        self._patience_s = patience_s
        self._mistakes = 0
        self._waiting: deque[SpeechEvent] = deque()
        self._changed = Change()

    @property
    def full(self) -> bool:
        """Whether as much waits as may."""
        return len(self._waiting) >= self._most

    @property
    def empty(self) -> bool:
        """Whether everything is handed on."""
        return not self._waiting

    def put(self, event: SpeechEvent) -> None:
        """Hand this on, in its turn."""
        if isinstance(event, (Level, Partial)) and self._waiting:
            return
        self._waiting.append(event)
        self._changed.tell()

    def owes(self, until_ms: int) -> bool:
        """Whether something that was said before that moment waits."""
        return any(
            isinstance(event, Utterance) and event.start_ms < until_ms for event in self._waiting
        )

    async def run(self) -> None:
        """Hand on what is put in, for ever."""
        while True:
            while self._waiting:
                await self._hand_on()
            await self._changed.wait()

    async def _hand_on(self) -> None:
        """The first one, however often that has to be tried."""
        wait_s, longest_s = self._retry_s
        end_s = anyio.current_time() + self._patience_s
        while (error := await self._try_first()) is not None:
            if anyio.current_time() >= end_s:
                raise error
            await anyio.sleep(wait_s)
            wait_s = min(2 * wait_s, longest_s)

    async def _try_first(self) -> Exception | None:
        """Hand on the first one; else why it has to be tried again."""
        event = self._waiting[0]
        try:
            await self._emit(event)
        except Exception as exc:  # noqa: BLE001 - whatever a store fails with, the words stay
            kind, error = type(event).__name__, type(exc).__name__
            if isinstance(exc, HostcueError):
                error = redact_text(exc.message)
            else:  # its text may hold what was said
                self._mistakes += 1
            log.warning("speech_not_taken", kind=kind, error=error)
            if self._mistakes < _MOST_MISTAKES and not isinstance(event, (Level, Partial)):
                return exc
            if self._mistakes:
                log.error("speech_given_up", kind=kind, error=error)
        self._mistakes = 0
        self._waiting.popleft()
        self._changed.tell()
        self._on_taken()
        return None

    async def drain(self) -> None:
        """Returns once nothing waits."""
        while self._waiting:
            await self._changed.wait()

    async def last_words(self, within_s: float) -> int:
        """Hand on what waits, each tried once, after `run` has ended; how many were lost."""
        with anyio.CancelScope(shield=True), anyio.move_on_after(within_s):
            while self._waiting and await self._try_first() is None:
                pass
        return len(self._waiting)
