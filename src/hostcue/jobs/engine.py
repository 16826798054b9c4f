"""Durable analyses on DBOS: each segment once, a paid answer kept through a crash."""

from __future__ import annotations

import asyncio  # DBOS runs its workflows as asyncio tasks of the loop it was launched in
import logging
import sqlite3
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

import anyio
import anyio.to_thread
import structlog

from hostcue.errors import ConfigError

if TYPE_CHECKING:
    from dbos import DBOSConfig

log = structlog.get_logger(__name__)

# Recovery looks for rows of this executor and version only. Change the version with the order
# of the steps, and old unfinished analyses are left alone.
_EXECUTOR = "hostcue"
_VERSION = "1"
_MOST_RECOVERIES = 3  # an analysis that takes the server down is given up after these
_KEPT = timedelta(days=7)
_KEPT_CHECK = timedelta(days=1)
_FORGOTTEN_AT_ONCE = 500
_LONGEST_CANCEL_S = 5.0


class AnalysisSteps(Protocol):
    """What an analysis consists of; both run in the loop that `Jobs.open` was called in."""

    async def ask(self, recording_id: str, seq: int, run: int) -> dict[str, object]:
        """Gather the evidence and have lines written; what it returns is JSON and is kept.

        Run again after a crash only if it had not returned.
        """
        ...

    async def save(self, recording_id: str, seq: int, run: int, answer: dict[str, object]) -> None:
        """Store and announce what `ask` returned; must bear being run twice."""
        ...


class Jobs:
    """The running engine; there can be one in a process, since DBOS is global."""

    _is_open = False

    def __init__(self, steps: AnalysisSteps, at_once: int) -> None:
        self._steps = steps
        self._slots = anyio.Semaphore(at_once)
        self._tasks: set[asyncio.Task[object]] = set()
        self._ended = anyio.Event()
        self._is_stopping = False
        self._checked_at = datetime.now(UTC)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, database: Path, steps: AnalysisSteps, *, at_once: int = 4, grace_s: float = 2.0
    ) -> AsyncIterator[Self]:
        """Take up what an earlier process left unfinished, and run analyses until the end.

        `database` is a SQLite file of its own. At most `at_once` analyses run, the others wait.
        At the end running ones get `grace_s` to finish; what is left then goes on at the next
        start.

        Raises:
            ConfigError: the file is no database, or something else in this process uses DBOS.
        """
        if Jobs._is_open:
            raise ConfigError("analyses are being run in this process already")
        Jobs._is_open = True
        try:
            jobs = cls(steps, at_once)
            await anyio.to_thread.run_sync(_prepare, database)
            _claim(database)
            try:
                jobs._launch()
                await jobs._forget_old()
                yield jobs
            finally:
                with anyio.CancelScope(shield=True):
                    await jobs._close(grace_s)
        finally:
            Jobs._is_open = False

    async def analyse(self, recording_id: str, seq: int, run: int = 0) -> bool:
        """Start the analysis of a segment; False if this run of it was started before.

        Once it returns, the analysis survives a crash.
        """
        from dbos import DBOS, SetWorkflowID, error

        if datetime.now(UTC) - self._checked_at > _KEPT_CHECK:
            await self._forget_old()
        key = f"analyse:{recording_id}:{seq}" + (f":{run}" if run else "")
        # Cancelled between its row and its task, it would wait for the next start: shielded.
        with (
            anyio.CancelScope(shield=True),
            SetWorkflowID(key, workflow_id_reuse_policy="reject"),
        ):
            try:
                await DBOS.start_workflow_async(self._workflow, recording_id, seq, run)
            except error.DBOSWorkflowIDInUseError:
                return False
        return True

    async def idle(self) -> None:
        """Return when no analysis runs or waits, those left by an earlier process included."""
        from dbos import DBOS

        while True:
            while self._tasks:
                await self._ended.wait()
            left = await DBOS.list_workflows_async(
                status=["PENDING", "ENQUEUED"], load_input=False, load_output=False, limit=1
            )
            if not left:
                return
            await anyio.sleep(0.05)  # about to start: DBOS looks for them once a second

    def _launch(self) -> None:
        """Start DBOS here, in the loop, so that workflows run in it; takes about 20 ms."""
        from dbos import DBOS

        # DBOS marks the function it registers, which a method does not allow.
        async def workflow(recording_id: str, seq: int, run: int) -> None:
            await self._analyse(recording_id, seq, run)

        register = DBOS.workflow(name="analyse", max_recovery_attempts=_MOST_RECOVERIES)
        self._workflow = register(workflow)
        DBOS.launch()

    async def _analyse(self, recording_id: str, seq: int, run: int) -> None:
        """The workflow. What comes between its steps has to be the same in every repetition."""
        from dbos import DBOS

        self._track()
        key = (recording_id, seq, run)
        try:
            async with self._slots:
                answer = await DBOS.run_step_async({"name": "ask"}, self._steps.ask, *key)
                await DBOS.run_step_async({"name": "save"}, self._steps.save, *key, answer)
        except Exception:
            log.exception("analysis_broken", recording=recording_id, seq=seq, run=run)
            raise

    def _track(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a workflow runs outside of a task")
        self._tasks.add(task)
        task.add_done_callback(self._untrack)
        if self._is_stopping:
            task.cancel()

    def _untrack(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        self._ended.set()
        self._ended = anyio.Event()

    async def _forget_old(self) -> None:
        """Delete what ended long ago; the tips and the state of each analysis are not here."""
        from dbos import DBOS

        self._checked_at = datetime.now(UTC)
        while True:
            old = await DBOS.list_workflows_async(
                completed_before=(self._checked_at - _KEPT).isoformat(),
                load_input=False,
                load_output=False,
                limit=_FORGOTTEN_AT_ONCE,
            )
            await DBOS.delete_workflows_async([workflow.workflow_id for workflow in old])
            if len(old) < _FORGOTTEN_AT_ONCE:
                return

    async def _close(self, grace_s: float) -> None:
        from dbos import DBOS

        self._is_stopping = True
        with anyio.move_on_after(grace_s):
            while self._tasks:
                await self._ended.wait()
        # A cancelled workflow stays PENDING: the next start takes it up at its last step.
        logging.getLogger("dbos").setLevel(logging.ERROR)  # it warns of each one cancelled
        for task in self._tasks:
            task.cancel()
        with anyio.move_on_after(_LONGEST_CANCEL_S):
            while self._tasks:
                await self._ended.wait()
        # Not in the loop: it waits for threads that may be waiting for the loop.
        await anyio.to_thread.run_sync(partial(DBOS.destroy, destroy_registry=True))
        # DBOS made its own thread pool the loop's default one, and has shut it down.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())


def _prepare(database: Path) -> None:
    """What takes long: import DBOS, create or migrate its tables."""
    from dbos import DBOS

    _log_through_structlog()
    database.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")  # stays with the file; halves the fsyncs
    except sqlite3.Error as exc:
        raise ConfigError(
            f"{database} can't be used as the job database: {exc}",
            field="HOSTCUE_DATA_DIR",
            remedy="make the folder writable, or move a damaged file away",
        ) from exc
    DBOS.migrate(_url(database))


def _claim(database: Path) -> None:
    """Make the process's one DBOS instance ours; nothing runs yet."""
    from dbos import DBOS

    DBOS(config=_config(database))  # returns what exists if there is one already
    if DBOS.executor_id != _EXECUTOR:
        raise ConfigError("another part of this process uses DBOS already")


def _config(database: Path) -> DBOSConfig:
    from dbos import DBOSPortableJSONSerializer

    return {
        "name": "hostcue",
        "system_database_url": _url(database),
        "application_version": _VERSION,
        "executor_id": _EXECUTOR,
        "serializer": DBOSPortableJSONSerializer(),
        "log_level": "WARNING",
        # The pool also becomes the loop's default one; as large as asyncio's own may be.
        "max_executor_threads": 32,
        # Nothing listens; but shutting down waits for this.
        "notification_listener_polling_interval_sec": 0.2,
    }


def _url(database: Path) -> str:
    return f"sqlite:///{database}"


class _Forward(logging.Handler):
    """DBOS's log lines, put through our redaction; tracebacks of its own insides are left out."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        log.log(record.levelno, "dbos", said=record.getMessage(), error=error)


def _log_through_structlog() -> None:
    """Before DBOS finds its logger without a handler and gives it one of its own."""
    logger = logging.getLogger("dbos")
    logger.propagate = False
    if not any(isinstance(handler, _Forward) for handler in logger.handlers):
        logger.addHandler(_Forward())
