"""One room's comment source, handed on in batches."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

import anyio
import structlog
from anyio.abc import TaskStatus

from hostcue.comments.backlog import Backlog
from hostcue.comments.pulse import Pulse
from hostcue.errors import HostcueError, InternalError
from hostcue.log import redact_text
from hostcue.model.comment import Gap, LiveEvent, Tally, Way, WayTaken
from hostcue.model.room import DEFAULT_ACCESS, Access, Room
from hostcue.ports import CommentSource

log = structlog.get_logger(__name__)

CollectorState = Literal["connecting", "waiting", "live", "reconnecting", "ended", "failed"]
OnBatch = Callable[[list[LiveEvent]], Awaitable[None]]

_LAST_WORDS_S = 5.0
_WAITED_FOR = frozenset({"rooms_limit", "ingest_waiting"})
"""Causes of gaps in which nothing is wrong: it is not our turn yet."""


@dataclass(frozen=True, slots=True)
class CollectorHealth:
    """How a room's collection is doing.

    `reason` is a gap's cause or an error's code; `lag_ms` the median time between a comment's
    sending and its arrival, of the last ones; `dropped` counts likes and enters left out. `way`
    is how messages come, `way_reason` the code of why not by a better one; `remedy` what can be
    done, where an error said so. The rest is a `Tally`'s.
    """

    state: CollectorState
    reason: str
    last_message_age_ms: int | None
    messages_per_min: int
    reconnects: int
    lag_ms: int | None
    dropped: int
    last_error: str
    way: Way | None = None
    way_reason: str = ""
    remedy: str = ""
    clock_skew_ms: int | None = None
    repeated: int = 0
    unknown: int = 0
    unreadable: int = 0


class Collector:
    """Runs one source for one room, once.

    A batch that cannot be handed on is tried again until it can, while later events wait in a
    backlog, which never holds the source up.
    """

    def __init__(
        self,
        source: CommentSource,
        *,
        flush_s: float = 0.2,
        batch_size: int = 500,
        backlog: Backlog | None = None,
        retry_s: tuple[float, float] = (0.2, 10.0),
    ) -> None:
        self._source = source
        self._flush_s = flush_s
        self._batch_size = batch_size
        self._backlog = Backlog() if backlog is None else backlog
        self._retry_s = retry_s
        self._pulse = Pulse()
        self._state: CollectorState = "connecting"
        self._reason = ""
        self._reconnects = 0
        self._last_error = ""
        self._remedy = ""
        self._taken: WayTaken | None = None
        self._tally = Tally()

    @property
    def health(self) -> CollectorHealth:
        """The state of things now."""
        now_s = time.monotonic()
        return CollectorHealth(
            state=self._state,
            reason=self._reason,
            last_message_age_ms=self._pulse.age_ms(now_s),
            messages_per_min=self._pulse.per_minute(now_s),
            reconnects=self._reconnects,
            lag_ms=self._pulse.lag_ms,
            dropped=self._backlog.dropped,
            last_error=self._last_error,
            way=self._taken.way if self._taken else None,
            way_reason=self._taken.reason if self._taken else "",
            remedy=self._remedy_now(),
            clock_skew_ms=self._tally.clock_skew_ms,
            repeated=self._tally.repeated,
            unknown=sum(self._tally.unknown.values()),
            unreadable=sum(self._tally.unreadable.values()),
        )

    async def run(
        self,
        room: Room,
        access: Access = DEFAULT_ACCESS,
        *,
        on_batch: OnBatch,
        task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        """Collect until the broadcast ends; started means connected.

        What has arrived is handed on before this returns, raises, or is cancelled (then within
        five seconds). `on_batch` may be given a batch again that it took only in part, so it has
        to recognise a comment by its id. Raises what the source raises.
        """
        try:
            async with self._source.events(room, access) as events:
                self._state = "live"
                task_status.started()
                await self._collect(events, on_batch)
        except HostcueError as exc:
            self._fail(exc.code, exc.message, exc.remedy)
            raise
        except Exception as exc:
            self._fail(InternalError.code, redact_text(f"{type(exc).__name__}: {exc}"))
            raise
        self._state, self._reason = "ended", ""

    def _fail(self, code: str, error: str, remedy: str | None = None) -> None:
        self._state, self._reason = "failed", code
        self._last_error, self._remedy = error, remedy or ""

    def _remedy_now(self) -> str:
        """That of `reason`; where nothing is wrong now, that of the way that could not be taken."""
        if self._reason or self._taken is None:
            return self._remedy
        return self._taken.remedy

    async def _collect(self, events: AsyncIterator[LiveEvent], on_batch: OnBatch) -> None:
        failure: HostcueError | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._hand_on, on_batch)
            try:
                async for event in events:
                    self._note(event)
                    self._backlog.put(event)
            except HostcueError as exc:
                failure = exc  # raised when all that came before it has been handed on
            self._backlog.close()
        if failure is not None:
            raise failure

    def overhear(self, event: LiveEvent) -> None:
        """Count an event of this room that came by another door and is taken care of."""
        self._pulse.beat(event, time.monotonic())

    def _note(self, event: LiveEvent) -> None:
        self._pulse.beat(event, time.monotonic())
        match event:
            case Gap(cause=cause, end_ms=None):
                self._state = "waiting" if cause in _WAITED_FOR else "reconnecting"
                self._reason = cause
            case Gap():
                self._reconnects += self._state == "reconnecting"
                self._state, self._reason = "live", ""
            case WayTaken():
                self._taken = event
            case Tally():
                self._tally = event
            case _:
                pass

    async def _hand_on(self, on_batch: OnBatch) -> None:
        batch: list[LiveEvent] = []
        try:
            while batch := await self._backlog.take(self._batch_size, within_s=self._flush_s):
                await self._persist(batch, on_batch)
                batch = []
        except anyio.get_cancelled_exc_class():
            batch += self._backlog.rest()
            with anyio.CancelScope(shield=True), anyio.move_on_after(_LAST_WORDS_S):
                if not batch or await self._try(batch, on_batch):
                    batch = []
            if batch:
                log.error("comments_lost", events=len(batch))
            raise

    async def _persist(self, batch: list[LiveEvent], on_batch: OnBatch) -> None:
        wait_s, longest_s = self._retry_s
        while not await self._try(batch, on_batch):
            await anyio.sleep(wait_s)
            wait_s = min(2 * wait_s, longest_s)

    async def _try(self, batch: list[LiveEvent], on_batch: OnBatch) -> bool:
        try:
            await on_batch(batch)
        except Exception as exc:  # noqa: BLE001 - whatever a store fails with, comments stay
            self._last_error = redact_text(f"{type(exc).__name__}: {exc}")
            log.warning("batch_not_taken", events=len(batch), error=self._last_error)
            return False
        return True
