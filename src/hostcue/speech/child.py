"""A speech worker, as the server sees it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import deque
from contextlib import suppress

import anyio
import structlog
from anyio.abc import ByteReceiveStream, Process
from anyio.streams.buffered import BufferedByteReceiveStream

from hostcue.errors import EngineDied
from hostcue.log import redact_text
from hostcue.speech.protocol import (
    PREFIX_BYTES,
    Answer,
    BadFrame,
    Order,
    Role,
    frame,
    lengths,
    parse_answer,
)

_GONE = (anyio.BrokenResourceError, anyio.ClosedResourceError)
_MODULE = "hostcue.speech.worker"
NOT_NEEDED = "it was not needed any more"

log = structlog.get_logger(__name__)


class _Asked:
    """An order that is not answered yet."""

    def __init__(self) -> None:
        self.over = anyio.Event()
        self.answer: Answer | None = None


class Child:
    """A worker that runs: it answers orders in their order, and may end at any time."""

    def __init__(self, process: Process, role: Role) -> None:
        self._process = process
        self._role = role
        self._sending = anyio.Lock()
        self._numbers = 0
        self._asked: dict[int, _Asked] = {}
        self._last_words: deque[str] = deque(maxlen=20)
        self._killed_for = ""
        self._end = ""
        self.pid = process.pid
        self.gone = anyio.Event()
        """Set when the process has ended."""

    @classmethod
    async def open(cls, role: Role) -> Child:
        """A process that waits for its first order; `listen` has to run beside.

        Raises:
            EngineDied: it could not be started.
        """
        try:
            process = await anyio.open_process(
                [sys.executable, "-m", _MODULE],
                start_new_session=os.name == "posix",  # Ctrl-C is for the server
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except OSError as exc:
            raise EngineDied(f"no {role} process could be started: {exc.strerror}") from exc
        return cls(process, role)

    @property
    def alive(self) -> bool:
        """Whether it is worth asking."""
        return not self._killed_for and not self.gone.is_set()

    @property
    def crashed(self) -> bool:
        """Whether it ended by itself, and nobody killed it."""
        code = self._process.returncode
        return code not in (None, -getattr(signal, "SIGKILL", 9)) and not self._killed_for

    @property
    def death(self) -> EngineDied:
        """What to tell of its end."""
        how = self._end or f"a speech {self._role} was killed: {self._killed_for}"
        return EngineDied(how)

    async def ask(self, order: Order, *, within_s: float) -> Answer:
        """The answer to an order.

        Raises:
            EngineDied: the worker ended first, or was killed because it took too long.
        """
        if not self.alive:
            raise self.death
        self._numbers += 1
        number = self._numbers
        asked = self._asked[number] = _Asked()
        try:
            with anyio.fail_after(within_s):
                await self._send(frame(number, order))
                await asked.over.wait()
        except TimeoutError:
            self.kill(f"it hung, without an answer for {within_s:g} s")
            raise self.death from None
        finally:
            del self._asked[number]
        if asked.answer is None:
            raise self.death
        return asked.answer

    async def _send(self, data: bytes) -> None:
        async with self._sending:
            if self._process.stdin is not None:
                with suppress(*_GONE):  # its end is about to be told
                    await self._process.stdin.send(data)

    async def listen(self) -> None:
        """Pass on its answers until it has ended.

        Also while its caller is being cancelled: whoever waits for its end then has to hear of it.
        """
        with anyio.CancelScope(shield=True):
            async with anyio.create_task_group() as tasks:
                if self._process.stderr is not None:
                    tasks.start_soon(self._note, self._process.stderr)
                if self._process.stdout is not None:
                    await self._pass_on(BufferedByteReceiveStream(self._process.stdout))
            code = await self._process.wait()
            self._bury(code)
            await self._process.aclose()

    async def _pass_on(self, answers: BufferedByteReceiveStream) -> None:
        try:
            while True:
                head, body = lengths(await answers.receive_exactly(PREFIX_BYTES))
                parts = await answers.receive_exactly(head), await answers.receive_exactly(body)
                number, answer = parse_answer(*parts)
                asked = self._asked.get(number)
                if asked is not None:  # else nobody waits for it any more
                    asked.answer = answer
                    asked.over.set()
        except BadFrame as exc:
            self.kill(f"it answered with what is no answer ({exc})")
        except (anyio.IncompleteRead, *_GONE):
            pass

    async def _note(self, errors: ByteReceiveStream) -> None:
        with suppress(*_GONE):
            async for chunk in errors:
                lines = chunk.decode(errors="replace").splitlines()
                self._last_words.extend(line for line in lines if line.strip())

    def _bury(self, code: int) -> None:
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        words, last = list(self._last_words), ""
        if words and not self._killed_for:
            last = f" ({words[-1].strip()})"
        self._end = redact_text(f"a speech {self._role} ended: {self._killed_for or how}{last}")
        if code and self._killed_for != NOT_NEEDED:
            log.warning("speech_worker_ended", role=self._role, how=self._end, words=words)
        self.gone.set()
        for asked in self._asked.values():
            asked.over.set()

    def kill(self, why: str) -> None:
        """End it as it is."""
        if self._process.returncode is None:
            self._killed_for = self._killed_for or why
            self._process.kill()

    async def close(self, *, within_s: float) -> None:
        """Let it end; it loses nothing when it is killed."""
        with anyio.CancelScope(shield=True):
            if self._process.stdin is not None:
                await self._process.stdin.aclose()
            with anyio.move_on_after(within_s):
                await self.gone.wait()
            self.kill(NOT_NEEDED)
            await self.gone.wait()
