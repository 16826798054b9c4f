"""A child process of ours, and the recording workers that speak through it."""

from __future__ import annotations

import os
import signal
from collections import deque
from contextlib import suppress
from typing import Self

import anyio
import structlog
from anyio.abc import ByteReceiveStream, Process
from anyio.streams.buffered import BufferedByteReceiveStream

from hostcue.errors import WorkerDied
from hostcue.log import redact_text
from hostcue.model.recording import Progress
from hostcue.model.sound import SoundPlace
from hostcue.recording.protocol import (
    Command,
    Ended,
    Exited,
    Listened,
    ListenOrder,
    Started,
    Verb,
    WorkerEvent,
    command_line,
    parse_event,
)

_GONE = (anyio.BrokenResourceError, anyio.ClosedResourceError)
_BACKLOG = 1024
_CLOSE_S = 12.0

log = structlog.get_logger(__name__)


class Worker:
    """A running worker: an iterator over what it reports, up to its `Ended`.

    Progress is dropped when nobody takes it; a worker whose other reports are not taken for a
    thousand of them is killed.
    """

    def __init__(self, name: str, host: Host) -> None:
        self._name = name
        self._host = host
        self._send, self._receive = anyio.create_memory_object_stream[WorkerEvent](_BACKLOG)
        self._ended = False
        self._death: WorkerDied | None = None
        self.pid: int | None = None
        """Known as soon as it runs."""
        self.gone = anyio.Event()
        """Set when the process has ended."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> WorkerEvent:
        """The next report.

        Raises:
            WorkerDied: it ended without a last word.
        """
        try:
            return await self._receive.receive()
        except anyio.EndOfStream:
            if self._death is not None:
                raise self._death from None
            raise StopAsyncIteration from None

    async def stop(self) -> None:
        """Ask it to close its segment and end; returns at once."""
        if not self.gone.is_set():
            await self._host.send("stop", self._name)

    async def listen(self, place: SoundPlace | None) -> None:
        """Have the sound of what it records brought there from now on, or nowhere."""
        if not self.gone.is_set():
            await self._host.send("listen", ListenOrder(self._name, place))

    async def kill(self) -> None:
        """End it as it is; its open file can be recovered."""
        if self._host.alive:
            await self._host.send("kill", self._name)
        elif self.pid is not None and not self.gone.is_set():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)

    def close(self) -> None:
        """Forget what was not taken."""
        self._send.close()
        self._receive.close()

    def deliver(self, event: WorkerEvent) -> bool:
        """Pass a report on; False when there is no room left for it."""
        if isinstance(event, Started):
            self.pid = event.pid
            return True
        self._ended |= isinstance(event, Ended)
        waiting = self._send.statistics().current_buffer_used
        if isinstance(event, Progress | Listened) and waiting > _BACKLOG // 2:
            return True
        try:
            self._send.send_nowait(event)
        except anyio.WouldBlock:
            return False
        except _GONE:
            pass
        return True

    def bury(self, how: str) -> None:
        """The process has ended."""
        if not self._ended:
            self._death = WorkerDied(f"a recording worker ended by itself: {how}")
        self.gone.set()
        self._send.close()


class Host:
    """A child process through which one or more workers speak."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._workers: dict[str, Worker] = {}
        self._last_words: deque[str] = deque(maxlen=20)
        self._closing = False

    @property
    def alive(self) -> bool:
        """Whether it takes commands."""
        return not self._closing and self._process.returncode is None

    def expect(self, name: str) -> Worker:
        """The worker of a job that is about to be started."""
        worker = self._workers[name] = Worker(name, self)
        return worker

    async def send(self, verb: Verb, what: Command) -> None:
        """Give a command; one that the process can't take any more is told by its end."""
        if self._process.stdin is not None:
            with suppress(*_GONE):
                await self._process.stdin.send(command_line(verb, what))

    async def listen(self) -> None:
        """Pass on what the workers say until the last of them is gone.

        Also while its caller is being cancelled: whoever waits for a worker's end then has to
        hear of it. The end of the process ends this.
        """
        with anyio.CancelScope(shield=True):
            async with anyio.create_task_group() as tasks:
                if self._process.stderr is not None:
                    tasks.start_soon(self._note, self._process.stderr)
                if self._process.stdout is not None:
                    await self._pass_on(BufferedByteReceiveStream(self._process.stdout))
            code = await self._process.wait()
            for worker in self._workers.values():
                worker.bury(self._how(code))
            self._workers.clear()
            await self._process.aclose()

    async def _pass_on(self, lines: BufferedByteReceiveStream) -> None:
        with suppress(anyio.IncompleteRead, *_GONE):
            while True:
                name, event = parse_event(await lines.receive_until(b"\n", 65536))
                worker = self._workers.get(name)
                if worker is None:
                    continue
                if isinstance(event, Exited):
                    worker.bury(self._how(event.code))
                    del self._workers[name]
                elif not worker.deliver(event):
                    log.error("worker_reports_not_taken", worker=name)
                    await worker.kill()

    async def _note(self, errors: ByteReceiveStream) -> None:
        with suppress(*_GONE):
            async for chunk in errors:
                self._last_words.extend(chunk.decode(errors="replace").splitlines())

    def _how(self, code: int) -> str:
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        words, last = list(self._last_words), ""
        if words:
            self._last_words.clear()
            log.warning("recording_worker_words", how=how, words=words)
            last = f" ({words[-1]})"
        return redact_text(how + last)

    async def close(self) -> None:
        """Let the workers finish, then the process; kill what takes too long."""
        self._closing = True
        with anyio.CancelScope(shield=True):
            if self._process.stdin is not None:
                await self._process.stdin.aclose()
            with anyio.move_on_after(_CLOSE_S):
                await self._process.wait()
            if self._process.returncode is None:
                self._process.kill()
            await self._process.aclose()
