"""The rooms that are listened to in this process, each as a task of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TypedDict, Unpack

import anyio
import anyio.to_thread
import structlog
from anyio.abc import TaskGroup, TaskStatus

from hostcue.errors import Conflict, InternalError, SpeechMissing, StorageFailed, known_cause
from hostcue.model.room import Access, LiveRoom, Room
from hostcue.model.speech import SpeechPlan, SpeechState
from hostcue.pipeline.folders import room_key
from hostcue.pipeline.live_audio_room import ListenedRoom
from hostcue.pipeline.live_audio_supply import ListeningParts
from hostcue.pipeline.live_audio_words import ProductWords
from hostcue.speech.hot_words import load_readings

log = structlog.get_logger(__name__)

_KEPT = 16


class Wanted(TypedDict, total=False):
    """Why and how a room is listened to, as `ListenedRoom` has it."""

    recording_id: str | None
    link: str | None
    access: Access
    asked: bool


class ListenedRooms:
    """At most `most` at once, one session for each room; of those that ended the last are kept.

    `left` is told of each that has ended.
    """

    def __init__(
        self,
        tasks: TaskGroup,
        parts: ListeningParts,
        words: ProductWords,
        *,
        most: int,
        left: Callable[[ListenedRoom], None],
    ) -> None:
        self.most = most
        self._tasks = tasks
        self._parts = parts
        self._words = words
        self._left = left
        self._running: dict[str, ListenedRoom] = {}
        self._over: deque[ListenedRoom] = deque(maxlen=_KEPT)

    @property
    def full(self) -> bool:
        """Whether no other room can be listened to."""
        return len(self.running()) >= self.most

    def running(self) -> list[ListenedRoom]:
        """Those that take sound, oldest first."""
        return [room for room in self._running.values() if not room.ending]

    def every(self) -> list[ListenedRoom]:
        """Those there is something to tell of, the ended ones first."""
        return [*self._over, *(room for room in self._running.values() if room.known)]

    def of(self, room_id: str) -> list[ListenedRoom]:
        """Those that hear, or are to tell yet, what is said in a broadcast."""
        return [room for room in self._running.values() if room.belongs_to(room_id)]

    def find(self, room: Room, link: str = "") -> ListenedRoom | None:
        """The session of a room that takes sound, or of the link that leads to it."""
        for other in self.running():
            same = room.live_id != "" and room_key(other.room) == room_key(room)
            if same or (link and other.link == link):
                return other
        return None

    def of_recording(self, recording_id: str) -> ListenedRoom | None:
        """The session that takes a recording's sound."""
        found = (room for room in self.running() if room.recording_id == recording_id)
        return next(found, None)

    async def begin(
        self, room: Room, plan: SpeechPlan, live_url: str, **wanted: Unpack[Wanted]
    ) -> ListenedRoom:
        """Take a room's sound from now on."""
        listened = ListenedRoom(room, plan, self._parts, live_url=live_url, **wanted)
        self._running[listened.session_id] = listened  # from now on it is found, not begun twice
        try:
            await listened.open_door()
        except BaseException:  # cancelled too: nobody else takes it out again
            del self._running[listened.session_id]
            raise
        self._tasks.start_soon(self._run, listened, name=f"speech:{room.platform}:{room.live_id}")
        return listened

    async def close(self, *, last_words_s: float, within_s: float) -> None:
        """End all side by side."""
        rooms = list(self._running.values())
        for room in rooms:
            room.end("server_stopped", within_s=last_words_s)
        with anyio.move_on_after(within_s):
            async with anyio.create_task_group() as tasks:
                for room in rooms:
                    tasks.start_soon(room.stop_alone)
                    tasks.start_soon(room.ended.wait)

    def other_words(self, room_id: str) -> None:
        """The products of a broadcast have other names now."""
        for room in self.of(room_id):
            room.other_words()

    async def alone(
        self,
        room: ListenedRoom,
        live: LiveRoom,
        *,
        task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        """As `ListenedRoom.listen_alone`; what ends it once it has started harms no other room.

        Raises:
            Conflict: it was stopped before it had started.
        """
        started = _Started(task_status)
        try:
            await room.listen_alone(live, task_status=started)
        except Exception as exc:
            if not started.done:
                raise
            log.error("listening_failed", session=room.session_id, exc_info=exc)
        if not started.done:
            if room.ending:
                raise Conflict("listening was stopped before it began")
            started.started()  # by way of a recording, which came meanwhile

    async def _run(self, room: ListenedRoom) -> None:
        state: SpeechState = "stopped"
        reason = ""
        try:
            with structlog.contextvars.bound_contextvars(room=room.room.live_id):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._keep_words, room)
                    await room.run()
                    tasks.cancel_scope.cancel()
        except Exception as exc:
            log.error("listening_failed", session=room.session_id, exc_info=exc)
            state, reason = "failed", (known_cause(exc) or InternalError("")).code
        finally:
            await room.finish(state, reason)
            del self._running[room.session_id]
            if room.known:
                self._over.append(room)
            for room_id in room.broadcasts:
                if not self.of(room_id):
                    self._words.forget(room_id)
            self._left(room)

    async def _keep_words(self, room: ListenedRoom) -> None:
        """Those of its broadcast, and of each one after that."""
        while True:
            others = room.has_other_words
            try:
                words = await self._words.recall(room.room.room_id)
            except StorageFailed as exc:
                log.warning("product_names_not_read", session=room.session_id, error=exc)
            else:
                if words:  # without any, 55 MiB would be loaded for nothing
                    with suppress(SpeechMissing):  # it is told where they are to be used
                        await anyio.to_thread.run_sync(load_readings)
                room.use_words(words)
            await others.wait()


class _Started(TaskStatus[None]):
    """Remembers that a task has started."""

    def __init__(self, status: TaskStatus[None]) -> None:
        self._status = status
        self.done = False

    def started(self, value: None = None) -> None:
        self.done = True
        self._status.started(value)
