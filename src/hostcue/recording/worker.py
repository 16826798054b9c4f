"""A recording worker: one process, one room, one connection.

It records, or brings the sound to whoever listens, or both.

Three threads: one reads the stream and may hang in libav for as long as the network likes, one
waits for orders, and the main thread keeps time. So neither stopping nor noticing a stall ever
depends on the stream.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

from hostcue.errors import HostcueError
from hostcue.model.clock import now_ms
from hostcue.recording.arrival import ArrivalClock, FileClock, MediaClock
from hostcue.recording.capture import Capture
from hostcue.recording.endings import ended_by
from hostcue.recording.file_sound import FileSound
from hostcue.recording.listening import Listening
from hostcue.recording.patience import Patience
from hostcue.recording.protocol import (
    MAX_LINE,
    Ended,
    Job,
    Listened,
    ListenJob,
    ListenOrder,
    RecoverJob,
    Started,
    StreamJob,
    WorkerEvent,
    event_line,
    parse_command,
)
from hostcue.recording.recover import recover
from hostcue.recording.sound_line import LineGone, SoundLine
from hostcue.recording.sound_tap import SoundTap
from hostcue.recording.source import Source, open_source

_TICK_S = 1.0
_TRIM_S = 10.0  # how often memory is given back; a call takes 0.3 ms
_ORPHANED = "the process that runs the recordings ended"
_BUSY_S = 1.5  # the time to wait for a disk that hangs; what stays open is recovered


def run(job: Job, orders: int) -> None:
    """Do a job, telling how it goes on standard output, and end the process.

    `orders` is the pipe by which one is asked to stop, or to bring the sound somewhere.
    """
    _emit(job.id, Started(os.getpid()))
    if isinstance(job, RecoverJob):
        _recover(job)
    elif isinstance(job, ListenJob) and job.container == "file":
        _hear_file(job, orders)
    else:
        _Capturing(job, orders).run()
    os._exit(0)  # threads may hang in libav; nothing is left to clean up


def _emit(worker: str, event: WorkerEvent) -> None:
    with suppress(OSError):  # nobody listens any more; the file is what matters
        os.write(1, event_line(worker, event))


def _recover(job: RecoverJob) -> None:
    try:
        closed = recover(Path(job.part), start_ms=job.start_ms, zone=job.zone)
    except (HostcueError, OSError, ValueError) as exc:
        _emit(job.id, ended_by(exc))
        return
    if closed is not None:
        _emit(job.id, closed)
    _emit(job.id, Ended("recovered"))


def _hear_file(job: ListenJob, orders: int) -> None:
    """Main thread: keep time, so that neither a slow disk nor a slow listener looks like death."""
    over: SimpleQueue[Ended] = SimpleQueue()
    at_ms = job.start_ms

    def read() -> None:
        nonlocal at_ms
        line = SoundLine(job.sound, brittle=True)
        try:
            file = FileSound(job)
            _emit(job.id, Listened(job.start_ms, job.start_ms))
            for sound in file.blocks():
                line.send(sound)
                at_ms = round(sound.at_ms + sound.length_ms)
            line.drain()
        except LineGone:
            over.put(Ended("write_failed", "nobody takes the sound any more"))
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is told
            over.put(ended_by(exc))
        else:
            over.put(Ended("eof", "the file ended"))

    for work in (read, partial(_obey, orders, over, SoundTap())):
        threading.Thread(target=work, daemon=True).start()
    while True:
        try:
            ended = over.get(timeout=_TICK_S)
        except Empty:
            _emit(job.id, Listened(job.start_ms, at_ms))
        else:
            _emit(job.id, ended)
            return


def _obey(orders: int, over: SimpleQueue[Ended], tap: SoundTap) -> None:
    """Follow orders until one is to stop; the end of the pipe means the same."""
    pending = b""
    while read := os.read(orders, MAX_LINE):
        *lines, pending = (pending + read).split(b"\n")
        for line in lines:
            _, order = parse_command(line)
            if not isinstance(order, ListenOrder):
                over.put(Ended("stop"))
                return
            tap.turn_to(order.sound)
    over.put(Ended("orphaned", _ORPHANED))


class _Capturing:
    """Runs one job to its end."""

    def __init__(self, job: StreamJob, orders: int) -> None:
        self._job = job
        self._orders = orders
        self._tap = SoundTap(job.sound)
        self._over: SimpleQueue[Ended] = SimpleQueue()
        self._lock = threading.Lock()
        self._capture: Capture | Listening | None = None
        self._trim = _memory_trimmer()
        self._trimmed_s = time.monotonic()

    def run(self) -> None:
        """Go on until an order, the stream's end or a fault."""
        for work in (self._receive, partial(_obey, self._orders, self._over, self._tap)):
            threading.Thread(target=work, daemon=True).start()
        self._finish(self._watch())
        self._tap.close()

    def _receive(self) -> None:
        try:
            source = open_source(self._job)
            capture = self._open(source)
            with self._lock:
                self._capture = capture
            self._record(source, capture)
            while (following := source.following()) is not None:
                with self._lock:
                    capture.go_on(following)
                source.close()
                source = following
                self._record(source, capture)
            self._over.put(Ended("eof", "the stream ended"))
        except Exception as exc:  # noqa: BLE001 - whatever it is, the segment gets closed
            self._over.put(ended_by(exc))

    def _open(self, source: Source) -> Capture | Listening:
        job, clock = self._job, _clock(self._job, source)
        if isinstance(job, ListenJob):
            return Listening(job, source, clock, self._say, self._tap)
        return Capture(job, source, clock, self._say, tap=self._tap)

    def _record(self, source: Source, capture: Capture | Listening) -> None:
        for packet in source.packets():
            with self._lock:
                capture.take(packet, time.monotonic())

    def _watch(self) -> Ended:
        """Wait for the end, keeping time meanwhile."""
        job, now_s = self._job, time.monotonic()
        patience = Patience(open_timeout_s=job.open_timeout_s, stall_s=job.stall_s, now_s=now_s)
        while True:
            heard_s, recording = self._progress()
            until_s = patience.deadline(now_s, heard_s, recording=recording)
            due_s = max(now_s, min(now_s + _TICK_S, until_s))
            try:
                return self._over.get(timeout=max(0.0, due_s - time.monotonic()))
            except Empty:
                pass
            now_s = time.monotonic()
            patience.woke(now_s, due_s=due_s)
            heard_s, recording = self._progress()
            ended = patience.verdict(now_s, heard_s, recording=recording)
            if ended is not None:
                return ended
            self._tick()
            due_s, now_s = now_s + _BUSY_S, time.monotonic()
            patience.woke(now_s, due_s=due_s)

    def _progress(self) -> tuple[float | None, bool]:
        """When the picture was heard last, and whether it is recorded."""
        capture = self._capture
        return (None, False) if capture is None else (capture.pace.heard_s, capture.recording)

    def _tick(self) -> None:
        if self._capture is None or not self._lock.acquire(timeout=_BUSY_S):
            return
        try:
            self._capture.tick(time.monotonic())
            progress = self._capture.progress()
        except Exception as exc:  # noqa: BLE001 - as in _receive
            self._over.put(ended_by(exc))
            return
        finally:
            self._lock.release()
        if progress is not None:
            self._say(progress)
        if self._capture.pace.lags:
            self._over.put(Ended("lagging", "the picture comes slower than it plays"))
        if time.monotonic() - self._trimmed_s >= _TRIM_S:
            self._trimmed_s = time.monotonic()
            self._trim()

    def _finish(self, ended: Ended) -> None:
        """Close the segment; the lock stays taken, so that no packet comes after."""
        if not self._lock.acquire(timeout=_BUSY_S):
            ended = Ended("write_failed", "the disk does not answer")
        elif self._capture is not None:
            whole = ended.cause in {"stop", "orphaned", "changed"} or (
                ended.cause == "eof" and self._job.container == "file"
            )
            try:
                self._capture.end("ready" if whole else "truncated")
            except Exception as exc:  # noqa: BLE001 - as in _receive
                ended = ended_by(exc)
            last_key, last_piece = self._capture.last_key, self._capture.last_piece
            ended = replace(ended, last_key=last_key, last_piece=last_piece)
        self._say(ended)

    def _say(self, event: WorkerEvent) -> None:
        _emit(self._job.id, event)


def _memory_trimmer() -> Callable[[], object]:
    """Glibc's way to give back what packets of many sizes left free between them.

    Without it a worker keeps 6 MiB that nothing uses (docs/benchmarks.md). Other C libraries have
    no such call, and nothing is done there.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            return partial(trim, 0)
    return lambda: None


def _clock(job: StreamJob, source: Source) -> MediaClock:
    if job.container == "file":
        length_s = (source.container.duration or 0) / 1e6
        age_s = now_ms() / 1000 - Path(job.url).stat().st_mtime + length_s
        return FileClock(time.monotonic() - age_s)
    return source.clock or ArrivalClock()


def main() -> None:
    """Serve as a process of its own, where there is no fork: the job is standard input's line."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            return
        line += byte
    _, job = parse_command(line)
    if not isinstance(job, str | ListenOrder):
        run(job, 0)


if __name__ == "__main__":
    main()
