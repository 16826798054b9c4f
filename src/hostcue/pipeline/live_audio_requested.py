"""Whoever asks for a room has it listened to, however its sound can be had."""

from __future__ import annotations

from anyio.abc import TaskGroup

from hostcue.errors import Conflict, LimitReached
from hostcue.log import redact_text
from hostcue.model.room import Access, LiveRoom
from hostcue.model.speech import SpeechPlan
from hostcue.pipeline.live_audio_recorded import Recorded, RecordedRooms
from hostcue.pipeline.live_audio_room import ListenedRoom
from hostcue.pipeline.live_audio_rooms import ListenedRooms
from hostcue.pipeline.live_audio_supply import ListeningParts
from hostcue.storage.recordings import Recordings


class RequestedRooms:
    """Finds the session of a room, or begins one: over its recording, else over a connection.

    A session that there is already takes over a plan that is given; by `usual` new ones go where
    none is.
    """

    def __init__(
        self,
        tasks: TaskGroup,
        parts: ListeningParts,
        rooms: ListenedRooms,
        recorded: RecordedRooms,
        recordings: Recordings,
        usual: SpeechPlan,
    ) -> None:
        self._tasks = tasks
        self._parts = parts
        self._rooms = rooms
        self._recorded = recorded
        self._recordings = recordings
        self._plan = usual

    async def of_recording(
        self, recording_id: str, plan: SpeechPlan | None
    ) -> tuple[ListenedRoom, bool]:
        """The session, and whether there was one already; raises as `LiveAudio.start` does."""
        return await self._of_recorded(await self._recording(recording_id), plan)

    async def _recording(self, recording_id: str) -> Recorded:
        recorded = self._recorded.get(recording_id)
        if recorded is None:
            await self._recordings.get(recording_id)
            raise Conflict(
                "nothing is recorded there at the moment",
                field="recording_id",
                remedy="a room is listened to by itself as soon as it is recorded",
            )
        return recorded

    async def _of_recorded(
        self, recorded: Recorded, plan: SpeechPlan | None
    ) -> tuple[ListenedRoom, bool]:
        found = self._rooms.of_recording(recorded.id)
        if found is not None:
            return self._go_on(found, plan), True
        if recorded.mute:
            raise Conflict("the stream holds no sound", field="recording_id")
        self._check_place()
        room = await self._rooms.begin(
            recorded.room,
            plan or self._plan,
            redact_text(recorded.room.url),
            recording_id=recorded.id,
            asked=True,
        )
        await self._recorded.listen(recorded, room)
        return room, False

    async def of_link(
        self, link: str, plan: SpeechPlan | None, access: Access
    ) -> tuple[ListenedRoom, bool]:
        """As `of_recording`, for the room that a link leads to."""
        told = self._parts.room_of(link)
        found, recorded = self._rooms.find(told, link), self._recorded.find(told, link)
        if found is None and recorded is None:
            self._check_place()
            live = await self._parts.resolve(link, access)
            found, recorded = self._rooms.find(live.room, link), self._recorded.find(live.room)
            if found is None and recorded is None:
                return await self._listen_alone(live, link, plan, access), False
        if found is not None:
            return self._go_on(found, plan), True
        assert recorded is not None  # noqa: S101 - one of the two was found
        return await self._of_recorded(recorded, plan)

    async def _listen_alone(
        self, live: LiveRoom, link: str, plan: SpeechPlan | None, access: Access
    ) -> ListenedRoom:
        """Over a connection of its own."""
        self._check_place()
        room = await self._rooms.begin(
            live.room,
            plan or self._plan,
            redact_text(live.room.url),
            link=link,
            access=access,
            asked=True,
        )
        try:
            await self._tasks.start(self._rooms.alone, room, live)
        except BaseException:  # cancelled too: nobody would listen, and it would hold a place
            room.end("not_started")
            raise
        return room

    def _go_on(self, room: ListenedRoom, plan: SpeechPlan | None) -> ListenedRoom:
        room.asked = True
        if plan is not None:
            room.adopt(plan)
        return room

    def _check_place(self) -> None:
        if self._rooms.full:
            raise LimitReached(
                f"{self._rooms.most} rooms are listened to already",
                remedy="stop one first, or raise HOSTCUE_MAX_LISTENING",
            )
