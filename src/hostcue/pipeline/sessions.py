"""The recordings that run in this process, each as a task of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping

import anyio
import structlog
from anyio.abc import TaskStatus

from hostcue.errors import InternalError, known_cause
from hostcue.model.comment import RoomControl
from hostcue.model.recording import Recording
from hostcue.model.room import Room
from hostcue.pipeline.folders import room_key
from hostcue.pipeline.session import RecordingSession

log = structlog.get_logger(__name__)

Life = Callable[[TaskStatus[None]], Awaitable[None]]
"""What a session does from its beginning to its end."""


class Sessions(Mapping[str, RecordingSession]):
    """Sessions by recording id, from before they begin until they have ended."""

    def __init__(self) -> None:
        self._running: dict[str, RecordingSession] = {}

    def __getitem__(self, recording_id: str) -> RecordingSession:
        return self._running[recording_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._running)

    def __len__(self) -> int:
        return len(self._running)

    def add(self, session: RecordingSession) -> None:
        """It will run in a moment; until then it can be found and stopped."""
        self._running[session.recording.id] = session

    def drop(self, session: RecordingSession) -> None:
        """It has ended, or did not begin."""
        session.finished.set()
        self._running.pop(session.recording.id, None)

    async def run(
        self,
        session: RecordingSession,
        life: Life,
        *,
        task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        """Have it live to its end; what it fails with harms no other.

        Raises:
            HostcueError: it failed before anybody knew of it.
        """
        recording_id = session.recording.id
        try:
            with structlog.contextvars.bound_contextvars(recording=recording_id):
                await life(task_status)
        except Exception as exc:
            if not session.logbook.announced:
                raise
            log.error("recording_failed", recording=recording_id, exc_info=exc)
            known = known_cause(exc) or InternalError("hostcue failed here; see its log")
            await session.logbook.enter("failed", known.code)
        finally:
            self.drop(session)

    def find(self, room: Room, link: str = "", *, but: str = "") -> RecordingSession | None:
        """The session of a room, or of the link that is to lead to it."""
        for session in self._running.values():
            recording = session.recording
            same = room.live_id != "" and room_key(recording.room) == room_key(room)
            if recording.id != but and (same or recording.plan.link == link):
                return session
        return None

    def hear(self, room: Room, control: RoomControl) -> None:
        """What the comment stream of a room says of its broadcast."""
        session = self.find(room)
        if session is not None:
            session.hear(control)

    def recordings(self) -> list[Recording]:
        """How they stand."""
        return [session.recording for session in self._running.values()]
