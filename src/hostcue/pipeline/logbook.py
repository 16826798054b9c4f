"""What becomes of one recording, written down: rows, and with them events and analyses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import anyio
import structlog

from hostcue.errors import StorageFailed
from hostcue.model.clock import now_ms
from hostcue.model.comment import Gap
from hostcue.model.recording import (
    MediaInfo,
    Progress,
    Recording,
    RecordingPlan,
    RecordingState,
    SegmentOpened,
    StateChanged,
    may_follow,
)
from hostcue.model.room import LiveRoom, Quality, Room
from hostcue.model.segment import ClosedFile, Segment
from hostcue.storage.gaps import Gaps
from hostcue.storage.recordings import Recordings
from hostcue.storage.segments import Segments

log = structlog.get_logger(__name__)

SERVER_STOPPED = "server_stopped"
"""The reason of a stop that nobody asked this recording for: the next start takes it up again."""
_STORE_AGAIN_AFTER_S = (0.2, 1.0, 5.0)
"""A database that is busy or full for a moment must not cost a segment its row."""


@dataclass(frozen=True, slots=True)
class Books:
    """Where it is written, and who has new segments analysed."""

    recordings: Recordings
    segments: Segments
    gaps: Gaps
    analyse: Callable[[Segment], Awaitable[None]]


class Logbook:
    """One recording as it stands; `recording` is always its latest state, stored or not.

    `info` and `progress` are what is known of the media that is being written, `lasting` is the gap
    that we cause and no recorder yet. Before it is `announced` the recording exists for nobody
    else, and nothing is stored.
    """

    def __init__(self, recording: Recording, books: Books, *, announced: bool = False) -> None:
        self.recording = recording
        self.quality_got: Quality = recording.plan.quality
        self.info: MediaInfo | None = None
        self.progress: Progress | None = None
        self.announced = announced
        self._books = books
        self.lasting: Gap | None = None
        self._recorded_to_ms: int | None = None

    async def announce(self) -> None:
        """From now on the recording exists for everyone."""
        await self._books.recordings.add(self.recording, self.quality_got)
        self.announced = True

    async def enter(self, state: RecordingState, reason: str, live: LiveRoom | None = None) -> None:
        """Go into another state now."""
        await self.change(StateChanged(state, reason, now_ms(), live))

    async def change(self, change: StateChanged) -> None:
        """Go into another state, if it can follow on this one; stored and announced where new."""
        before, known = self.recording, self._seen
        if not may_follow(before.state, change.state):
            log.error("impossible_state", before=before.state, after=change.state)
            return
        room = before.room if change.live is None else change.live.room
        over = change.state == "stopped" and change.reason != SERVER_STOPPED
        self.recording = replace(
            before,
            state=change.state,
            reason=change.reason,
            since_ms=change.at_ms,
            room=replace(before.room, room_id=room.room_id, title=room.title),
            wanted=before.wanted and not over,
        )
        if change.live is not None:
            self.quality_got = change.live.source.quality
        if change.state not in {"recording", "reconnecting"}:
            self.info = self.progress = None
        if self.announced and self._seen != known:
            log.info("recording_state", state=change.state, reason=change.reason)
            await self._stored(
                self._books.recordings.set_state, before.id, change, wanted=self.recording.wanted
            )

    @property
    def _seen(self) -> tuple[str, ...]:
        """What others see of where it stands; more of the same is no news."""
        it, room = self.recording, self.recording.room
        return it.state, it.reason, room.room_id, room.title, self.quality_got

    async def replan(self, plan: RecordingPlan) -> None:
        """Watch and reach the room in another way from now on."""
        if self.announced:
            await self._books.recordings.set_plan(self.recording.id, plan)
        self.recording = replace(self.recording, plan=plan)

    def pinned(self, pinned: bool) -> None:
        """Its files are kept whatever the rules for old ones say, or no longer."""
        self.recording = replace(self.recording, pinned=pinned)

    async def settle(self, room: Room, output: str) -> None:
        """It is known now which room the link leads to, and where it is recorded."""
        await self._books.recordings.set_room(self.recording.id, room, output)
        self.recording = replace(self.recording, room=room, output=output)

    async def next_seq(self) -> int:
        """The number of the next file."""
        return await self._books.segments.next_seq(self.recording.id)

    async def opened(self, segment: SegmentOpened) -> None:
        """A file was begun."""
        self.info = segment.info
        await self._stored(self._books.segments.opened, self.recording.id, segment)

    async def index(self, file: ClosedFile) -> None:
        """Give a closed file its row and its event, and have it analysed."""
        self.progress = None
        self._reached(file.window.end_ms)
        recording, room = self.recording, self.recording.room
        segment = Segment(
            recording.id, room.room_id, room.anchor_name, room.platform, file, now_ms()
        )
        if await self._stored(self._books.segments.add, segment):
            log.info("segment_ready", recording=recording.id, seq=file.seq, bytes=file.bytes)
            await self._books.analyse(segment)

    async def gap(self, gap: Gap) -> None:
        """What a recorder says of a gap, of the one it was given too."""
        if gap.end_ms is not None:
            self._reached(gap.end_ms)
            if self.lasting is not None and self.lasting.start_ms == gap.start_ms:
                self.lasting = None
        await self._stored(self._books.gaps.store, self.recording.id, gap)

    def begin(self) -> None:
        """Another broadcast: what came before it is not missing."""
        self._recorded_to_ms = None

    async def lack(self, cause: str) -> None:
        """From where the media ends something is missing now, for a reason of ours."""
        if self.lasting is None:
            start_ms = now_ms() if self._recorded_to_ms is None else self._recorded_to_ms
            await self.take_gap(Gap(start_ms, cause))

    async def take_gap(self, gap: Gap) -> None:
        """Go on with a gap that lasts, until something is recorded."""
        self.lasting = gap
        await self._stored(self._books.gaps.store, self.recording.id, gap)

    async def regain(self, at_ms: int | None = None) -> None:
        """Nothing is missing any more since `at_ms`; None: nothing ever was."""
        if self.lasting is not None:
            gap, self.lasting = self.lasting, None
            end_ms = gap.start_ms if at_ms is None else max(gap.start_ms, at_ms)
            await self._stored(
                self._books.gaps.store, self.recording.id, replace(gap, end_ms=end_ms)
            )
            self._reached(end_ms)

    def _reached(self, at_ms: int) -> None:
        self._recorded_to_ms = max(at_ms, self._recorded_to_ms or 0)

    async def _stored(
        self, write: Callable[..., Awaitable[object]], *args: object, **more: object
    ) -> bool:
        """Write, trying again while the database cannot; whether it worked and changed something.

        A segment that got no row is on disk and still listed as open: the next start indexes it.
        """
        for pause_s in (*_STORE_AGAIN_AFTER_S, None):
            try:
                return await write(*args, **more) is not False
            except StorageFailed as exc:
                log.error("not_stored", recording=self.recording.id, error=exc, again_in_s=pause_s)
                if pause_s is not None:
                    await anyio.sleep(pause_s)
        return False
