"""A small process that holds libav once and forks a worker for each job.

A forked worker shares nearly all of its memory with this process. It is told what to do by
lines on standard input and gives the workers its standard output. When its input ends, it lets
the workers finish their files and ends with them. When it is killed, they notice by their own
pipes and do the same.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import selectors
import signal
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, field

from hostcue.recording import worker
from hostcue.recording.http_body import trust
from hostcue.recording.protocol import (
    Exited,
    Job,
    ListenOrder,
    RecoverJob,
    event_line,
    parse_command,
)

_LEAVE_S = 10.0


@dataclass(slots=True)
class Forker:
    """Starts, stops and buries workers."""

    wake: int
    pids: dict[str, int] = field(default_factory=dict[str, int])
    orders: dict[str, int] = field(default_factory=dict[str, int])

    def serve(self) -> None:
        """Until standard input ends."""
        selector = selectors.DefaultSelector()
        selector.register(0, selectors.EVENT_READ)
        selector.register(self.wake, selectors.EVENT_READ)
        pending = b""
        while True:
            ready = {key.fd for key, _ in selector.select()}
            if self.wake in ready:
                os.read(self.wake, 512)
                self.bury()
            if 0 in ready:
                read = os.read(0, 65536)
                if not read:
                    return
                *lines, pending = (pending + read).split(b"\n")
                for line in lines:
                    self.obey(line)

    def obey(self, line: bytes) -> None:
        """Carry out one command; a worker that is gone already needs none."""
        verb, what = parse_command(line)
        if not isinstance(what, str | ListenOrder):
            self.fork(what)
            return
        worker = what if isinstance(what, str) else what.id
        if verb in {"listen", "stop"} and worker in self.orders:
            with suppress(BrokenPipeError):
                os.write(self.orders[worker], line + b"\n")
        elif verb == "kill" and worker in self.pids:
            os.kill(self.pids[worker], signal.SIGKILL)

    def fork(self, job: Job) -> None:
        """Start a worker."""
        if not isinstance(job, RecoverJob) and job.url.startswith("https:"):
            trust()
        theirs, ours = os.pipe()
        gc.freeze()  # the collector would touch, and so copy, what is shared
        try:
            pid = os.fork()
        except OSError:
            os.close(theirs)
            os.close(ours)
            _tell(event_line(job.id, Exited(1)))
            return
        if pid == 0:
            self._become_worker(job, theirs, ours)
        os.close(theirs)
        self.pids[job.id], self.orders[job.id] = pid, ours

    def _become_worker(self, job: Job, orders: int, ours: int) -> None:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for fd in (ours, self.wake, *self.orders.values()):
                os.close(fd)
            nothing = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nothing, 0)
            os.close(nothing)
            worker.run(job, orders)
        except BaseException:  # noqa: BLE001 - its last words; no worker may return into serve()
            traceback.print_exc()
        finally:
            os._exit(1)

    def bury(self) -> None:
        """Report the workers that ended."""
        for name, pid in list(self.pids.items()):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                del self.pids[name]
                os.close(self.orders.pop(name))
                _tell(event_line(name, Exited(os.waitstatus_to_exitcode(status))))

    def leave(self) -> None:
        """Let the workers finish their files, but not for ever."""
        for fd in self.orders.values():
            os.close(fd)
        deadline_s = time.monotonic() + _LEAVE_S
        for pid in self.pids.values():
            while os.waitpid(pid, os.WNOHANG) == (0, 0):
                if time.monotonic() > deadline_s:
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.02)


def _tell(line: bytes) -> None:
    with suppress(BrokenPipeError):  # the server is gone, which standard input is about to say
        os.write(1, line)


def main() -> None:
    """Serve until standard input ends; a signal meant for the whole service changes nothing."""
    faulthandler.enable()
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    forker = Forker(wake)
    forker.serve()
    forker.leave()


if __name__ == "__main__":
    main()
