"""Keeps a speech worker: starts it when it is needed, and anew when it died, not too often."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import anyio
import structlog
from anyio.abc import TaskGroup

from hostcue.errors import EngineDied, HostcueError, ModelRefused, SpeechMissing
from hostcue.log import redact_text
from hostcue.speech import preflight
from hostcue.speech.child import NOT_NEEDED, Child
from hostcue.speech.protocol import Failed, Load, Ping, Role
from hostcue.speech.shelf import ModelFiles, unreadable

EngineState = Literal["missing", "idle", "loading", "ready", "down"]

_LEAVE_S = 0.5
_EXTRA = "pip install 'hostcue[speech]'"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things may take, and how long to wait, all in seconds.

    An answer may take `answer_s`, or twice the length of the sound if that is longer. A worker that
    nobody needs is asked every `ping_s` whether it still answers, and ends after `idle_s`. One that
    dies time and again waits for its next start, from the second death on, `again_s` doubled each
    time up to `longest_s`; a model that could not be loaded `reload_s`, up to `longest_reload_s`,
    or until one of its files changes.
    """

    answer_s: float = 10.0
    load_s: float = 120.0
    idle_s: float = 120.0
    ping_s: float = 15.0
    again_s: float = 0.5
    longest_s: float = 10.0
    reload_s: float = 5.0
    longest_reload_s: float = 300.0


class Keeper:
    """Of one worker at a time."""

    def __init__(
        self, role: Role, find: Callable[[], ModelFiles], tasks: TaskGroup, limits: Limits
    ) -> None:
        self._role = role
        self._find = find
        self._tasks = tasks
        self.limits = limits
        self._starting = anyio.Lock()
        self._closed = False
        self._child: Child | None = None
        self._loading: Child | None = None
        self._deaths = 0
        self._asked_s = -math.inf  # when somebody wanted it last
        self._refusal = _Refusal(limits)
        self.state: EngineState = "idle"
        self.error: HostcueError | None = None
        self.model = ""

    @property
    def running(self) -> Child | None:
        """The worker, if there is one that is worth asking."""
        return self._child if self._child is not None and self._child.alive else None

    async def child(self, language: str = "auto") -> Child:
        """The worker, ready; it is started if need be.

        Raises:
            SpeechMissing: the extra or the model is not there.
            ModelRefused: it cannot be loaded, or could not a short while ago.
            EngineDied: it ended while it loaded.
        """
        self._asked_s = anyio.current_time()
        async with self._starting:
            if self._closed:
                raise EngineDied("the speech engine was closed")
            if self.running is not None:
                return self.running
            if self._child is not None:
                self._note_death(self._child)
            if self._deaths > 1:
                await anyio.sleep(self._doubled_s(self._deaths - 2))
            child = self._child = await self._start(language)
            self.state, self.error = "ready", None
            self._refusal = _Refusal(self.limits)
            return child

    def served(self) -> None:
        """It did what it was asked to."""
        self._deaths = 0

    def _doubled_s(self, times: int) -> float:
        return min(self.limits.longest_s, self.limits.again_s * 2.0 ** min(times, 16))

    def _note_death(self, child: Child) -> None:
        self._child = None
        self._deaths += 1
        self.state, self.error = "down", child.death

    async def _start(self, language: str) -> Child:
        try:
            files = await anyio.to_thread.run_sync(self._look_for_files)
            self.model = files.id
            self._refusal.check(self._needed(files))
            self.state = "loading"
            return await self._load(files, language)
        except HostcueError as exc:
            self.state = "missing" if isinstance(exc, SpeechMissing) else "down"
            if str(exc) != str(self.error):
                log.error("speech_not_ready", role=self._role, code=exc.code, error=exc.message)
            self.error = exc
            raise
        except BaseException:
            self.state = "idle"
            raise
        finally:
            self._loading = None

    def _look_for_files(self) -> ModelFiles:
        if find_spec("sherpa_onnx") is None:
            raise SpeechMissing("the package sherpa-onnx is not installed", remedy=_EXTRA)
        try:
            files = self._find()
        except OSError as exc:
            raise unreadable(exc) from exc
        if self._role == "ear":
            preflight.check_vad(files.vad)
        else:
            preflight.check_recogniser(files.model, files.tokens, files.family)
        return files

    def _needed(self, files: ModelFiles) -> tuple[Path, ...]:
        return (files.vad,) if self._role == "ear" else (files.model, files.tokens)

    async def _load(self, files: ModelFiles, language: str) -> Child:
        child = self._loading = await Child.open(self._role)
        if self._closed:  # meanwhile; no task of ours can listen to it any more
            child.kill(NOT_NEEDED)
            await child.listen()
            raise child.death
        self._tasks.start_soon(child.listen)
        model, tokens, vad = map(str, (files.model, files.tokens, files.vad))
        load = Load(self._role, files.family, model, tokens, vad, language)
        try:
            answer = await child.ask(load, within_s=self.limits.load_s)
        except EngineDied as exc:
            await child.gone.wait()
            if child.crashed:
                raise self._refuse(files, exc.message) from None
            self._deaths += 1
            raise
        except BaseException:
            child.kill(NOT_NEEDED)
            raise
        if isinstance(answer, Failed):
            await child.close(within_s=_LEAVE_S)
            if answer.kind in ("ImportError", "ModuleNotFoundError"):
                raise SpeechMissing(f"sherpa-onnx can't be used: {answer.what}", remedy=_EXTRA)
            raise self._refuse(files, f"{answer.kind}: {answer.what}")
        log.info("speech_worker_ready", role=self._role, model=files.id, pid=child.pid)
        return child

    def _refuse(self, files: ModelFiles, why: str) -> ModelRefused:
        name = files.vad.name if self._role == "ear" else f"{files.id} ({files.model.name})"
        error = ModelRefused(
            redact_text(f"{name} can't be loaded: {why}"),
            field="HOSTCUE_SPEECH_MODEL",
            remedy="`hostcue models verify` tells whether it is damaged; see the log",
        )
        self._refusal.note(self._needed(files), error)
        return error

    async def ping(self) -> None:
        """Replace it if it does not answer any more."""
        child = self.running
        if child is not None:
            try:
                await child.ask(Ping(), within_s=self.limits.answer_s)
            except EngineDied as exc:
                log.warning("speech_worker_lost", role=self._role, error=exc.message)

    async def rest(self) -> None:
        """Nobody needs it for now; what went wrong last may have been mended since."""
        if anyio.current_time() - self._asked_s < self.limits.idle_s:
            return
        child, self._child = self._child, None
        self.state, self.error = "idle", None
        if child is not None:
            await child.close(within_s=_LEAVE_S)

    async def close(self) -> None:
        """End it for good."""
        self._closed = True
        for child in (self._child, self._loading):
            if child is not None:
                child.kill(NOT_NEEDED)
                await child.gone.wait()


class _Refusal:
    """A model that could not be loaded is not tried again and again."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._error: ModelRefused | None = None
        self._mark: object = None
        self._wait_s = limits.reload_s
        self._until_s = 0.0

    def note(self, files: tuple[Path, ...], error: ModelRefused) -> None:
        """It failed: the next time comes later."""
        self._error, self._mark = error, _mark(files)
        self._until_s = anyio.current_time() + self._wait_s
        self._wait_s = min(2 * self._wait_s, self._limits.longest_reload_s)

    def check(self, files: tuple[Path, ...]) -> None:
        """Raise the same again, unless it may be tried."""
        error = self._error
        if error is None or anyio.current_time() >= self._until_s or self._mark != _mark(files):
            return
        raise ModelRefused(error.message, field=error.field, remedy=error.remedy)


def _mark(files: tuple[Path, ...]) -> tuple[tuple[str, int, int], ...]:
    found = ((path, path.stat()) for path in files if path.exists())
    return tuple((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in found)
