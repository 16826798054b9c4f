"""One room that is listened to, from its first sound to its last sentence."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack
from dataclasses import replace

import anyio
import structlog
from anyio.abc import TaskStatus

from hostcue.errors import StorageFailed
from hostcue.model.clock import now_ms
from hostcue.model.recording import FINAL_STATES, RecorderEvent, StateChanged
from hostcue.model.room import DEFAULT_ACCESS, Access, LiveRoom, Room
from hostcue.model.sound import Sound, SoundPlace
from hostcue.model.speech import (
    SpeechEvent,
    SpeechPlan,
    SpeechState,
    SpeechStateChanged,
    SpeechTally,
)
from hostcue.pipeline.live_audio_supply import ListeningParts
from hostcue.pipeline.speech_log import SpeechLog
from hostcue.recording.listener import Listener
from hostcue.speech.session import SpeechSession

log = structlog.get_logger(__name__)

_BEHIND_MS = 5_000
"""So much older than its connection may the first sound be that it brings."""
_TELL_AGAIN_S = 5.0


class ListenedRoom:
    """A session and the connection that its sound comes over.

    The connection is that of a recording, or one of its own (`listen_alone`); it may change, the
    session goes on. Nobody knows of a room that was not `asked` for before it makes a sound.
    """

    def __init__(
        self,
        room: Room,
        plan: SpeechPlan,
        parts: ListeningParts,
        *,
        live_url: str,
        recording_id: str | None = None,
        link: str | None = None,
        access: Access = DEFAULT_ACCESS,
        asked: bool = False,
    ) -> None:
        """A `link` is listened to also when no recording brings its sound."""
        self.session_id = secrets.token_hex(6)
        self.room = room
        self.plan = plan
        self.live_url = live_url
        self.recording_id = recording_id
        self.link = link
        self.asked = asked
        self.started_ms = self.since_ms = now_ms()
        self.ended = anyio.Event()
        self.place: SoundPlace | None = None
        self._access = access
        self._parts = parts
        self._log = SpeechLog(self.session_id, room.room_id, parts.store, parts.publish)
        self._session = parts.new_session(self.session_id, plan, emit=self._take)
        self._words: tuple[str, ...] = ()
        self._listener: Listener | None = None
        self._lost = ""  # why no sound comes, while it is to come again
        self._ended_because = ""  # its own connection
        self._final: tuple[SpeechState, str] | None = None
        self._over = anyio.Event()
        self._why = ""
        self._last_s: float | None = None
        self._sounds = False
        self._begun = anyio.Event()
        self._changed = anyio.Event()
        self._told: tuple[SpeechState, str] | None = None
        self.has_other_words = anyio.Event()
        """Set when its broadcast, or that one's cart, is another; another event then follows."""
        self._at_door = AsyncExitStack()

    @property
    def known(self) -> bool:
        """Whether there is anything to tell of it."""
        return self.asked or self._sounds

    @property
    def ending(self) -> bool:
        """Whether no more sound is taken."""
        return self._over.is_set()

    @property
    def state(self) -> tuple[SpeechState, str]:
        """How it stands, and why, as a code."""
        if self._final is not None:
            return self._final
        if self._lost and not self.ending:
            return "reconnecting", self._lost
        state = self._session.state
        return (state, self._session.reason) if state != "stopped" else ("listening", "")

    @property
    def session(self) -> SpeechSession:
        """What hears."""
        return self._session

    @property
    def tally(self) -> SpeechTally:
        """What became of its sound."""
        return self._session.tally

    async def open_door(self) -> SoundPlace:
        """Sound may come now; the place where to bring it."""
        place = await self._at_door.enter_async_context(self._parts.inlet.expect(self._sound))
        self.place = place
        return place

    async def run(self) -> None:
        """Hear, until `end` and what was said last is stored.

        Raises:
            HostcueError: it cannot be heard.
        """
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._keep_telling)
                if not self.asked:
                    await self._begun.wait()
                if self._sounds or not self.ending:
                    await tasks.start(self._session.run)
                    await self._over.wait()
                    await self._at_door.aclose()
                    await self._session.end(self._last_s or self._parts.end_s)
                tasks.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True), anyio.move_on_after(2):
                self._over.set()
                await self._at_door.aclose()

    async def finish(self, state: SpeechState, reason: str) -> None:
        """It has ended, as nobody but its owner can tell; whatever fails then, it has."""
        self._final = (state, reason or self._why)
        try:
            with anyio.CancelScope(shield=True), anyio.move_on_after(2):
                await self._tell()
        except Exception as exc:
            log.error("speech_state_not_stored", session=self.session_id, exc_info=exc)
        finally:
            self.ended.set()

    def end(self, reason: str, *, within_s: float | None = None) -> None:
        """No more sound is taken; what was said last is heard yet. Returns at once."""
        if not self.ending:
            self._why, self._last_s = reason, within_s
            self._over.set()
            self._begun.set()

    def adopt(self, plan: SpeechPlan) -> None:
        """Listen by this plan from now on."""
        self.plan = plan
        self._session.adopt(self._with_words())

    def other_words(self) -> None:
        """The names of products are to be looked up again."""
        before, self.has_other_words = self.has_other_words, anyio.Event()
        before.set()

    def use_words(self, words: tuple[str, ...]) -> None:
        """The names of the products of its cart."""
        if words != self._words:
            self._words = words
            self._session.adopt(self._with_words())

    def moved(self, room: Room, since_ms: int) -> None:
        """The room's broadcast may be another one from that moment on."""
        self.room = replace(self.room, room_id=room.room_id, title=room.title)
        if room.room_id != self._log.room_id:
            self._log.moved(room.room_id, since_ms)
            self.other_words()

    @property
    def broadcasts(self) -> list[str]:
        """Those that some of what it hears is of, as their ids."""
        return self._log.room_ids

    def belongs_to(self, room_id: str) -> bool:
        """Whether some of what it hears is of that broadcast."""
        return self._log.belongs_to(room_id)

    def connection(self, change: StateChanged) -> None:
        """What its connection does."""
        if change.state not in FINAL_STATES:
            self._lost = "" if change.state == "recording" else change.reason or change.state
            self._changed.set()

    async def listen_alone(
        self, live: LiveRoom, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Have sound brought over a connection of its own, until that ends or is given up.

        Started once sound may come. Where that ends before, or somebody else brings the sound
        already, it just returns.

        Raises:
            HostcueError: the connection could not be made.
        """
        if self.ending or self.recording_id is not None:
            return
        listener = self._listener = self._parts.new_listener(
            live=live,
            place=self.place,
            proxies=self._parts.proxies.through(self._access.proxy),
            resolve=self.resolve,
            emit=self._follow,
        )
        try:
            await listener.run(task_status=task_status)
        finally:
            if self._listener is listener:  # nobody gave it up
                self._listener = None
                self.end(self._ended_because or "ended")

    async def stop_alone(self) -> None:
        """Give up its own connection."""
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.stop()

    async def resolve(self) -> LiveRoom:
        """The room and its stream as they are now."""
        return await self._parts.resolve(self.link or "", self._access)

    async def settled(self, until_ms: int) -> None:
        """Returns once what was said before that moment is stored."""
        if self._sounds and not self.ended.is_set():
            await self._session.settled(until_ms)

    async def _sound(self, sound: Sound) -> None:
        self._session.take(sound)
        self._sounds = True
        self._begun.set()
        if self._lost:
            self._lost = ""
            self._changed.set()

    async def _take(self, event: SpeechEvent) -> None:
        if isinstance(event, SpeechStateChanged):
            self._changed.set()
        else:
            await self._log.take(event)

    async def _follow(self, event: RecorderEvent) -> None:
        """What its own connection reports."""
        if not isinstance(event, StateChanged):
            return
        if event.state in FINAL_STATES:
            self._ended_because = event.reason
        self.connection(event)
        if event.live is not None:
            self.moved(event.live.room, event.at_ms - _BEHIND_MS)

    def _with_words(self) -> SpeechPlan:
        words = dict.fromkeys((*self.plan.hot_words, *self._words))
        return replace(self.plan, hot_words=tuple(words))

    async def _keep_telling(self) -> None:
        while True:
            await self._changed.wait()
            self._changed = anyio.Event()
            if not await self._tell():
                await anyio.sleep(_TELL_AGAIN_S)
                self._changed.set()

    async def _tell(self) -> bool:
        """Tell how it stands, where that is news; whether it could be."""
        now = self.state
        if now == self._told or not self.known:
            return True
        self.since_ms = now_ms()
        change = SpeechStateChanged(*now, self.since_ms)
        try:
            await self._parts.store.state(self._log.room_id, self.session_id, change, self.tally)
        except StorageFailed as exc:
            log.warning("speech_state_not_stored", session=self.session_id, error=exc)
            return False
        self._told = now
        return True
