"""Watches the disk: forecasts, warns, pauses recording and has it go on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

import anyio
import anyio.to_thread
import structlog

from hostcue.errors import StorageFailed
from hostcue.model.clock import now_ms
from hostcue.model.disk import (
    ROOM_BYTES_PER_HOUR,
    DiskState,
    LineRules,
    Lines,
    PauseReason,
    RetryWaits,
    Space,
    Told,
)
from hostcue.pipeline import files
from hostcue.pipeline.disk_gate import WRITE_FAILED, DiskGate
from hostcue.pipeline.disk_news import DiskNews
from hostcue.storage.outbox import Outbox
from hostcue.storage.stored_files import StoredFiles

log = structlog.get_logger(__name__)

T = TypeVar("T")
DiskWord = Literal["ok", "low", "paused"]
_ANSWER_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class DiskStatus:
    """The disk of the recordings as it was last seen.

    `bytes_per_hour` is what the running rooms write, or one room if none runs: as measured, or
    assumed of a room that has just begun. `hours_left` says how long that can go on before
    recording pauses. `since_ms` is when `state` began. `silent`
    means that the disk no longer says how full it is: the figures are old. `data` is the space
    of the data folder, which may be on another disk. `refused` says why the folder of the
    recordings takes no files although there is room; empty while it does.
    """

    state: DiskWord
    reason: str
    since_ms: int
    space: Space
    lines: Lines
    bytes_per_hour: int
    data: Space
    silent: bool = False
    refused: str = ""

    @property
    def hours_left(self) -> float:
        """How long recording can go on."""
        spare = self.space.free_bytes - self.lines.stop.free_bytes
        return max(0, spare) / self.bytes_per_hour


class DiskGuard:
    """Closes and opens the gate by what the disk has left, and says so, each time once.

    Nothing that it knows outlives the process but what was announced: an alarm from before a
    restart is not raised again, and gets its all-clear.
    """

    def __init__(
        self,
        gate: DiskGate,
        stored: StoredFiles,
        outbox: Outbox,
        *,
        root: Path,
        data_dir: Path,
        rules: LineRules,
        writing: Callable[[], Sequence[str]],
        hold_s: float = 60,
        every_s: float = 10,
        every_tight_s: float = 2,
        pace_every_s: float = 60,
        longest_wait_s: float = 1800,
        probe_bytes: int = 8 << 20,
    ) -> None:
        """`writing` names the recordings that write, or would if they could.

        Space must be back for `hold_s` before recording goes on. After a write that failed the
        first wait is as long and doubles up to `longest_wait_s`, and `probe_bytes` must be
        writable.
        """
        self._gate = gate
        self._stored = stored
        self._news = DiskNews(outbox)
        self._root = root
        self._data_dir = data_dir
        self._rules = rules
        self._writing = writing
        self._hold_s = hold_s
        self._every_s = every_s
        self._every_tight_s = every_tight_s
        self._pace_every_s = pace_every_s
        self._probe_bytes = probe_bytes
        self._waits = RetryWaits(max(hold_s, every_tight_s), longest_wait_s)
        self._retry_at_s: float | None = None
        self._opened_at_s = -math.inf
        self._state = DiskState()
        self._seen: _Seen | None = None
        self._silent = False
        self._status: DiskStatus | None = None
        self._pace: _Pace | None = None
        self._tight = anyio.Event()
        self._thread = anyio.CapacityLimiter(1)  # a disk that hangs holds one thread, not all

    @property
    def status(self) -> DiskStatus | None:
        """What was seen last; None until the disk answered once."""
        return self._status

    async def run(self) -> None:
        """Look every ten seconds, every two while space is tight, at once when a write failed."""
        while True:
            try:
                await self.look()
            except Exception as exc:  # a boundary: without a guard a disk fills up
                log.error("disk_not_judged", exc_info=exc)
            await self._rest()

    async def look(self) -> None:
        """Measure, judge, act and tell."""
        seen = await self._measured()
        self._silent, lack = seen is None, None
        if seen is not None:
            self._seen = seen
            lack = seen.lines.stop.lack(seen.space)
            self._state = self._state.after(
                seen.space, seen.lines, now_s=anyio.current_time(), hold_s=self._hold_s
            )
            if self._below_clean_line(seen.space):
                self._tight.set()
        await self._move_gate(lack or "no_space")
        self._note()
        await self._news.tell(Told(self._state.low, self._gate.reason is not None), self._data())

    async def wait_tight(self) -> None:
        """Wait until the disk has less left than old recordings may be deleted for."""
        self._tight = anyio.Event()
        if self._status is None or not self._below_clean_line(self._status.space):
            await self._tight.wait()

    def _below_clean_line(self, space: Space) -> bool:
        line = self._rules.keep_free_bytes
        return line is not None and space.free_bytes < line

    async def _rest(self) -> None:
        status = self._status
        near = status is not None and status.space.free_bytes < 2 * status.lines.stop.free_bytes
        closed = self._gate.reason is not None
        with anyio.move_on_after(self._every_tight_s if near or closed else self._every_s):
            if closed:
                await anyio.sleep_forever()
            await self._gate.wait_closed()  # by a recording whose write failed

    async def _measured(self) -> _Seen | None:
        """What the disks say; None when one of them does not."""
        try:
            with anyio.fail_after(_ANSWER_WITHIN_S):
                space = await self._in_thread(partial(files.measure, self._root))
                data = await self._in_thread(partial(files.measure, self._data_dir))
                refused = await self._in_thread(partial(files.refusal, self._root))
        except OSError as exc:  # a timeout is one too
            if not self._silent:
                log.warning("disk_silent", error=exc)
            return None
        pace = await self._measured_pace()
        lines = Lines.of(self._rules, space.total_bytes, pace.bytes_per_hour)
        why = "" if refused is None else refused.strerror or type(refused).__name__
        return _Seen(space, data, lines, pace.bytes_per_hour, why)

    async def _measured_pace(self) -> _Pace:
        """What the running rooms write, looked up again after a minute and when others run."""
        rooms, now_s, known = tuple(self._writing()), anyio.current_time(), self._pace
        if known is not None and known.rooms == rooms and now_s < known.until_s:
            return known
        try:
            rates = await self._stored.bytes_per_hour(rooms)
        except StorageFailed as exc:
            log.warning("pace_not_measured", error=exc)
            rates = {}
        per_hour = sum(rates.get(room, ROOM_BYTES_PER_HOUR) for room in rooms)
        self._pace = _Pace(rooms, per_hour or ROOM_BYTES_PER_HOUR, now_s + self._pace_every_s)
        return self._pace

    async def _move_gate(self, reason: PauseReason) -> None:
        if self._gate.reason == WRITE_FAILED:
            await self._wait_out_refusal()
        elif self._state.paused:
            self._gate.close(reason)
        else:
            self._gate.open()

    async def _wait_out_refusal(self) -> None:
        """A write failed: wait, longer each time, then try one before recordings do."""
        now_s = anyio.current_time()
        if self._retry_at_s is None:
            if now_s - self._opened_at_s > self._waits.longest_s:
                self._waits = replace(self._waits, refusals=0)
            self._refused(now_s)
        elif now_s >= self._retry_at_s and not self._state.paused:
            if await self._takes_writes():
                self._retry_at_s, self._opened_at_s = None, now_s
                self._gate.open()
            else:
                self._refused(now_s)

    async def _takes_writes(self) -> bool:
        with anyio.move_on_after(_ANSWER_WITHIN_S):
            return await self._in_thread(partial(files.takes_writes, self._root, self._probe_bytes))
        return False

    async def _in_thread(self, look: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(look, abandon_on_cancel=True, limiter=self._thread)

    def _refused(self, now_s: float) -> None:
        self._waits = self._waits.refused()
        self._retry_at_s = now_s + self._waits.wait_s
        log.warning("disk_refuses_writes", again_in_s=self._waits.wait_s)

    def _note(self) -> None:
        seen, reason = self._seen, self._gate.reason or ""
        if seen is None:
            return
        state: DiskWord = "paused" if reason else "low" if self._state.low else "ok"
        before = self._status
        same = before is not None and before.state == state
        self._status = DiskStatus(
            state=state,
            reason=reason,
            since_ms=before.since_ms if before is not None and same else now_ms(),
            space=seen.space,
            lines=seen.lines,
            bytes_per_hour=seen.bytes_per_hour,
            data=seen.data,
            silent=self._silent,
            refused=seen.refused,
        )

    def _data(self) -> dict[str, object]:
        status = self._status
        if status is None:  # a disk that never said how full it is
            return {"reason": self._gate.reason or ""}
        return {
            "free_bytes": status.space.free_bytes,
            "total_bytes": status.space.total_bytes,
            "hours_left": round(status.hours_left, 1),
            "reason": status.reason,
        }


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the disks said, and what that means now."""

    space: Space
    data: Space
    lines: Lines
    bytes_per_hour: int
    refused: str


@dataclass(frozen=True, slots=True)
class _Pace:
    """What these rooms write per hour, good until `until_s`."""

    rooms: tuple[str, ...]
    bytes_per_hour: int
    until_s: float
