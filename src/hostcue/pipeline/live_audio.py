"""Which rooms are listened to here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import anyio
import structlog
from anyio.abc import TaskGroup

from hostcue.errors import BadRequest, Conflict, NotFound
from hostcue.model.event import Event
from hostcue.model.room import DEFAULT_ACCESS, Access
from hostcue.model.segment import Segment
from hostcue.model.speech import SpeechPlan
from hostcue.pipeline.live_audio_offline import HearFile, OfflineHearing, OfflineRules
from hostcue.pipeline.live_audio_recorded import Recorded, RecordedRooms
from hostcue.pipeline.live_audio_requested import RequestedRooms
from hostcue.pipeline.live_audio_room import ListenedRoom
from hostcue.pipeline.live_audio_rooms import ListenedRooms
from hostcue.pipeline.live_audio_status import (
    SpeechEngineState,
    SpeechHealth,
    SpeechMode,
    SpeechSessionStatus,
    health_of,
    status_of,
)
from hostcue.pipeline.live_audio_supply import ListeningParts, SpeechSupply
from hostcue.pipeline.live_audio_words import ProductWords
from hostcue.speech.engine import EngineStatus
from hostcue.storage.outbox import Outbox
from hostcue.storage.recordings import Recordings
from hostcue.storage.segments import Segments
from hostcue.storage.speech_spans import SpeechSpans

__all__ = [
    "LiveAudio",
    "SpeechEngineState",
    "SpeechHealth",
    "SpeechMode",
    "SpeechRows",
    "SpeechSessionStatus",
]

log = structlog.get_logger(__name__)

_LAST_WORDS_S = 2.0
_CLOSED_WITHIN_S = 3.0
_BEYOND_END_S = 4.0


@dataclass(frozen=True, slots=True)
class SpeechRows:
    """The rows that listening reads, beside what it writes."""

    recordings: Recordings
    segments: Segments
    spans: SpeechSpans
    outbox: Outbox


class LiveAudio:
    """Listens to rooms: those that are recorded by themselves, others when asked.

    `recorded` is told of the recordings. `plan` is how rooms are listened to where nobody says
    otherwise, `offline_plan` how files are. With `off` nobody listens at all.
    """

    def __init__(
        self,
        tasks: TaskGroup,
        parts: ListeningParts,
        rows: SpeechRows,
        supply: SpeechSupply,
        *,
        plan: SpeechPlan,
        offline_plan: SpeechPlan,
        hear_file: HearFile,
        engine_status: Callable[[], tuple[EngineStatus, int]],
        off: bool = False,
        most: int = 8,
        offline_rules: OfflineRules | None = None,
        look_every_s: float = 10.0,
    ) -> None:
        """`engine_status` also tells how many stretches wait for it."""
        self._parts = parts
        self._rows = rows
        self._supply = supply
        self._plan = plan
        self._engine_status = engine_status
        self._off = off
        self._look_every_s = look_every_s
        self._words = ProductWords(rows.outbox)
        self._rooms = ListenedRooms(
            tasks, parts, self._words, most=most, left=lambda room: self.recorded.left(room)
        )
        self.recorded = RecordedRooms(tasks, self._rooms, supply, plan, automatic=not off)
        self._requested = RequestedRooms(
            tasks, parts, self._rooms, self.recorded, rows.recordings, plan
        )
        self._offline = OfflineHearing(
            parts,
            hear_file,
            rows.segments,
            rows.spans,
            plan=offline_plan,
            words=self._words.of,
            settled=self.settled,
            rules=offline_rules,
        )

    @property
    def usual(self) -> SpeechPlan:
        """How a room is listened to where nobody said otherwise."""
        return self._plan

    async def start(
        self,
        *,
        link: str | None = None,
        recording_id: str | None = None,
        plan: SpeechPlan | None = None,
        access: Access = DEFAULT_ACCESS,
    ) -> tuple[SpeechSessionStatus, bool]:
        """Listen to a room, given by its link or its recording; the flag: it was already.

        A room that is listened to already goes on under its session; a plan that is given is
        taken over, None leaves the one in force.

        Raises:
            BadRequest: neither or both of link and recording were given.
            NotFound: no such recording.
            Conflict: listening is switched off, or nothing of the recording comes now.
            LimitReached: as many rooms are listened to as are allowed.
            SpeechMissing, ModelRefused: what it needs is not there.
            HostcueError: the room cannot be listened to now.
        """
        if (link is None) == (recording_id is None):
            raise BadRequest("give either live_url or recording_id", field="live_url")
        await self._require()
        if recording_id is not None:
            room, already = await self._requested.of_recording(recording_id, plan)
        else:
            room, already = await self._requested.of_link((link or "").strip(), plan, access)
        return self._told(room), already

    async def stop(self, session_id: str | None = None) -> SpeechSessionStatus:
        """Stop listening; the last sentences are stored when this returns.

        Without an id: the only session. A recording that goes on is not listened to by itself
        any more.

        Raises:
            NotFound: no such session, or none at all.
            BadRequest: there are several, and no id was given.
        """
        running = [room for room in self._rooms.running() if room.known]
        if session_id is None and len(running) > 1:
            raise BadRequest(
                f"{len(running)} rooms are listened to",
                field="session_id",
                remedy="say which one: " + ", ".join(room.session_id for room in running),
            )
        room = self._get(session_id)
        if (recorded := self.recorded.get(room.recording_id or "")) is not None:
            recorded.declined = True
        await room.stop_alone()
        room.end("stopped")
        with anyio.move_on_after(self._parts.end_s + _BEYOND_END_S):
            await room.ended.wait()
        return self._told(room)

    def status(self, session_id: str | None = None) -> SpeechSessionStatus:
        """One session as it stands; without an id the newest, a running one before an ended one.

        Raises:
            NotFound: no such session.
        """
        return self._told(self._get(session_id))

    def every(self) -> list[SpeechSessionStatus]:
        """The sessions, the last ones that ended first, then those that run."""
        return [self._told(room) for room in self._rooms.every()]

    def unheard(self) -> list[Recorded]:
        """The recordings nobody listens to, although that is wanted."""
        return self.recorded.refused()

    def health(self) -> SpeechHealth:
        """Whether rooms can be listened to; loads nothing."""
        return health_of(
            self._supply.found,
            *self._engine_status(),
            off=self._off,
            sessions=len(self._rooms.running()),
            most=self._rooms.most,
        )

    def listens(self, room_id: str) -> bool:
        """Whether what is said in a broadcast is listened to now."""
        return any(not room.ending for room in self._rooms.of(room_id))

    async def settled(self, room_id: str, until_ms: int) -> None:
        """Returns once what was said in a room before `until_ms` is stored, as far as it will be.

        Bring a deadline.
        """
        for room in self._rooms.of(room_id):
            await room.settled(until_ms)

    async def transcribe_segment(self, recording_id: str, seq: int) -> Mapping[str, float]:
        """Hear soon what no session heard of a segment; see `OfflineHearing.request`."""
        await self._require()
        return await self._offline.request(recording_id, seq)

    def closed(self, segment: Segment) -> None:
        """A segment is complete: what nobody heard of it is heard from its file, by and by."""
        recorded = self.recorded.get(segment.recording_id)
        declined = recorded is not None and recorded.declined
        if not (self._off or declined) and self._supply.ready:
            self._offline.consider(segment)

    def words(self, room_id: str) -> tuple[str, ...]:
        """The names of products that are heard right in a broadcast, as far as they are known."""
        return self._words.of(room_id)

    async def look(self) -> bool:
        """Look whether rooms can be listened to."""
        return await self._supply.look()

    def committed(self, events: Sequence[Event]) -> None:
        """Reads what is committed: carts name what the host talks about."""
        try:
            for room_id in self._words.heard(events):
                self._rooms.other_words(room_id)
        except Exception as exc:  # a boundary: whoever has committed this has nothing to do with it
            log.error("product_names_not_read", exc_info=exc)

    async def run(self) -> None:
        """Hear files, and look again and again whether rooms can be listened to; for ever."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._offline.run)
            while True:
                try:
                    if await self.look():
                        await self.recorded.offer()
                except Exception as exc:
                    log.warning("speech_not_looked_for", exc_info=exc)
                await anyio.sleep(self._look_every_s)

    async def close(self) -> None:
        """End all sessions; what was said last is stored, if that takes no longer than seconds."""
        await self._rooms.close(last_words_s=_LAST_WORDS_S, within_s=_CLOSED_WITHIN_S)

    async def _require(self) -> None:
        if self._off:
            raise Conflict(
                "listening is switched off",
                field="HOSTCUE_SPEECH",
                remedy="set HOSTCUE_SPEECH=auto and start hostcue again",
            )
        await self._supply.require()

    def _get(self, session_id: str | None) -> ListenedRoom:
        rooms = self._rooms.every()
        if session_id is not None:
            rooms = [room for room in rooms if room.session_id == session_id]
        running = [room for room in rooms if not room.ending]
        if not rooms:
            raise NotFound(
                "no room is listened to"
                if session_id is None
                else f"there is no session {session_id}",
                field="session_id",
                remedy="start with POST /api/live_audio/start",
            )
        return (running or rooms)[-1]

    def _told(self, room: ListenedRoom) -> SpeechSessionStatus:
        return status_of(room, self._supply.found.model)
