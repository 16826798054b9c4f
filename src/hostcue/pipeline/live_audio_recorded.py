"""The rooms that are recorded, as far as they are listened to over the same connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog
from anyio.abc import TaskGroup

from hostcue.errors import HostcueError, LimitReached
from hostcue.model.clock import now_ms
from hostcue.model.recording import Recording, SegmentOpened, StateChanged
from hostcue.model.room import LiveRoom, Room
from hostcue.model.sound import SoundPlace
from hostcue.model.speech import SpeechPlan
from hostcue.pipeline.folders import room_key
from hostcue.pipeline.live_audio_room import ListenedRoom
from hostcue.pipeline.live_audio_rooms import ListenedRooms
from hostcue.pipeline.live_audio_supply import SpeechSupply

log = structlog.get_logger(__name__)

Listen = Callable[[SoundPlace | None], Awaitable[None]]
"""Has a recording's sound brought to a place from now on, or to none."""

_BEFORE_MS = 250
"""The sound of a file may begin so long before its first picture."""


@dataclass(slots=True)
class Recorded:
    """A recording whose room is live: `refusal` is the code of why nobody listens by itself.

    It is `declined` when somebody has stopped listening, and `mute` without any sound. `since_ms`
    is when its broadcast began to be recorded.
    """

    id: str
    link: str
    room: Room
    listen: Listen
    refusal: str = ""
    declined: bool = False
    mute: bool = False
    since_ms: int = field(default_factory=now_ms)


class RecordedRooms:
    """Told of each recording; whatever fails here, the recording goes on.

    With `automatic`, each that has sound is listened to by itself.
    """

    def __init__(
        self,
        tasks: TaskGroup,
        rooms: ListenedRooms,
        supply: SpeechSupply,
        plan: SpeechPlan,
        *,
        automatic: bool,
    ) -> None:
        self._tasks = tasks
        self._rooms = rooms
        self._supply = supply
        self._plan = plan
        self._automatic = automatic
        self._recorded: dict[str, Recorded] = {}

    def get(self, recording_id: str) -> Recorded | None:
        """A recording whose room is live."""
        return self._recorded.get(recording_id)

    def find(self, room: Room, link: str = "") -> Recorded | None:
        """The recording of a room, or of the link that leads to it."""
        for recorded in self._recorded.values():
            same = room.live_id != "" and room_key(recorded.room) == room_key(room)
            if same or (link and recorded.link == link):
                return recorded
        return None

    def refused(self) -> list[Recorded]:
        """Those nobody listens to, although somebody would."""
        return [recorded for recorded in self._recorded.values() if recorded.refusal]

    async def join(self, recording: Recording, live: LiveRoom, listen: Listen) -> None:
        """A recorder is about to be made: `listen` may be called, now and later."""
        with _apart(recording.id):
            await self._join(recording, live, listen)

    def opened(self, recording_id: str, room: Room, file: SegmentOpened) -> None:
        """A file was begun, of that broadcast."""
        with _apart(recording_id):
            self._opened(recording_id, room, file)

    def connection(self, recording_id: str, change: StateChanged) -> None:
        """What the recorder's connection does."""
        with _apart(recording_id):
            listened = self._rooms.of_recording(recording_id)
            if listened is not None:
                listened.connection(change)

    def leave(self, recording_id: str, *, server_stops: bool) -> None:
        """The broadcast is over, or is not recorded any more; returns at once.

        Who asked for the room without a recording goes on to hear it without.
        """
        with _apart(recording_id):
            self._leave(recording_id, server_stops=server_stops)

    def left(self, listened: ListenedRoom) -> None:
        """A session has ended: nobody need bring its sound, and there is a place for another."""
        self._tasks.start_soon(self._after, listened)

    async def offer(self) -> None:
        """Listen to those that could not be before, as far as they can be now."""
        for recorded in self.refused():
            await self._listen(recorded)

    async def listen(self, recorded: Recorded, listened: ListenedRoom) -> None:
        """Have a recording's sound brought to a session from now on."""
        recorded.refusal, recorded.declined = "", False
        await recorded.listen(listened.place)

    def _opened(self, recording_id: str, room: Room, file: SegmentOpened) -> None:
        recorded, listened = self.get(recording_id), self._rooms.of_recording(recording_id)
        if recorded is None:
            return
        was_mute, recorded.room, recorded.mute = recorded.mute, room, not file.info.audio_codec
        if was_mute and not recorded.mute and listened is None:
            self._tasks.start_soon(self._join_late, recorded)
        if listened is not None:
            listened.moved(room, file.start_ms - _BEFORE_MS)
            if recorded.mute and not listened.asked:
                listened.end("no_sound")

    async def _join(self, recording: Recording, live: LiveRoom, listen: Listen) -> None:
        recorded = self._recorded.setdefault(
            recording.id, Recorded(recording.id, recording.plan.link, live.room, listen)
        )
        recorded.room = live.room
        listened = self._rooms.of_recording(recording.id)
        listened = listened or self._rooms.find(live.room, recording.plan.link)
        if listened is None:
            await self._listen(recorded)
        elif listened.recording_id == recorded.id:
            await listen(listened.place)
        else:
            listened.recording_id = recorded.id
            self._tasks.start_soon(self._take_over, listened, recorded)

    def _leave(self, recording_id: str, *, server_stops: bool) -> None:
        recorded = self._recorded.pop(recording_id, None)
        listened = self._rooms.of_recording(recording_id)
        if listened is None:
            return
        if listened.link is None or server_stops or (recorded is not None and recorded.mute):
            listened.end("server_stopped" if server_stops else "recording_over")
        else:
            listened.recording_id = None
            self._tasks.start_soon(self._go_on_alone, listened)

    async def _listen(self, recorded: Recorded) -> None:
        """By itself, where that is wanted and can be."""
        recorded.refusal = ""
        if not self._automatic or recorded.declined or recorded.mute:
            return
        if self.get(recorded.id) is not recorded or self._rooms.of_recording(recorded.id):
            return  # meanwhile it is over, or listened to
        if not self._supply.ready:
            recorded.refusal = self._supply.found.error.code if self._supply.found.error else ""
        elif self._rooms.full:
            recorded.refusal = LimitReached.code
        else:
            url = recorded.room.url
            listened = await self._rooms.begin(
                recorded.room, self._plan, url, recording_id=recorded.id
            )
            await recorded.listen(listened.place)

    async def _take_over(self, listened: ListenedRoom, recorded: Recorded) -> None:
        """One connection for each room: that of the recording."""
        with _apart(recorded.id):
            await listened.stop_alone()
            await self.listen(recorded, listened)

    async def _join_late(self, recorded: Recorded) -> None:
        """It has sound by now."""
        with _apart(recorded.id):
            await self._listen(recorded)

    async def _go_on_alone(self, listened: ListenedRoom) -> None:
        try:
            live = await listened.resolve()
            await listened.listen_alone(live)
        except HostcueError as exc:
            listened.end(exc.code)
        except Exception as exc:
            log.error("listening_failed", session=listened.session_id, exc_info=exc)
            listened.end("internal_error")

    async def _after(self, listened: ListenedRoom) -> None:
        recorded = self._recorded.get(listened.recording_id or "")
        with _apart(listened.recording_id or ""):
            await listened.stop_alone()
            if recorded is not None and self._rooms.of_recording(recorded.id) is None:
                await recorded.listen(None)
            await self.offer()


@contextmanager
def _apart(recording_id: str) -> Iterator[None]:
    """Nothing that fails in here reaches a recording, or another room."""
    try:
        yield
    except Exception as exc:
        log.error("speech_not_joined", recording=recording_id, exc_info=exc)
