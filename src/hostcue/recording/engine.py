"""The server's side of the recording workers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self
from uuid import uuid4

import anyio
from anyio.abc import TaskGroup

from hostcue.errors import Conflict, RecordingError, WorkerDied
from hostcue.model.segment import ClosedFile
from hostcue.recording.host import Host, Worker
from hostcue.recording.protocol import Ended, Job, RecoverJob

FORKS = sys.platform == "linux"
"""Elsewhere libraries that a forked worker needs break after a fork, or there is none."""

_LEAVE_S = 5.0
_RECOVER_S = 300.0


class Engine:
    """Runs recording workers.

    With `fork` all of them are children of one small process, which is started with the first;
    without, each is a process of its own.
    """

    def __init__(self, tasks: TaskGroup, *, fork: bool) -> None:
        self._tasks = tasks
        self._fork = fork
        self._shared: Host | None = None
        self._starting = anyio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, *, fork: bool = FORKS) -> AsyncIterator[Self]:
        """Workers still running at the end finish their files."""
        async with anyio.create_task_group() as tasks:
            engine = cls(tasks, fork=fork)
            try:
                yield engine
            finally:
                if engine._shared is not None:
                    await engine._shared.close()
                tasks.cancel_scope.cancel()

    @asynccontextmanager
    async def worker(self, job: Job) -> AsyncIterator[Worker]:
        """A worker that does `job`; gone at the end of the context, stopped or killed if need be.

        Raises:
            WorkerDied: it could not be started.
        """
        host = await self._host()
        worker = host.expect(job.id)
        try:
            await host.send("start", job)
            yield worker
        finally:
            with anyio.CancelScope(shield=True):
                with anyio.move_on_after(_LEAVE_S):
                    await worker.stop()
                    await worker.gone.wait()
                if not worker.gone.is_set():
                    await worker.kill()
                    with anyio.move_on_after(_LEAVE_S):
                        await worker.gone.wait()
                worker.close()
                if not self._fork:
                    await host.close()

    async def recover(
        self, part: Path, *, start_ms: int | None, zone: str | None
    ) -> ClosedFile | None:
        """Finish a file that a worker left open, in a worker: damaged media can crash libav.

        None when there is nothing to play in it. See `recover.recover`.

        Raises:
            Conflict: another process still writes it.
            RecordingError: it could not be written.
            WorkerDied: reading it crashed the worker.
        """
        closed: ClosedFile | None = None
        job = RecoverJob(uuid4().hex, str(part), start_ms, zone)
        with anyio.move_on_after(_RECOVER_S):
            async with self.worker(job) as worker:
                async for event in worker:
                    if isinstance(event, ClosedFile):
                        closed = event
                    elif isinstance(event, Ended) and event.cause == Conflict.code:
                        raise Conflict(event.detail)
                    elif isinstance(event, Ended) and event.cause != "recovered":
                        raise RecordingError(event.detail)
            return closed
        raise RecordingError("the file took too long to recover")

    async def _host(self) -> Host:
        if not self._fork:
            return await self._new_host("hostcue.recording.worker")
        async with self._starting:
            if self._shared is None or not self._shared.alive:
                self._shared = await self._new_host("hostcue.recording.forker")
            return self._shared

    async def _new_host(self, module: str) -> Host:
        try:
            process = await anyio.open_process(
                [sys.executable, "-m", module],
                start_new_session=os.name == "posix",  # Ctrl-C is for the server
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except OSError as exc:
            raise WorkerDied(f"no recording process could be started: {exc.strerror}") from exc
        host = Host(process)
        self._tasks.start_soon(host.listen)
        return host
