"""One collector of comments per room, shared by all who want its comments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import anyio
import structlog
from anyio.abc import TaskGroup

from hostcue.comments.collector import Collector, CollectorHealth
from hostcue.errors import BadRequest, HostcueError, NotFound, StorageFailed, UpstreamError
from hostcue.model.clock import now_ms
from hostcue.model.comment import Comment, Gap, LiveEvent, ProductChange, RoomStats
from hostcue.model.event import Event
from hostcue.model.room import Room
from hostcue.ports import CommentSource
from hostcue.storage.comments import STORED_KINDS, Comments, comment_event

log = structlog.get_logger(__name__)

Publish = Callable[[Sequence[Event]], None]


_SLICE, _BREATH_S = 200, 0.01
"""A batch is passed on in slices with a pause between, so that listeners can keep up."""


@dataclass(frozen=True, slots=True)
class ChatStatus:
    """How the collection of a room's comments stands."""

    room: Room
    since_ms: int
    running: bool
    health: CollectorHealth


@dataclass(slots=True)
class _Chat:
    room: Room
    collector: Collector
    since_ms: int = field(default_factory=now_ms)
    owners: set[str] = field(default_factory=set[str])
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    finished: anyio.Event = field(default_factory=anyio.Event)
    flushed: anyio.Event = field(default_factory=anyio.Event)
    flushed_ms: int = 0
    gap: Gap | None = None  # while it lasts
    announced: tuple[str, str] = ("", "")


class Chats:
    """Starts a collector with the first owner of a room and ends it with the last.

    Owners are recordings, and the `web` route on which an operator asks for comments alone.
    """

    def __init__(
        self,
        sources: Mapping[str, CommentSource],
        store: Comments,
        publish: Publish,
        tasks: TaskGroup,
        *,
        retry_s: Sequence[float] = (5, 15, 30, 60),
    ) -> None:
        self._sources = sources
        self._store = store
        self._publish = publish
        self._tasks = tasks
        self._retry_s = tuple(retry_s)
        self._chats: dict[str, _Chat] = {}
        self._turn = anyio.Lock()  # joining and leaving wait for an ending collector

    def has_source(self, platform: str) -> bool:
        """Whether comments of this platform can be collected."""
        return platform in self._sources

    async def join(self, room: Room, owner: str) -> ChatStatus:
        """Collect the room's comments, or share in it when that is done already.

        Raises:
            BadRequest: no comments can be collected on this platform.
        """
        source = self._sources.get(room.platform)
        if source is None:
            raise BadRequest(
                f"comments of {room.platform} cannot be collected",
                field="live_url",
                remedy="send them with POST /api/comments/ingest",
            )
        async with self._turn:
            chat = self._chats.get(room.live_id)
            owners: set[str] = set()
            if chat is not None and (chat.room.room_id != room.room_id or chat.finished.is_set()):
                owners = chat.owners
                await self._end(chat)
                chat = None
            if chat is None:
                chat = _Chat(room, Collector(source), owners=owners)
                self._chats[room.live_id] = chat
                self._tasks.start_soon(self._run, chat, name=f"comments:{room.live_id}")
            chat.owners.add(owner)
            return _status(chat)

    async def leave(self, live_id: str, owner: str) -> None:
        """Give up a share; the last one ends the collection."""
        async with self._turn:
            chat = self._chats.get(live_id)
            if chat is None:
                return
            chat.owners.discard(owner)
            if not chat.owners:
                await self._end(chat)

    def status(self, live_id: str | None = None) -> ChatStatus:
        """One room's collection; without an id the only one there is.

        Raises:
            NotFound: that room's comments were never collected here.
            BadRequest: several rooms are collected and none was named.
        """
        if live_id is None:
            running = [key for key, chat in self._chats.items() if not chat.finished.is_set()]
            if len(running) > 1:
                raise BadRequest(
                    f"comments of {len(running)} rooms are collected",
                    field="live_id",
                    remedy="say which one: " + ", ".join(sorted(running)),
                )
            chat = self._chats.get((running or [*self._chats, ""])[0])
        else:
            chat = self._chats.get(live_id)
        if chat is None:
            raise NotFound(
                "no comments are collected here"
                if live_id is None
                else f"no comments are collected for {live_id}",
                field="live_id",
                remedy="start with POST /api/douyin/web/start",
            )
        return _status(chat)

    def room_id_of(self, live_id: str) -> str | None:
        """The broadcast whose comments are collected for a room at this moment."""
        chat = self._chats.get(live_id)
        return None if chat is None else chat.room.room_id

    def every(self) -> list[ChatStatus]:
        """All collections, ended ones included."""
        return [_status(chat) for chat in self._chats.values()]

    async def settled(self, room_id: str, until_ms: int) -> None:
        """Return once comments received before `until_ms` are stored; bring a deadline."""
        for chat in list(self._chats.values()):  # others may come and go while this one waits
            if chat.room.room_id == room_id:
                while not chat.finished.is_set() and chat.flushed_ms < until_ms:
                    await chat.flushed.wait()

    async def ingest(self, comments: Sequence[Comment]) -> int:
        """Take comments from the user's own collector; returns how many were not known yet.

        Likes and enters are passed on to listeners and not kept, so each of them counts as new.
        """
        accepted = 0
        for begin in range(0, len(comments), _SLICE):
            part = comments[begin : begin + _SLICE]
            kept = [comment for comment in part if comment.kind in STORED_KINDS]
            accepted += len(await self._store.add(kept)) if kept else 0
            passing = [comment_event(c) for c in part if c.kind not in STORED_KINDS]
            self._publish(passing)
            accepted += len(passing)
            await anyio.sleep(_BREATH_S)
        return accepted

    async def _end(self, chat: _Chat) -> None:
        chat.scope.cancel()
        await chat.finished.wait()
        if self._chats.get(chat.room.live_id) is chat:
            del self._chats[chat.room.live_id]

    async def _run(self, chat: _Chat) -> None:
        room = chat.room
        try:
            with chat.scope:
                tries = 0
                while not await self._collect(chat):
                    pause = self._retry_s[min(tries, len(self._retry_s) - 1)]
                    tries += 1
                    await anyio.sleep(pause)
                    chat.collector = Collector(self._sources[room.platform])
        finally:
            with anyio.CancelScope(shield=True), anyio.move_on_after(2):
                await self._close(chat)
            chat.finished.set()
            chat.flushed.set()
            log.info("comments_ended", room=room.live_id, state=chat.collector.health.state)

    async def _close(self, chat: _Chat) -> None:
        """Nothing is missing any more once nobody wants it."""
        try:
            if chat.gap is not None:
                gap = replace(chat.gap, end_ms=max(now_ms(), chat.gap.start_ms))
                await self._store.gap(chat.room.platform, chat.room.room_id, gap)
            await self._announce(chat)
        except StorageFailed as exc:
            log.warning("comments_not_closed", room=chat.room.live_id, error=exc)

    async def _collect(self, chat: _Chat) -> bool:
        """Collect until the broadcast ends (True) or the line cannot be had for now (False)."""

        async def store(batch: list[LiveEvent]) -> None:
            await self._take(chat, batch)

        retryable = False
        try:
            await chat.collector.run(chat.room, on_batch=store)
        except HostcueError as exc:
            log.warning("comments_failed", room=chat.room.live_id, code=exc.code, error=exc)
            retryable = isinstance(exc, UpstreamError) and exc.retryable
        except Exception as exc:  # a boundary: a source's bug must not end the recordings
            log.error("comments_broke", room=chat.room.live_id, exc_info=exc)
            retryable = True
        else:
            return True
        try:
            await self._announce(chat)
        except StorageFailed as exc:
            log.warning("state_not_stored", room=chat.room.live_id, error=exc)
        return not retryable

    async def _take(self, chat: _Chat, batch: list[LiveEvent]) -> None:
        comments = [event for event in batch if isinstance(event, Comment)]
        kept = [comment for comment in comments if comment.kind in STORED_KINDS]
        if kept:
            await self._store.add(kept)
        passing = [comment_event(c) for c in comments if c.kind not in STORED_KINDS]
        for event in batch:
            match event:
                case Gap():
                    await self._store.gap(chat.room.platform, chat.room.room_id, event)
                    chat.gap = event if event.end_ms is None else None
                case ProductChange():
                    await self._store.product(event)
                case RoomStats():
                    passing.append(_stats_event(event))
                case _:
                    pass
        self._publish(passing)
        await self._announce(chat)
        chat.flushed_ms = now_ms()
        chat.flushed.set()
        chat.flushed = anyio.Event()

    async def _announce(self, chat: _Chat) -> None:
        """Tell the room's stream when the state became another."""
        health = chat.collector.health
        if (health.state, health.reason) != chat.announced:
            chat.announced = (health.state, health.reason)
            await self._store.state(chat.room.room_id, health.state, health.reason)


def _status(chat: _Chat) -> ChatStatus:
    health = chat.collector.health
    if chat.finished.is_set() and health.state not in {"ended", "failed"}:
        health = replace(health, state="ended")
    return ChatStatus(chat.room, chat.since_ms, not chat.finished.is_set(), health)


def _stats_event(stats: RoomStats) -> Event:
    data = {
        "room_id": stats.room_id,
        "ts": stats.ts_ms,
        "current": stats.online,
        "total": stats.total,
    }
    return Event("comments", stats.room_id, "room_user_stats", data)
