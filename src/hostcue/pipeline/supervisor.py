"""Which rooms are recorded here."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import structlog
from anyio.abc import TaskGroup, TaskStatus

from hostcue.errors import Conflict, HostcueError, LimitReached
from hostcue.log import redact_text
from hostcue.model.clock import now_ms
from hostcue.model.comment import Gap
from hostcue.model.recording import (
    MediaInfo,
    Progress,
    Recording,
    RecordingPlan,
    StateChanged,
)
from hostcue.model.room import LiveRoom, Quality
from hostcue.model.segment import Segment
from hostcue.pipeline.chats import Chats
from hostcue.pipeline.session import Recordable, RecordingSession
from hostcue.recording.engine import Engine
from hostcue.recording.naming import PART, room_folder
from hostcue.rooms.chain import Resolvers
from hostcue.storage.recordings import Recordings
from hostcue.storage.segments import Segments, Totals

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RecordingStatus:
    """A recording as it stands; `info` and `progress` are there only while it runs.

    `coverage` is the share of the time since its start that is on disk.
    """

    recording: Recording
    link: str
    quality_got: Quality
    totals: Totals
    gaps: tuple[Gap, ...]
    coverage: float
    free_bytes: int
    info: MediaInfo | None
    progress: Progress | None


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
        self._starting: dict[str, anyio.Lock] = {}
        self._stopping = False

    async def start(self, plan: RecordingPlan) -> tuple[Recording, bool]:
        """Record a room; the flag says that it was recorded already.

        Raises:
            HostcueError: the room cannot be recorded now, and nothing was started.
        """
        live = await self._resolvers.resolve(plan.link, plan.quality)
        if plan.anchor_name and live.room.platform == "direct":
            live = replace(live, room=replace(live.room, anchor_name=plan.anchor_name))
        key = f"{live.room.platform}:{live.room.live_id}"
        lock = self._starting.setdefault(key, anyio.Lock())
        async with lock:
            found = self._find(live)
            if found is not None:
                return found.recording, True
            return await self._start(plan, live, key), False

    async def stop(self, recording_id: str) -> RecordingStatus:
        """Stop a recording; its last segment is announced when this returns.

        Raises:
            NotFound: no such recording.
        """
        session = self._running.get(recording_id)
        if session is not None:
            await session.stop("stopped")
        return await self.status(recording_id)

    async def status(self, recording_id: str) -> RecordingStatus:
        """One recording as it stands.

        Raises:
            NotFound: no such recording.
        """
        recording = await self._recordings.get(recording_id)
        totals = (await self._segments.totals()).get(recording_id, Totals())
        return await self._status(recording, totals, await self._recordings.qualities())

    async def every(self) -> list[RecordingStatus]:
        """All recordings, running or not, the newest first."""
        totals = await self._segments.totals()
        qualities = await self._recordings.qualities()
        return [
            await self._status(recording, totals.get(recording.id, Totals()), qualities)
            for recording in await self._recordings.every()
        ]

    async def take_up(self) -> None:
        """After a start: recover the files a crash left open, go on with what is still wanted."""
        interrupted = set(await self._segments.recordings_with_open_files())
        for recording in await self._recordings.every():
            if recording.wanted or recording.id in interrupted:
                self._tasks.start_soon(self._take_up, recording, name=f"take_up:{recording.id}")

    async def close(self) -> None:
        """Stop all recordings side by side; they stay wanted, so that the next start goes on."""
        self._stopping = True
        async with anyio.create_task_group() as tasks:
            for session in list(self._running.values()):
                tasks.start_soon(session.stop, "server_stopped")

    def running(self) -> list[RecordingSession]:
        """The recordings under way in this process."""
        return list(self._running.values())

    def _find(self, live: LiveRoom) -> RecordingSession | None:
        for session in self._running.values():
            room = session.recording.room
            if (room.platform, room.live_id) == (live.room.platform, live.room.live_id):
                return session
        return None

    async def _start(self, plan: RecordingPlan, live: LiveRoom, key: str) -> Recording:
        if self._stopping:
            raise Conflict("the server is stopping", remedy="start again when it is back")
        if len(self._running) >= self._max:
            raise LimitReached(
                f"{self._max} recordings run already",
                remedy="stop one first, or raise HOSTCUE_MAX_RECORDINGS",
            )
        folder = await self._folder(live, key)
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
        session = self._session(recording)
        try:
            await self._tasks.start(self._run, session, live, name=f"recording:{recording.id}")
        except HostcueError:
            _remove_empty(made)
            raise
        return session.recording

    async def _run(
        self, session: RecordingSession, live: LiveRoom, *, task_status: TaskStatus[None]
    ) -> None:
        recording_id = session.recording.id
        self._running[recording_id] = session
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

    async def _take_up(self, recording: Recording) -> None:
        session = self._session(recording)
        try:
            with structlog.contextvars.bound_contextvars(recording=recording.id):
                await self._recover(session)
                if not recording.wanted or self._stopping:
                    return
                self._running[recording.id] = session
                totals = (await self._segments.totals()).get(recording.id, Totals())
                await session.resume(totals.last_end_ms)
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
        reason = exc.code if isinstance(exc, HostcueError) else "internal_error"
        await session.fail(StateChanged("failed", reason, now_ms()))

    def _session(self, recording: Recording) -> RecordingSession:
        return RecordingSession(
            recording,
            parts=self._parts,
            recordings=self._recordings,
            segments=self._segments,
            chats=self._chats,
            analyse=self._analyse,
        )

    async def _status(
        self, recording: Recording, totals: Totals, qualities: dict[str, Quality]
    ) -> RecordingStatus:
        session = self._running.get(recording.id)
        if session is not None:
            recording = session.recording
        gaps = tuple(await self._recordings.gaps(recording.id))
        media_ms, end_ms = totals.media_ms, totals.last_end_ms
        progress = session.progress if session else None
        if progress is not None:
            media_ms, end_ms = media_ms + progress.duration_ms, progress.at_ms
        start_ms = totals.first_start_ms or recording.started_ms
        return RecordingStatus(
            recording=recording,
            link=redact_text(recording.plan.link),
            quality_got=session.quality_got if session else qualities[recording.id],
            totals=totals,
            gaps=gaps,
            coverage=_share(media_ms, start_ms, end_ms),
            free_bytes=await anyio.to_thread.run_sync(_free_bytes, self._root),
            info=session.info if session else None,
            progress=progress,
        )

    async def _folder(self, live: LiveRoom, key: str) -> Path:
        owners = await self._recordings.output_owners()
        return room_folder(
            self._root,
            platform=live.room.platform,
            anchor_name=live.room.anchor_name,
            room_id=live.room.room_id,
            taken=lambda folder: owners.get(str(folder), key) != key,
        )


def _share(media_ms: int, start_ms: int, end_ms: int | None) -> float:
    if end_ms is None or end_ms <= start_ms:
        return 1.0
    return min(1.0, media_ms / (end_ms - start_ms))


def _open_files(recording: Recording) -> list[Path]:
    return list(Path(recording.output).glob(f"{recording.id}_*{PART}"))


def _free_bytes(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _missing_parents(folder: Path) -> list[Path]:
    """Make the folder; returns what was missing, the innermost first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for made in reversed(missing):
        made.mkdir()
    return missing


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with suppress(OSError):  # not empty: somebody else uses it by now
            folder.rmdir()
