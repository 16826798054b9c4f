"""Which rooms are recorded and watched here."""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import structlog
from anyio.abc import TaskGroup, TaskStatus

from hostcue.errors import (
    HostcueError,
    LimitReached,
)
from hostcue.log import redact_text
from hostcue.model.clock import now_ms
from hostcue.model.recording import (
    FINAL_STATES,
    LINK_LOST,
    Recording,
    RecordingPlan,
    StateChanged,
)
from hostcue.model.room import LiveRoom, Room
from hostcue.pipeline.broadcast import Recordable
from hostcue.pipeline.chats import Chats
from hostcue.pipeline.folders import Folders, remove_empty, room_key
from hostcue.pipeline.inquiries import Inquiries, named
from hostcue.pipeline.logbook import SERVER_STOPPED, Books, Logbook
from hostcue.pipeline.overview import Overview, RecordingStatus
from hostcue.pipeline.places import Places
from hostcue.pipeline.recovery import Recovery
from hostcue.pipeline.session import RecordingSession
from hostcue.pipeline.sessions import Sessions
from hostcue.pipeline.watch import reason_of
from hostcue.recording.engine import Engine
from hostcue.storage.vault import RIGHT_KEY

log = structlog.get_logger(__name__)


class Supervisor:
    """Starts, stops and takes up recordings; each runs as a task of its own and harms no other.

    A start that only wants to watch is answered after `answer_s`, whatever the platform does.
    After a restart the rooms of a platform are asked for `spread_s` apart.
    """

    def __init__(
        self,
        tasks: TaskGroup,
        *,
        engine: Engine,
        books: Books,
        chats: Chats,
        parts: Recordable,
        records_root: Path,
        max_recordings: int = 16,
        answer_s: float = 8.0,
        spread_s: float = 0.5,
    ) -> None:
        self._tasks = tasks
        self._books = books
        self._chats = chats
        self._parts = parts
        self._folders = Folders(records_root, books.recordings)
        self._inquiries = Inquiries(parts.resolve, answer_s=answer_s)
        self._spread_s = spread_s
        self._places = Places(max_recordings)
        self._recovery = Recovery(engine, books.segments, books.gaps, zone=parts.zone)
        self._sessions = Sessions()
        self._overview = Overview(books, self._sessions)
        self._starting: dict[str, anyio.Lock] = {}
        self._admission = anyio.Lock()
        chats.on_control(self._sessions.hear)

    async def start(self, plan: RecordingPlan) -> tuple[Recording, bool]:
        """Record a room, or watch it; the flag says that this was done already.

        A room that is recorded or watched already goes on under its id. What can change under way
        is taken over from the later start: `monitor` with its showtimes, where it is asked for,
        cookie and proxy, where they are given; the rest stays as it was begun.

        With `monitor` the room need not be live, nor the platform answer.

        Raises:
            HostcueError: the room cannot be recorded now, and nothing was started.
        """
        answer = await self._inquiries.ask(plan)
        room = answer.room if isinstance(answer, LiveRoom) else self._unseen(plan)
        async with self._starting.setdefault(room_key(room, plan.link), anyio.Lock()):
            while (found := self._sessions.find(room, plan.link)) is not None:
                if not found.stopping:
                    await found.adopt(plan)
                    return found.recording, True
                await found.finished.wait()
            return await self._start(plan, room, answer), False

    async def stop(self, recording_id: str) -> RecordingStatus:
        """Stop a recording, or watching; its last segment is announced when this returns.

        Raises:
            NotFound: no such recording.
        """
        session = self._sessions.get(recording_id)
        if session is not None:
            await session.stop("stopped")
        if session is None or session.recording.reason == LINK_LOST:
            await self._give_up(await self._books.recordings.get(recording_id), "stopped")
        return await self.status(recording_id)

    async def pin(self, recording_id: str, pinned: bool) -> RecordingStatus:
        """Keep a recording's files whatever the rules for old ones say, or no longer.

        Raises:
            NotFound: no such recording.
        """
        await self._books.recordings.get(recording_id)
        await self._books.recordings.set_pinned(recording_id, pinned)
        session = self._sessions.get(recording_id)
        if session is not None:
            session.logbook.pinned(pinned)
        return await self.status(recording_id)

    async def status(self, recording_id: str) -> RecordingStatus:
        """One recording as it stands.

        Raises:
            NotFound: no such recording.
        """
        return await self._overview.one(recording_id)

    async def newest(self, limit: int, *, before_ms: int | None = None) -> list[RecordingStatus]:
        """As `Overview.newest`."""
        return await self._overview.newest(limit, before_ms=before_ms)

    async def take_up(self) -> None:
        """After a start: recover the files a crash left open, go on with what is still wanted."""
        interrupted = set(await self._books.segments.recordings_with_open_files())
        lost = 0
        taken, asked = set[str](), Counter[str]()
        for recording in await self._books.recordings.wanted(also=interrupted):  # newest first
            key = room_key(recording.room, recording.plan.link)
            wanted = recording.wanted and key not in taken
            if recording.wanted and not wanted:
                await self._give_up(recording, "superseded")
            elif wanted and recording.reason == LINK_LOST:
                await self._books.recordings.announce(recording)
                lost += 1
            goes_on = wanted and recording.reason != LINK_LOST
            if goes_on or recording.id in interrupted:
                session = self._taken_up(recording, wanted=wanted)
                platform = recording.room.platform
                self._tasks.start_soon(
                    self._sessions.run,
                    session,
                    partial(self._take_up, recording, session, asked[platform] * self._spread_s),
                    name=f"recording:{recording.id}",
                )
                asked[platform] += platform != "direct"  # where nobody is asked
            if goes_on:
                taken.add(key)
        if lost:
            log.warning("recordings_sealed_with_another_key", count=lost, remedy=RIGHT_KEY)

    async def close(self) -> None:
        """Stop all recordings side by side; they stay wanted, so that the next start goes on."""
        self._inquiries.close()
        self._recovery.close()
        async with anyio.create_task_group() as tasks:
            for session in list(self._sessions.values()):
                tasks.start_soon(session.stop, SERVER_STOPPED)

    def running(self) -> list[RecordingSession]:
        """The recordings under way in this process, and the rooms it watches."""
        return list(self._sessions.values())

    async def _start(
        self, plan: RecordingPlan, room: Room, answer: LiveRoom | HostcueError
    ) -> Recording:
        async with self._admission:  # limit and folder are looked at by one start at a time
            session, made = await self._admit(plan, room, answer)
        recording_id = session.recording.id
        try:
            if isinstance(answer, LiveRoom) and not plan.monitor:
                await self._tasks.start(
                    self._sessions.run,
                    session,
                    lambda started: session.record(answer, task_status=started),
                    name=f"recording:{recording_id}",
                )
            else:
                await session.logbook.announce()
                self._tasks.start_soon(
                    self._sessions.run,
                    session,
                    lambda _: session.watch(answer),
                    name=f"recording:{recording_id}",
                )
        except HostcueError:
            remove_empty(made)
            raise
        finally:
            if not session.logbook.announced:
                self._sessions.drop(session)
        return session.recording

    async def _admit(
        self, plan: RecordingPlan, room: Room, answer: LiveRoom | HostcueError
    ) -> tuple[RecordingSession, list[Path]]:
        self._inquiries.check()
        if not plan.monitor:
            self._parts.gate.check()
        recording_id = secrets.token_hex(6)
        if not plan.monitor and not self._places.take(recording_id):
            raise LimitReached(
                f"{self._places.most} recordings run already",
                remedy="stop one first, or raise HOSTCUE_MAX_RECORDINGS",
            )
        output, made = "", list[Path]()
        try:
            if isinstance(answer, LiveRoom):
                folder, made = await self._folders.make(room, self._sessions.recordings())
                output = str(folder)
        except HostcueError:
            self._places.give_back(recording_id)
            raise
        now = now_ms()
        recording = Recording(
            id=recording_id,
            plan=plan,
            room=room,
            output=output,
            started_ms=now,
            state="monitoring" if plan.monitor else "starting",
            reason=reason_of(answer) if isinstance(answer, HostcueError) else "",
            since_ms=now,
        )
        session = self._session(recording)
        self._sessions.add(session)
        return session, made

    def _unseen(self, plan: RecordingPlan) -> Room:
        """A room of which only the link is known."""
        room = named(self._parts.room_of(plan.link), plan)
        return replace(room, url=redact_text(room.url))

    async def _give_up(self, recording: Recording, reason: str) -> None:
        """A recording that does not run here is not wanted any more."""
        if recording.wanted or recording.state not in FINAL_STATES:
            change = StateChanged("stopped", reason, now_ms())
            await self._books.recordings.set_state(recording.id, change, wanted=False)

    def _taken_up(self, recording: Recording, *, wanted: bool) -> RecordingSession:
        state = recording.state
        if recording.reason == LINK_LOST:  # it is only recovered
            pass
        elif wanted and not recording.output:  # never seen live, so nothing was interrupted
            state = "monitoring"
        elif wanted and state != "monitoring":
            state = "reconnecting"
            self._places.keep(recording.id)
        session = self._session(replace(recording, wanted=wanted, state=state), announced=True)
        self._sessions.add(session)
        return session

    async def _take_up(
        self, was: Recording, session: RecordingSession, after_s: float, _: TaskStatus[None]
    ) -> None:
        try:
            left = await self._recovery.files(session.logbook)
            goes_on = session.recording.wanted and session.recording.reason != LINK_LOST
            if goes_on and not (self._inquiries.closed or session.stopping):
                gap = await self._recovery.gap(was, left)
                await session.resume(gap, above_seq=left.above_seq, after_s=after_s)
        finally:  # also where it was stopped before it went on
            self._places.give_back(was.id)

    def _session(self, recording: Recording, *, announced: bool = False) -> RecordingSession:
        return RecordingSession(
            Logbook(recording, self._books, announced=announced),
            parts=self._parts,
            chats=self._chats,
            places=self._places,
            settle=self._settle,
        )

    async def _settle(self, session: RecordingSession, live: LiveRoom) -> bool:
        recording = session.recording
        if recording.output:
            return True
        async with self._admission:
            other = self._sessions.find(live.room, recording.plan.link, but=recording.id)
            if other is not None and not other.stopping:
                await other.adopt(recording.plan)
                return False
            room = named(live.room, recording.plan)
            folder, _ = await self._folders.make(room, self._sessions.recordings())
            await session.logbook.settle(room, str(folder))
            return True
