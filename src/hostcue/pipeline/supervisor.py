"""Which rooms are recorded here."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import anyio
import structlog
from anyio.abc import TaskGroup, TaskStatus

from hostcue.errors import (
    Conflict,
    HostcueError,
    LimitReached,
    RecordingError,
    known_cause,
)
from hostcue.model.clock import now_ms
from hostcue.model.recording import (
    FINAL_STATES,
    Recording,
    RecordingPlan,
    StateChanged,
)
from hostcue.model.room import LiveRoom, Room
from hostcue.model.segment import Segment
from hostcue.pipeline.chats import Chats
from hostcue.pipeline.overview import Overview, RecordingStatus
from hostcue.pipeline.session import Recordable, RecordingSession
from hostcue.recording.engine import Engine
from hostcue.recording.naming import PART, part_fields, room_folder
from hostcue.rooms.chain import Resolvers
from hostcue.storage.recordings import Recordings
from hostcue.storage.segments import Segments, Totals

log = structlog.get_logger(__name__)


class Supervisor:
    """Starts, stops and takes up recordings; each runs as a task of its own and harms no other."""

    def __init__(
        self,
        tasks: TaskGroup,
        *,
        engine: Engine,
        resolvers: Resolvers,
        recordings: Recordings,
        segments: Segments,
        chats: Chats,
        parts: Recordable,
        analyse: Callable[[Segment], Awaitable[None]],
        records_root: Path,
        zone: str | None = None,
        max_recordings: int = 16,
    ) -> None:
        self._tasks = tasks
        self._engine = engine
        self._resolvers = resolvers
        self._recordings = recordings
        self._segments = segments
        self._chats = chats
        self._parts = parts
        self._analyse = analyse
        self._root = records_root
        self._zone = zone
        self._max = max_recordings
        self._running: dict[str, RecordingSession] = {}
        self._overview = Overview(recordings, segments, self._running, records_root)
        self._starting: dict[str, anyio.Lock] = {}
        self._admission = anyio.Lock()
        self._resolving: set[anyio.CancelScope] = set()
        self._stopping = False

    async def start(self, plan: RecordingPlan) -> tuple[Recording, bool]:
        """Record a room; the flag says that it was recorded already.

        Raises:
            HostcueError: the room cannot be recorded now, and nothing was started.
        """
        live = await self._resolved(plan)
        if plan.anchor_name and live.room.platform == "direct":
            live = replace(live, room=replace(live.room, anchor_name=plan.anchor_name))
        lock = self._starting.setdefault(_key(live.room), anyio.Lock())
        async with lock:
            while (found := self._find(live.room)) is not None:
                if not found.stopping:
                    return found.recording, True
                await found.finished.wait()
            return await self._start(plan, live), False

    async def stop(self, recording_id: str) -> RecordingStatus:
        """Stop a recording; its last segment is announced when this returns.

        Raises:
            NotFound: no such recording.
        """
        session = self._running.get(recording_id)
        if session is not None:
            await session.stop("stopped")
        else:
            await self._give_up(await self._recordings.get(recording_id), "stopped")
        return await self.status(recording_id)

    async def status(self, recording_id: str) -> RecordingStatus:
        """One recording as it stands.

        Raises:
            NotFound: no such recording.
        """
        return await self._overview.one(recording_id)

    async def every(self) -> list[RecordingStatus]:
        """All recordings, running or not, the newest first."""
        return await self._overview.every()

    async def take_up(self) -> None:
        """After a start: recover the files a crash left open, go on with what is still wanted."""
        interrupted = set(await self._segments.recordings_with_open_files())
        taken: set[str] = set()
        for recording in await self._recordings.every():  # the newest first
            key = _key(recording.room)
            wanted = recording.wanted and key not in taken
            if recording.wanted and not wanted:
                await self._give_up(recording, "superseded")
            elif wanted and not recording.plan.link:
                await self._give_up(recording, "link_lost")
                wanted = False
            if wanted:
                taken.add(key)
            if wanted or recording.id in interrupted:
                session = self._session(replace(recording, wanted=wanted), announced=True)
                self._running[recording.id] = session
                self._tasks.start_soon(self._take_up, session, name=f"take_up:{recording.id}")

    async def close(self) -> None:
        """Stop all recordings side by side; they stay wanted, so that the next start goes on."""
        self._stopping = True
        for scope in self._resolving:
            scope.cancel()
        async with anyio.create_task_group() as tasks:
            for session in list(self._running.values()):
                tasks.start_soon(session.stop, "server_stopped")

    def running(self) -> list[RecordingSession]:
        """The recordings under way in this process."""
        return list(self._running.values())

    async def _resolved(self, plan: RecordingPlan) -> LiveRoom:
        with anyio.CancelScope() as scope:
            self._resolving.add(scope)
            try:
                return await self._resolvers.resolve(plan.link, plan.quality)
            finally:
                self._resolving.discard(scope)
        raise Conflict("the server is stopping", remedy="start again when it is back")

    def _find(self, room: Room) -> RecordingSession | None:
        for session in self._running.values():
            if _key(session.recording.room) == _key(room):
                return session
        return None

    async def _start(self, plan: RecordingPlan, live: LiveRoom) -> Recording:
        async with self._admission:  # limit and folder are looked at by one start at a time
            session, made = await self._admit(plan, live)
        recording_id = session.recording.id
        try:
            await self._tasks.start(self._run, session, live, name=f"recording:{recording_id}")
        except HostcueError:
            _remove_empty(made)
            raise
        finally:
            if not session.announced:
                self._running.pop(recording_id, None)
        return session.recording

    async def _admit(
        self, plan: RecordingPlan, live: LiveRoom
    ) -> tuple[RecordingSession, list[Path]]:
        if self._stopping:
            raise Conflict("the server is stopping", remedy="start again when it is back")
        if len(self._running) >= self._max:
            raise LimitReached(
                f"{self._max} recordings run already",
                remedy="stop one first, or raise HOSTCUE_MAX_RECORDINGS",
            )
        folder = await self._folder(live.room)
        made = _missing_parents(folder)
        now = now_ms()
        recording = Recording(
            id=secrets.token_hex(6),
            plan=plan,
            room=live.room,
            output=str(folder),
            started_ms=now,
            state="starting",
            reason="",
            since_ms=now,
        )
        session = self._running[recording.id] = self._session(recording)
        return session, made

    async def _give_up(self, recording: Recording, reason: str) -> None:
        """A recording that does not run here is not wanted any more."""
        if recording.wanted or recording.state not in FINAL_STATES:
            await self._recordings.set_state(
                recording.id, StateChanged("stopped", reason, now_ms())
            )
            await self._recordings.set_wanted(recording.id, False)

    async def _run(
        self, session: RecordingSession, live: LiveRoom, *, task_status: TaskStatus[None]
    ) -> None:
        recording_id = session.recording.id
        try:
            with structlog.contextvars.bound_contextvars(recording=recording_id):
                await session.run(live, task_status=task_status)
        except Exception as exc:
            if not session.announced:
                raise
            await self._failed(session, exc)
        finally:
            session.finished.set()
            self._running.pop(recording_id, None)

    async def _take_up(self, session: RecordingSession) -> None:
        recording = session.recording
        try:
            with structlog.contextvars.bound_contextvars(recording=recording.id):
                await self._recover(session)
                if recording.wanted and not (self._stopping or session.stopping):
                    totals = await self._segments.totals(recording.id)
                    left = await anyio.to_thread.run_sync(_open_files, recording)
                    await session.resume(
                        totals.get(recording.id, Totals()).last_end_ms,
                        above_seq=max((part_fields(part)[0] for part in left), default=-1),
                    )
        except Exception as exc:  # noqa: BLE001 - one recording's failure must not end the others
            await self._failed(session, exc)
        finally:
            session.finished.set()
            self._running.pop(recording.id, None)

    async def _recover(self, session: RecordingSession) -> None:
        """Finish and index the files that a crash left open, those no row knows of included."""
        recording = session.recording
        known = {Path(item.path): item for item in await self._segments.still_open(recording.id)}
        found = await anyio.to_thread.run_sync(_open_files, recording)
        for part in sorted({*known, *found}):
            item = known.get(part)
            try:
                file = await self._engine.recover(
                    part, start_ms=item.start_ms if item else None, zone=self._zone
                )
            except HostcueError as exc:
                log.error("not_recovered", recording=recording.id, file=part.name, error=exc)
                continue
            if file is not None:  # also when its worker could still finish it by itself
                await session.index(replace(file, status="recovered"))
            elif item is not None:
                await self._segments.forget_open(recording.id, item.seq)

    async def _failed(self, session: RecordingSession, exc: Exception) -> None:
        log.error("recording_failed", recording=session.recording.id, exc_info=exc)
        known = known_cause(exc)
        reason = "internal_error" if known is None else known.code
        await session.fail(StateChanged("failed", reason, now_ms()))

    def _session(self, recording: Recording, *, announced: bool = False) -> RecordingSession:
        return RecordingSession(
            recording,
            parts=self._parts,
            recordings=self._recordings,
            segments=self._segments,
            chats=self._chats,
            analyse=self._analyse,
            announced=announced,
        )

    async def _folder(self, room: Room) -> Path:
        """Where a room records; two rooms never share a folder, not even one yet to record."""
        owners = await self._recordings.output_owners()
        owners |= {s.recording.output: _key(s.recording.room) for s in self._running.values()}
        return room_folder(
            self._root,
            platform=room.platform,
            anchor_name=room.anchor_name,
            room_id=room.room_id,
            taken=lambda folder: owners.get(str(folder), _key(room)) != _key(room),
        )


def _key(room: Room) -> str:
    """What makes a room the same one over all its broadcasts."""
    return f"{room.platform}:{room.live_id}"


def _open_files(recording: Recording) -> list[Path]:
    return list(Path(recording.output).glob(f"{recording.id}_*{PART}"))


def _missing_parents(folder: Path) -> list[Path]:
    """Make the folder; returns what was missing, the innermost first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    try:
        for part in reversed(missing):
            part.mkdir(exist_ok=True)
    except OSError as exc:
        _remove_empty(missing)
        raise RecordingError(
            f"cannot make the folder {exc.filename}: {exc.strerror}",
            field="RECORDS_ROOT",
            remedy="point RECORDS_ROOT to a folder this user may write",
        ) from exc
    return missing


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with suppress(OSError):  # not empty: somebody else uses it by now
            folder.rmdir()
