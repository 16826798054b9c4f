"""The whole service, built from settings and run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import anyio
from anyio.abc import TaskGroup

from hostcue.analysis.frames import extract_frames
from hostcue.analysis.templates import TemplateWriter
from hostcue.comments.digest import digest
from hostcue.config import Settings
from hostcue.errors import Conflict
from hostcue.events.hub import Hub
from hostcue.jobs.engine import Jobs
from hostcue.model.clock import now_ms
from hostcue.model.segment import Segment
from hostcue.model.tip import Frame
from hostcue.model.window import Window
from hostcue.pipeline.analysis import SegmentAnalysis, Stations, Stores
from hostcue.pipeline.analysis_queue import AnalysisQueue
from hostcue.pipeline.chats import Chats
from hostcue.pipeline.housekeeping import keep_house
from hostcue.pipeline.notices import Notices
from hostcue.pipeline.pictures import Pictures
from hostcue.pipeline.session import Recordable
from hostcue.pipeline.supervisor import Supervisor
from hostcue.recording.engine import Engine
from hostcue.recording.recorder import Recorder
from hostcue.rooms.chain import Resolvers
from hostcue.storage.analyses import Analyses
from hostcue.storage.comments import Comments, Utterances
from hostcue.storage.database import Database
from hostcue.storage.lock import sole_owner
from hostcue.storage.outbox import Outbox
from hostcue.storage.recordings import Recordings
from hostcue.storage.segments import Segments
from hostcue.storage.tips import Tips
from hostcue.storage.vault import Vault
from hostcue.wiring.outside import open_platforms, open_writer, secret

Part = Literal["recording", "analysis", "comments", "speech", "pages"]
PARTS: tuple[Part, ...] = get_args(Part)
# Together below the 5 s in which a client was promised that a stopping server is gone.
_RECORDINGS_CLOSE_S = 3.5
_ANALYSES_CLOSE_S = 1.0


@dataclass(slots=True)
class Service:
    """What runs: the web routes and the commands use its members and nothing below them."""

    token: str | None
    origins: tuple[str, ...]
    hub: Hub
    outbox: Outbox
    segments: Segments
    comments: Comments
    utterances: Utterances
    analyses: Analyses
    tips: Tips
    resolvers: Resolvers
    chats: Chats
    supervisor: Supervisor
    pictures: Pictures
    notices: Notices
    _analysis_queue: AnalysisQueue | None
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
        database = await stack.enter_async_context(Database.open(settings.sqlite_url))
        stores = _stores(database, Vault.at(settings.data_dir / "secret.key"))
        hub = Hub()
        database.on_commit(hub.publish)
        platforms = await stack.enter_async_context(open_platforms(settings))
        engine = await stack.enter_async_context(Engine.open())
        tasks = await stack.enter_async_context(anyio.create_task_group())
        stack.callback(tasks.cancel_scope.cancel)
        sources = platforms.comments if "comments" in parts else {}
        chats = Chats(sources, stores.comments, hub.publish, tasks)
        analysis_queue = None
        if "analysis" in parts:
            analysis_queue = await _analysis_queue(settings, stores, chats, stack)
        supervisor = _supervisor(
            settings, stores, chats, tasks, engine, platforms.resolvers, analysis_queue
        )
        service = _service(
            settings,
            stores,
            chats,
            hub,
            platforms.resolvers,
            supervisor,
            analysis_queue,
            Outbox(database, stores.comments),
        )
        tasks.start_soon(keep_house, service.outbox)
        await stores.comments.close_gaps(now_ms())
        if analysis_queue is not None:
            await analysis_queue.take_up()
        if "recording" in parts:
            await supervisor.take_up()
        async with anyio.create_task_group() as stop:
            stop.start_soon(service.run_until_stop)
            try:
                yield service
            finally:
                service.begin_stop()


async def _analysis_queue(
    settings: Settings, stores: Stores, chats: Chats, stack: AsyncExitStack
) -> AnalysisQueue:
    steps = SegmentAnalysis(
        stores,
        Stations(digest=digest, frames=_frames, settled=chats.settled),
        model=await stack.enter_async_context(open_writer(settings)),
        templates=TemplateWriter(),
        backoff_s=settings.model_backoff_s,
    )
    jobs = await stack.enter_async_context(
        Jobs.open(settings.data_dir / "jobs.db", steps, grace_s=_ANALYSES_CLOSE_S)
    )
    return AnalysisQueue(jobs, stores.segments, stores.analyses)


def _supervisor(
    settings: Settings,
    stores: Stores,
    chats: Chats,
    tasks: TaskGroup,
    engine: Engine,
    resolvers: Resolvers,
    analysis_queue: AnalysisQueue | None,
) -> Supervisor:
    recorder = partial(
        Recorder,
        engine,
        zone=settings.tz,
        proxies=settings.proxies,
        policy=settings.address_policy,
    )
    return Supervisor(
        tasks,
        engine=engine,
        resolvers=resolvers,
        recordings=stores.recordings,
        segments=stores.segments,
        chats=chats,
        parts=Recordable(
            recorder=recorder,
            resolve=lambda plan: resolvers.resolve(plan.link, plan.quality),
        ),
        analyse=_leave if analysis_queue is None else analysis_queue.consider,
        records_root=settings.records_root,
        zone=settings.tz,
        max_recordings=settings.max_recordings,
    )


def _service(
    settings: Settings,
    stores: Stores,
    chats: Chats,
    hub: Hub,
    resolvers: Resolvers,
    supervisor: Supervisor,
    analysis_queue: AnalysisQueue | None,
    outbox: Outbox,
) -> Service:
    return Service(
        token=secret(settings.token),
        origins=settings.origins,
        hub=hub,
        outbox=outbox,
        segments=stores.segments,
        comments=stores.comments,
        utterances=stores.utterances,
        analyses=stores.analyses,
        tips=stores.tips,
        resolvers=resolvers,
        chats=chats,
        supervisor=supervisor,
        pictures=Pictures(stores.segments, stores.tips, partial(_frames, at_least=1, at_most=1)),
        notices=Notices(
            supervisor,
            chats,
            stores.recordings,
            stores.analyses,
            stores.tips,
            with_analysis=analysis_queue is not None,
        ),
        _analysis_queue=analysis_queue,
        _stop=anyio.Event(),
    )


def _frames(
    path: Path, window: Window, prefix: str, *, at_least: int = 4, at_most: int = 24
) -> list[Frame]:
    return extract_frames(path, window, prefix=prefix, at_least=at_least, at_most=at_most)


def _stores(database: Database, vault: Vault) -> Stores:
    return Stores(
        recordings=Recordings(database, vault),
        segments=Segments(database),
        comments=Comments(database),
        utterances=Utterances(database),
        analyses=Analyses(database),
        tips=Tips(database),
    )


async def _leave(_: Segment) -> None:
    """Without the analysis part segments are only recorded."""
