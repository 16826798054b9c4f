"""One collector of comments per room, shared by all who want its comments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from hostcue.comments.collector import Collector
from hostcue.comments.pseudonyms import Pseudonyms
from hostcue.errors import BadRequest, NotFound
from hostcue.model.comment import Comment, RoomControl
from hostcue.model.room import DEFAULT_ACCESS, Access, Room
from hostcue.pipeline.chat import Chat, ChatStatus, Hear, NewCollector, Pauses, Publish
from hostcue.ports import CommentSource
from hostcue.storage.comments import STORED_KINDS, Comments, comment_event

_Key = tuple[str, str]
"""A room's platform and live_id: platforms number their rooms without asking each other."""

_SLICE = 200
"""A batch is passed on in slices, between which listeners are let catch up."""


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
        pseudonyms: Pseudonyms,
        breathe: Callable[[], Awaitable[None]] = anyio.lowlevel.checkpoint,
        pauses: Pauses | None = None,
        new_collector: NewCollector = Collector,
    ) -> None:
        self._sources = sources
        self._store = store
        self._publish = publish
        self._pseudonyms = pseudonyms
        self._breathe = breathe
        self._tasks = tasks
        self._pauses = pauses or Pauses()
        self._new_collector = new_collector
        self._chats: dict[_Key, Chat] = {}
        self._hear: Hear | None = None
        self._turn = anyio.Lock()  # joining and leaving wait for an ending collector

    def has_source(self, platform: str) -> bool:
        """Whether comments of this platform can be collected."""
        return platform in self._sources

    def on_control(self, hear: Hear) -> None:
        """Have `hear` told when a platform says that a broadcast pauses, goes on or has ended."""
        self._hear = hear

    async def join(self, room: Room, owner: str, access: Access = DEFAULT_ACCESS) -> ChatStatus:
        """Collect the room's comments, or share in it when that is done already.

        A collection under way keeps the access it began with.

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
            chat = self._chats.get(_key_of(room))
            owners: set[str] = set()
            if chat is not None and (chat.room.room_id != room.room_id or chat.finished.is_set()):
                owners = chat.owners
                await self._end(chat)
                chat = None
            if chat is None:
                chat = self._chats[_key_of(room)] = Chat(
                    room,
                    access,
                    source,
                    self._store,
                    self._publish,
                    pseudonyms=self._pseudonyms,
                    hear=self._heard,
                    pauses=self._pauses,
                    new_collector=self._new_collector,
                )
                chat.owners |= owners
                self._tasks.start_soon(chat.run, name=f"comments:{room.platform}:{room.live_id}")
            chat.owners.add(owner)
            return chat.status

    def renew(self, room: Room, access: Access) -> None:
        """The room is reached in another way from now on; see `Chat.renew`."""
        if (chat := self._chats.get(_key_of(room))) is not None:
            chat.renew(access)

    async def leave(self, room: Room, owner: str) -> None:
        """Give up a share; the last one ends the collection."""
        async with self._turn:
            chat = self._chats.get(_key_of(room))
            if chat is None:
                return
            chat.owners.discard(owner)
            if not chat.owners:
                await self._end(chat)

    def status(self, live_id: str | None = None, platform: str | None = None) -> ChatStatus:
        """One room's collection; what is not named may be anything, if that leaves one.

        Those under way go before those that have ended.

        Raises:
            NotFound: that room's comments were never collected here.
            BadRequest: several rooms are collected to which this applies.
        """
        found = [
            chat
            for (its_platform, its_id), chat in self._chats.items()
            if live_id in {None, its_id} and platform in {None, its_platform}
        ]
        running = [chat for chat in found if not chat.finished.is_set()]
        if len(running) > 1 or (live_id is not None and not running and len(found) > 1):
            raise _ambiguous(live_id, [chat.room for chat in running or found])
        if not found:
            raise NotFound(
                "no comments are collected here"
                if live_id is None
                else f"no comments are collected for {live_id}",
                field="live_id",
                remedy="start with POST /api/douyin/web/start",
            )
        return (running or found)[0].status

    def room_id_of(self, platform: str, live_id: str) -> str | None:
        """The broadcast whose comments are collected for a room at this moment."""
        chat = self._chats.get((platform, live_id))
        return None if chat is None else chat.room.room_id

    def every(self) -> list[ChatStatus]:
        """All collections, ended ones included."""
        return [chat.status for chat in self._chats.values()]

    async def settled(self, room_id: str, until_ms: int) -> None:
        """Return once comments received before `until_ms` are stored; bring a deadline."""
        for chat in list(self._chats.values()):  # others may come and go while this one waits
            if chat.room.room_id == room_id:
                await chat.settled(until_ms)

    async def ingest(self, comments: Sequence[Comment]) -> int:
        """Take comments from the user's own collector; returns how many were not known yet.

        Likes and enters are passed on to listeners and not kept, so each of them counts as new.
        """
        accepted = 0
        for begin in range(0, len(comments), _SLICE):
            part = [self._pseudonyms.veil(item) for item in comments[begin : begin + _SLICE]]
            accepted += len(await self._store.take(part))
            passing = [comment_event(c) for c in part if c.kind not in STORED_KINDS]
            self._publish(passing)
            accepted += len(passing)
            for chat in self._chats.values():
                chat.ingested([c for c in part if _is_of(chat.room, c)])
            await self._breathe()
        return accepted

    def _heard(self, room: Room, control: RoomControl) -> None:
        if self._hear is not None:
            self._hear(room, control)

    async def _end(self, chat: Chat) -> None:
        await chat.end()
        if self._chats.get(_key_of(chat.room)) is chat:
            del self._chats[_key_of(chat.room)]


def _key_of(room: Room) -> _Key:
    return (room.platform, room.live_id)


def _ambiguous(live_id: str | None, rooms: Sequence[Room]) -> BadRequest:
    if live_id is None:
        return BadRequest(
            f"comments of {len(rooms)} rooms are collected",
            field="live_id",
            remedy="say which one: " + ", ".join(sorted(room.live_id for room in rooms)),
        )
    platforms = sorted(room.platform for room in rooms)
    return BadRequest(
        f"{live_id} is a room of {' and of '.join(platforms)}",
        field="platform",
        remedy="say which one: " + ", ".join(platforms),
    )


def _is_of(room: Room, comment: Comment) -> bool:
    return (comment.platform, comment.room_id) == (room.platform, room.room_id)
