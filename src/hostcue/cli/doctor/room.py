"""Everything tried on one live room, with the parts that serve it every day."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from hostcue.analysis.frames import extract_frames
from hostcue.analysis.templates import TemplateWriter
from hostcue.cli.doctor import told
from hostcue.cli.doctor.finding import Checks, Outcome
from hostcue.comments.digest import digest
from hostcue.config import Settings
from hostcue.errors import RecordingError
from hostcue.model.clock import now_ms
from hostcue.model.comment import Comment, Gap, Tally, WayTaken
from hostcue.model.recording import RecorderEvent, RecordingPlan
from hostcue.model.room import LiveRoom
from hostcue.model.segment import ClosedFile, Segment
from hostcue.model.speech_digest import SpeechDigest
from hostcue.model.tip import Answer, EvidencePack, Frame
from hostcue.ports import CommentSource
from hostcue.recording.engine import Engine
from hostcue.recording.recorder import Recorder
from hostcue.wiring import Platforms, open_platforms, open_writer

_RESOLVE_S = 60.0  # the browserless platforms of streamget take several requests
_CONNECT_S = 60.0  # over the seconds that are recorded and listened to
_FRAMES_S = 60.0
_MODEL_S = 90.0  # a writer gives up after 60


async def examine_room(checks: Checks, settings: Settings, link: str, *, seconds: float) -> None:
    """Resolve, record and listen for `seconds`, take frames, have lines written.

    What needs a step that failed is skipped; nothing stays on the disk.
    """
    with tempfile.TemporaryDirectory(prefix="hostcue-doctor-", ignore_cleanup_errors=True) as place:
        async with AsyncExitStack() as stack:
            visit = _Visit(settings, link, Path(place), seconds)
            resolve = partial(visit.resolve, stack)
            live = await checks.run("resolve", resolve, within_s=_RESOLVE_S)
            if live is None:
                names = ("stream", "comments", "frames", "tips")
                checks.skip(names, "the room could not be resolved")
                return
            await _try_out(checks, visit, live)


async def _try_out(checks: Checks, visit: _Visit, live: LiveRoom) -> None:
    within_s = visit.seconds + _CONNECT_S
    file: ClosedFile | None = None
    comments: list[Comment] | None = None

    async def record() -> None:
        nonlocal file
        file = await checks.run("stream", partial(visit.record, live), within_s=within_s)

    async def listen() -> None:
        nonlocal comments
        source = visit.source_of(live)
        if source is None:
            checks.skip(["comments"], f"comments of {live.room.platform} can't be read yet")
            return
        step = partial(visit.listen, live, source)
        comments = await checks.run("comments", step, within_s=within_s)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(record)
        tasks.start_soon(listen)
    if file is None:
        checks.skip(["frames", "tips"], "there is no recorded stream")
        return
    frames = await checks.run("frames", partial(visit.look, file), within_s=_FRAMES_S)
    if frames is None:
        checks.skip(["tips"], "there are no frames")
        return
    step = partial(visit.write, live, file, frames, comments or [])
    await checks.run("tips", step, within_s=_MODEL_S)


class _Visit:
    """One visit to a room; each method is the step of one check."""

    def __init__(self, settings: Settings, link: str, place: Path, seconds: float) -> None:
        self.seconds = seconds
        self._settings = settings
        self._link = link
        self._place = place
        self._platforms: Platforms | None = None

    def source_of(self, live: LiveRoom) -> CommentSource | None:
        """Where the room's comments come from, if we can read them."""
        return self._platforms.comments.get(live.room.platform) if self._platforms else None

    async def resolve(self, stack: AsyncExitStack) -> Outcome[LiveRoom]:
        """The room and its stream; the way to the platform stays open until `stack` closes."""
        self._platforms = await stack.enter_async_context(open_platforms(self._settings))
        live = await self._platforms.resolvers.resolve(self._link, "OD")
        return told.resolved(live)

    async def record(self, live: LiveRoom) -> Outcome[ClosedFile]:
        """The stream, as the server records it."""
        closed: list[ClosedFile] = []
        drops: list[str] = []

        async def note(event: RecorderEvent) -> None:
            if isinstance(event, ClosedFile):
                closed.append(event)
            elif isinstance(event, Gap) and event.end_ms is None:
                drops.append(event.cause)

        waited_s = await self._record(live, note)
        if not closed:
            raise RecordingError("the stream began, but nothing of it could be kept")
        file = max(closed, key=lambda one: one.duration_ms)
        if not await anyio.to_thread.run_sync(_starts_with_key, Path(file.path)):
            raise RecordingError("the recorded file does not begin with a key frame")
        return told.recorded(file, waited_s, drops)

    async def _record(
        self, live: LiveRoom, note: Callable[[RecorderEvent], Awaitable[None]]
    ) -> float:
        """Record for the seconds asked for; returns how many passed before."""

        async def same() -> LiveRoom:
            return live

        began_s = anyio.current_time()
        async with Engine.open() as engine, anyio.create_task_group() as tasks:
            recorder = Recorder(
                engine,
                recording_id="doctor",
                plan=RecordingPlan(self._link, segment_s=3600, comments=False),
                live=live,
                output=self._place,
                zone=self._settings.tz,
                proxies=self._settings.proxies,
                policy=self._settings.address_policy,
                resolve=same,
                emit=note,
            )
            await tasks.start(recorder.run)
            waited_s = anyio.current_time() - began_s
            await anyio.sleep(self.seconds)
            await recorder.stop("stopped")
        return waited_s

    async def listen(self, live: LiveRoom, source: CommentSource) -> Outcome[list[Comment]]:
        """What viewers write and do meanwhile."""
        comments: list[Comment] = []
        kinds = Counter[str]()
        lags_s: list[float] = []
        way: WayTaken | None = None
        began_s = anyio.current_time()
        async with source.events(live.room) as events:
            waited_s = anyio.current_time() - began_s
            with anyio.move_on_after(self.seconds):
                async for event in events:
                    if isinstance(event, WayTaken):
                        way = event
                    if not isinstance(event, (WayTaken, Tally)):
                        kinds[told.kind_of(event)] += 1
                    if isinstance(event, Comment):
                        comments.append(event)
                        lags_s.append((now_ms() - event.ts_ms) / 1000)
        return told.heard(comments, kinds, waited_s, min(lags_s, default=None), way)

    async def look(self, file: ClosedFile) -> Outcome[list[Frame]]:
        """Stills out of the recorded file."""
        take = partial(extract_frames, Path(file.path), file.window, prefix="doctor")
        frames = await anyio.to_thread.run_sync(take)
        return told.seen(frames)

    async def write(
        self, live: LiveRoom, file: ClosedFile, frames: Sequence[Frame], comments: list[Comment]
    ) -> Outcome[Answer]:
        """Lines out of all this: one call of the model, or templates when no key is set."""
        room = live.room
        segment = Segment(
            "doctor", room.room_id, room.anchor_name, room.platform, file, file.window.end_ms
        )
        pack = EvidencePack(segment, room.title, digest(comments), SpeechDigest(), tuple(frames))
        began_s = anyio.current_time()
        async with open_writer(self._settings) as writer:
            answer = await (writer or TemplateWriter()).write(pack)
        return told.written(answer, anyio.current_time() - began_s)


def _starts_with_key(path: Path) -> bool:
    """Whether the first picture can be decoded by itself; true for sound alone."""
    import av

    with av.open(f"file:{path}", options={"protocol_whitelist": "file"}) as file:
        return not file.streams.video or next(file.demux(video=0)).is_keyframe
