"""The whole service, built from settings and run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

import anyio

from hostcue.comments.replay import Fixtures
from hostcue.config import Settings
from hostcue.errors import Conflict
from hostcue.events.hub import Hub
from hostcue.model.clock import now_ms
from hostcue.pipeline.analysis import Stores
from hostcue.pipeline.analysis_queue import AnalysisQueue
from hostcue.pipeline.chats import Chats
from hostcue.pipeline.comment_care import CommentCare
from hostcue.pipeline.digests import Digests
from hostcue.pipeline.disk_gate import DiskGate
from hostcue.pipeline.housekeeping import keep_comments, keep_house, keep_room
from hostcue.pipeline.live_audio import LiveAudio
from hostcue.pipeline.notices import Notices
from hostcue.pipeline.notifier import Notifications, NotifierStores
from hostcue.pipeline.pictures import Pictures
from hostcue.pipeline.speech_notices import speech_notices
from hostcue.pipeline.supervisor import Supervisor
from hostcue.recording.engine import Engine
from hostcue.rooms.chain import Resolvers
from hostcue.storage.analyses import Analyses
from hostcue.storage.comment_minutes import CommentMinutes
from hostcue.storage.comments import Comments
from hostcue.storage.database import Database
from hostcue.storage.deliveries import Deliveries
from hostcue.storage.gaps import Gaps
from hostcue.storage.lock import sole_owner
from hostcue.storage.outbox import Outbox
from hostcue.storage.segments import Segments
from hostcue.storage.speech_spans import SpeechSpans
from hostcue.storage.tips import Tips
from hostcue.storage.utterances import Utterances
from hostcue.wiring.analysis import frames_of, open_analysis_queue
from hostcue.wiring.comments import digests_of, fixtures, pseudonyms_of
from hostcue.wiring.disk import DiskCare, check_records_root
from hostcue.wiring.notifications import open_notifications
from hostcue.wiring.outside import open_platforms, secret
from hostcue.wiring.recording import supervisor_of
from hostcue.wiring.speech import open_live_audio
from hostcue.wiring.stores import stores_of, vault_of

Part = Literal["recording", "analysis", "comments", "speech", "pages"]
PARTS: tuple[Part, ...] = get_args(Part)
_RECORDINGS_CLOSE_S = 15.0
"""All side by side: a stop takes a moment, but for a worker that hangs and a disk that does."""


@dataclass(slots=True)
class Service:
    """What runs: the web routes and the commands use its members and nothing below them."""

    token: str | None
    origins: tuple[str, ...]
    hub: Hub
    outbox: Outbox
    segments: Segments
    gaps: Gaps
    comments: Comments
    comment_minutes: CommentMinutes
    comment_care: CommentCare
    digests: Digests
    utterances: Utterances
    speech_spans: SpeechSpans
    analyses: Analyses
    tips: Tips
    resolvers: Resolvers
    chats: Chats
    fixtures: Fixtures
    supervisor: Supervisor
    disk: DiskCare
    pictures: Pictures
    notices: Notices
    notifications: Notifications
    _analysis_queue: AnalysisQueue | None
    _live_audio: LiveAudio | None
    _stop: anyio.Event
    stopping: bool = False

    @property
    def analysis_queue(self) -> AnalysisQueue:
        """What starts analyses.

        Raises:
            Conflict: the analysis part was left out.
        """
        if self._analysis_queue is None:
            raise Conflict("the analysis part is left out here")
        return self._analysis_queue

    @property
    def live_audio(self) -> LiveAudio:
        """What listens to rooms.

        Raises:
            Conflict: the speech part was left out.
        """
        if self._live_audio is None:
            raise Conflict("the speech part is left out here")
        return self._live_audio

    def begin_stop(self) -> None:
        """Close and announce what is recorded, then end every stream; returns at once."""
        self.stopping = True
        self._stop.set()

    async def run_until_stop(self) -> None:
        """Wait for `begin_stop`, then do what it says."""
        await self._stop.wait()
        with anyio.move_on_after(_RECORDINGS_CLOSE_S):
            await self.supervisor.close()
        self.hub.close()


Opener = Callable[[Collection[Part]], AbstractAsyncContextManager[Service]]


def open_from_environment(parts: Collection[Part]) -> AbstractAsyncContextManager[Service]:
    """The service as the environment and `.env` want it."""
    return open_service(Settings.load(), parts)


@asynccontextmanager
async def open_service(
    settings: Settings, parts: Collection[Part] = PARTS
) -> AsyncIterator[Service]:
    """Run the service; on leaving, recordings are closed and announced, and wanted ones kept so.

    Raises:
        ConfigError: a setting or a file makes it impossible; the message says which.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(sole_owner(settings.data_dir))
        if "recording" in parts:
            await check_records_root(settings.records_root)
        database = await stack.enter_async_context(Database.open(settings.sqlite_url))
        vault = vault_of(settings)
        stores, pseudonyms = stores_of(database, vault), pseudonyms_of(settings, vault)
        hub = Hub()
        database.on_commit(hub.publish)
        outbox = Outbox(database, stores.comments)
        notifications = await stack.enter_async_context(
            open_notifications(
                settings, NotifierStores(outbox, stores.recordings, Deliveries(database))
            )
        )
        database.on_commit(notifications.committed)
        platforms = await stack.enter_async_context(open_platforms(settings))
        engine = await stack.enter_async_context(Engine.open())
        tasks = await stack.enter_async_context(anyio.create_task_group())
        stack.callback(tasks.cancel_scope.cancel)
        sources = platforms.comments if "comments" in parts else {}
        chats = Chats(
            sources,
            stores.comments,
            hub.publish,
            tasks,
            pseudonyms=pseudonyms,
            breathe=hub.breathe,
        )
        live_audio = None
        if "speech" in parts:
            live_audio = await stack.enter_async_context(
                open_live_audio(
                    settings, stores, database, outbox, hub.publish, engine, platforms.resolvers
                )
            )
        digests = digests_of(settings, stores.comments, stores.gaps)
        analysis_queue = None
        if "analysis" in parts:
            analysis_queue = await stack.enter_async_context(
                open_analysis_queue(settings, stores, digests, chats, live_audio)
            )
        gate = DiskGate()
        supervisor = supervisor_of(
            settings,
            stores,
            chats,
            tasks,
            engine,
            platforms.resolvers,
            gate,
            analysis_queue,
            live_audio,
        )
        disk = DiskCare.of(settings, database, outbox, gate, supervisor)
        service = _service(
            settings,
            stores,
            chats,
            hub,
            platforms.resolvers,
            supervisor,
            analysis_queue,
            live_audio,
            outbox,
            disk,
            notifications,
            CommentMinutes(database),
            CommentCare(
                stores.comments,
                stores.utterances,
                pseudonyms,
                keep_days=settings.keep_comments_days,
            ),
            digests,
        )
        tasks.start_soon(keep_house, service.outbox)
        tasks.start_soon(keep_comments, service.comment_care)
        tasks.start_soon(notifications.run)
        await stores.comments.close_gaps(now_ms())
        if analysis_queue is not None:
            await analysis_queue.take_up()
        if "recording" in parts:
            await disk.guard.look()  # nothing is taken up onto a full disk
            tasks.start_soon(disk.guard.run)
            tasks.start_soon(keep_room, disk.retention, disk.guard)
            await supervisor.take_up()
        async with anyio.create_task_group() as stop:
            stop.start_soon(service.run_until_stop)
            try:
                yield service
            finally:
                service.begin_stop()


def _service(
    settings: Settings,
    stores: Stores,
    chats: Chats,
    hub: Hub,
    resolvers: Resolvers,
    supervisor: Supervisor,
    analysis_queue: AnalysisQueue | None,
    live_audio: LiveAudio | None,
    outbox: Outbox,
    disk: DiskCare,
    notifications: Notifications,
    comment_minutes: CommentMinutes,
    comment_care: CommentCare,
    digests: Digests,
) -> Service:
    return Service(
        token=secret(settings.token),
        origins=settings.origins,
        hub=hub,
        outbox=outbox,
        segments=stores.segments,
        gaps=stores.gaps,
        comments=stores.comments,
        comment_minutes=comment_minutes,
        comment_care=comment_care,
        digests=digests,
        utterances=stores.utterances,
        speech_spans=stores.speech_spans,
        analyses=stores.analyses,
        tips=stores.tips,
        resolvers=resolvers,
        chats=chats,
        fixtures=fixtures(settings),
        supervisor=supervisor,
        disk=disk,
        pictures=Pictures(stores.segments, stores.tips, partial(frames_of, at_least=1, at_most=1)),
        notices=Notices(
            supervisor,
            chats,
            stores.recordings,
            stores.analyses,
            stores.tips,
            disk.guard,
            disk.retention,
            notifications,
            with_analysis=analysis_queue is not None,
            more=partial(speech_notices, live_audio) if live_audio is not None else tuple,
        ),
        notifications=notifications,
        _analysis_queue=analysis_queue,
        _live_audio=live_audio,
        _stop=anyio.Event(),
    )
