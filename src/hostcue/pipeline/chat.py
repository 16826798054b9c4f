"""One room's comments, collected for as long as somebody wants them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import anyio
import structlog

from hostcue.comments.collector import Collector, CollectorHealth
from hostcue.comments.ingest import IngestSource
from hostcue.comments.pseudonyms import Pseudonyms
from hostcue.errors import HostcueError, RoomError, StorageFailed, UpstreamError
from hostcue.model.clock import now_ms
from hostcue.model.comment import (
    Comment,
    Gap,
    LiveEvent,
    ProductChange,
    RoomControl,
    RoomStats,
    Tally,
    WayTaken,
)
from hostcue.model.event import Event
from hostcue.model.room import Access, Room
from hostcue.ports import CommentSource
from hostcue.storage.comments import STORED_KINDS, Comments, comment_event

log = structlog.get_logger(__name__)

NOT_COLLECTED = "not_collected"
"""The cause of the gap in which hostcue did not run, or nobody wanted a room's comments."""

Publish = Callable[[Sequence[Event]], None]
NewCollector = Callable[[CommentSource], Collector]
Hear = Callable[[Room, RoomControl], None]
"""Is told what the platform says of a room's broadcast."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """How long to wait before another connection: in turn, the last again and again.

    `refused_s` where asking again soon makes it worse, or does not help; a platform that says for
    how long it wants to be left alone is left alone for so long at least.
    """

    retry_s: Sequence[float] = (5, 15, 30, 60)
    refused_s: Sequence[float] = (300, 600, 1800)

    def after(self, failure: Exception, failures: int) -> float:
        """The pause after a failure and so many before it."""
        if isinstance(failure, RoomError):
            return self.retry_s[0]
        passing = not isinstance(failure, HostcueError) or (
            isinstance(failure, UpstreamError) and failure.retryable
        )
        ladder_s = self.retry_s if passing else self.refused_s
        asked_for_s = failure.retry_after_s if isinstance(failure, UpstreamError) else None
        return max(ladder_s[min(failures, len(ladder_s) - 1)], asked_for_s or 0.0)


@dataclass(frozen=True, slots=True)
class ChatStatus:
    """How the collection of a room's comments stands; `gap` is the one that lasts now."""

    room: Room
    since_ms: int
    running: bool
    health: CollectorHealth
    gap: Gap | None = None


class Chat:
    """Collects over as many connections as it takes; what is missed between them is a gap."""

    def __init__(
        self,
        room: Room,
        access: Access,
        source: CommentSource,
        store: Comments,
        publish: Publish,
        *,
        pseudonyms: Pseudonyms,
        hear: Hear,
        pauses: Pauses,
        new_collector: NewCollector = Collector,
    ) -> None:
        self.room = room
        self.owners: set[str] = set()
        self.finished = anyio.Event()
        self._access = access
        self._source = source
        self._store = store
        self._publish = publish
        self._pseudonyms = pseudonyms
        self._hear = hear
        self._pauses = pauses
        self._new_collector = new_collector
        self._collector = new_collector(source)
        self._since_ms = now_ms()
        self._scope = anyio.CancelScope()
        self._flushed = anyio.Event()
        self._flushed_ms = 0
        self._gap: Gap | None = None  # while it lasts
        self._broken = False  # between two connections
        self._failures = 0  # in a row
        self._said_over = False
        self._renewed = anyio.Event()
        self._announced: tuple[str, str, str | None] = ("", "", None)

    @property
    def status(self) -> ChatStatus:
        """How it stands."""
        health, over = self._collector.health, self.finished.is_set()
        if over and health.state not in {"ended", "failed"}:
            health = replace(health, state="ended")
        return ChatStatus(self.room, self._since_ms, not over, health, self._gap)

    async def run(self) -> None:
        """Collect until the broadcast is over, or until `end`."""
        try:
            with self._scope:
                await self._recall()
                while (pause_s := await self._collect()) is not None:
                    with anyio.move_on_after(pause_s):
                        await self._renewed.wait()
                    self._renewed = anyio.Event()
                    self._collector = self._new_collector(self._source)
        finally:
            with anyio.CancelScope(shield=True), anyio.move_on_after(2):
                await self._close()
            self.finished.set()
            self._flushed.set()
            log.info("comments_ended", room=self.room.live_id, state=self._collector.health.state)

    async def end(self) -> None:
        """Nobody wants them any more; what has arrived is stored when this returns."""
        self._scope.cancel()
        await self.finished.wait()

    def renew(self, access: Access) -> None:
        """The room is reached in another way: who waits for a connection tries it at once.

        A connection that holds goes on as it is.
        """
        if access != self._access:
            self._access, self._failures = access, 0
            self._renewed.set()

    def ingested(self, comments: Sequence[Comment]) -> None:
        """The user's own collector sent these, and they are stored."""
        for comment in comments:
            self._collector.overhear(comment)
        if comments and isinstance(self._source, IngestSource):
            self._source.heard(self.room.platform, self.room.room_id)

    async def settled(self, until_ms: int) -> None:
        """Return once all that was received before is stored."""
        while not self.finished.is_set() and self._flushed_ms < until_ms:
            await self._flushed.wait()

    async def _close(self) -> None:
        """Nothing is missing any more once nobody wants it."""
        try:
            if self._gap is not None:
                gap = replace(self._gap, end_ms=max(now_ms(), self._gap.start_ms))
                await self._store.gap(self.room.platform, self.room.room_id, gap)
                self._gap = None
            await self._announce()
        except StorageFailed as exc:
            log.warning("comments_not_closed", room=self.room.live_id, error=exc)

    async def _collect(self) -> float | None:
        """Collect until the broadcast ends (None), or until the pause before another try."""
        said_over, self._said_over = self._said_over, False
        failure: Exception
        try:
            await self._collector.run(self.room, self._access, on_batch=self._take)
        except HostcueError as exc:
            failure, cause = exc, exc.code
            log.warning("comments_failed", room=self.room.live_id, code=cause, error=exc)
        except Exception as exc:  # a boundary: a source's bug must not end the recordings
            failure, cause = exc, "internal_error"
            log.error("comments_broke", room=self.room.live_id, exc_info=exc)
        else:
            return None
        self._said_over = isinstance(failure, RoomError)
        if self._said_over and said_over:  # said twice it is believed
            return None
        pause_s = self._pauses.after(failure, self._failures)
        self._failures += 1
        try:
            await self._lack(cause)
            await self._announce()
        except StorageFailed as exc:
            log.warning("state_not_stored", room=self.room.live_id, error=exc)
        return pause_s

    async def _recall(self) -> None:
        """What came since this broadcast was last collected here, if it was, is missing."""
        try:
            heard_ms = await self._store.heard_until(self.room.platform, self.room.room_id)
            if heard_ms is not None and heard_ms < self._since_ms:
                self._broken, self._gap = True, Gap(heard_ms, NOT_COLLECTED)
                await self._store.gap(self.room.platform, self.room.room_id, self._gap)
        except StorageFailed as exc:
            log.warning("state_not_stored", room=self.room.live_id, error=exc)

    async def _lack(self, cause: str) -> None:
        """Until something comes again, comments are missing."""
        self._broken = True
        if self._gap is None:
            self._gap = Gap(now_ms() if self._flushed_ms else self._since_ms, cause)
            await self._store.gap(self.room.platform, self.room.room_id, self._gap)

    async def _regain(self) -> None:
        """A new connection brings something: what one before it left open is over."""
        if self._broken and self._gap is not None:
            gap = replace(self._gap, end_ms=max(now_ms(), self._gap.start_ms))
            await self._store.gap(self.room.platform, self.room.room_id, gap)
            self._gap = None
        self._broken, self._failures = False, 0

    async def _take(self, batch: list[LiveEvent]) -> None:
        if any(not isinstance(event, (WayTaken, Tally)) for event in batch):
            await self._regain()
        comments = [self._pseudonyms.veil(event) for event in batch if isinstance(event, Comment)]
        stats = [event for event in batch if isinstance(event, RoomStats)]
        await self._store.take([*comments, *stats])
        passing = [comment_event(c) for c in comments if c.kind not in STORED_KINDS]
        for event in batch:
            match event:
                case Gap():
                    await self._store.gap(self.room.platform, self.room.room_id, event)
                    self._note_gap(event)
                case ProductChange():
                    await self._store.product(event)
                case RoomStats():
                    passing.append(_stats_event(event))
                case RoomControl():
                    self._hear(self.room, event)
                case _:
                    pass
        self._publish(passing)
        await self._announce()
        self._flushed_ms = now_ms()
        self._flushed.set()
        self._flushed = anyio.Event()

    def _note_gap(self, gap: Gap) -> None:
        """Of two at once, as when a lost connection meets an overload, the first is noted."""
        if gap.end_ms is None:
            self._gap = self._gap or gap
        elif self._gap is not None and self._gap.start_ms == gap.start_ms:
            self._gap = None

    async def _announce(self) -> None:
        """Tell the room's stream when the state became another, or the way."""
        health = self._collector.health
        now = (health.state, health.reason, health.way)
        if now != self._announced:
            self._announced = now
            await self._store.state(self.room.room_id, health.state, health.reason)


def _stats_event(stats: RoomStats) -> Event:
    data = {
        "room_id": stats.room_id,
        "ts": stats.ts_ms,
        "current": stats.online,
        "total": stats.total,
    }
    return Event("comments", stats.room_id, "room_user_stats", data)
