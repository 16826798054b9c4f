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
from hostcue.errors import HostcueError
from hostcue.log import redact_text
from hostcue.model.comment import Gap, LiveEvent
from hostcue.model.room import DEFAULT_ACCESS, Access, Room
from hostcue.ports import CommentSource

log = structlog.get_logger(__name__)

CollectorState = Literal["connecting", "live", "reconnecting", "ended", "failed"]
OnBatch = Callable[[list[LiveEvent]], Awaitable[None]]

_LAST_WORDS_S = 5.0


@dataclass(frozen=True, slots=True)
class CollectorHealth:
    """How a room's collection is doing.

    `reason` is a gap's cause or an error's code; `lag_ms` the median time between a comment's
    sending and its arrival, of the last ones; `dropped` counts likes and enters left out.
    """

    state: CollectorState
    reason: str
    last_message_age_ms: int | None
    messages_per_min: int
    reconnects: int
    lag_ms: int | None
    dropped: int
    last_error: str


class Collector:
    """Runs one source for one room, once.

    A batch that cannot be handed on is tried again until it can, while later events wait in a
    bounded backlog: full, it first drops likes and enters, then holds the source up.
    """

    def __init__(
        self,
        source: CommentSource,
        *,
        flush_s: float = 0.2,
        batch_size: int = 500,
        backlog: int = 10_000,
        retry_s: tuple[float, float] = (0.2, 10.0),
    ) -> None:
        self._source = source
        self._flush_s = flush_s
        self._batch_size = batch_size
        self._backlog = Backlog(backlog)
        self._retry_s = retry_s
        self._pulse = Pulse()
        self._state: CollectorState = "connecting"
        self._reason = ""
        self._reconnects = 0
        self._last_error = ""

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
            self._state, self._reason, self._last_error = "failed", exc.code, exc.message
            raise
        self._state, self._reason = "ended", ""

    async def _collect(self, events: AsyncIterator[LiveEvent], on_batch: OnBatch) -> None:
        failure: HostcueError | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._hand_on, on_batch)
            try:
                async for event in events:
                    self._note(event)
                    await self._backlog.put(event)
            except HostcueError as exc:
                failure = exc  # raised when all that came before it has been handed on
            self._backlog.close()
        if failure is not None:
            raise failure

    def _note(self, event: LiveEvent) -> None:
        self._pulse.beat(event, time.monotonic())
        if isinstance(event, Gap):
            lasting = event.end_ms is None
            self._state = "reconnecting" if lasting else "live"
            self._reason = event.cause if lasting else ""
            self._reconnects += not lasting

    async def _hand_on(self, on_batch: OnBatch) -> None:
        batch: list[LiveEvent] = []
        try:
            while batch := await self._backlog.take(self._batch_size, within_s=self._flush_s):
                await self._persist(batch, on_batch)
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
