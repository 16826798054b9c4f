"""Streams end before the server waits for them.

uvicorn waits for open connections before it runs the lifespan's shutdown, and an event stream
never ends by itself. So the signal that stops the server is seen here first: recordings are
closed and announced, then the streams end, and what stood behind the signal goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from hostcue.wiring import Service
from hostcue.wiring.signals import STOP_SIGNALS

LONGEST_STOP_S = 4
"""A client that reads nothing cannot be told to go; after this the server no longer waits."""


@contextmanager
def streams_end_first(service: Service) -> Iterator[None]:
    """Begin the service's stop when a stop signal comes, then let the server's handler act.

    Signals can be listened to in the main thread only; elsewhere (test clients) nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    for earlier in before.values():
        _bound(getattr(earlier, "__self__", None))

    def handler(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(service.begin_stop)
        _go_on(before[signal.Signals(number)], number, frame)

    for number in STOP_SIGNALS:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            if signal.getsignal(number) is handler:
                signal.signal(number, earlier)


def _bound(server: object) -> None:
    """Somebody else's uvicorn waits for ever by default, so it is given our limit."""
    if isinstance(server, uvicorn.Server) and server.config.timeout_graceful_shutdown is None:
        server.config.timeout_graceful_shutdown = LONGEST_STOP_S


def _go_on(
    earlier: Callable[[int, FrameType | None], object] | int | None,
    number: int,
    frame: FrameType | None,
) -> None:
    if callable(earlier):
        earlier(number, frame)
    elif earlier == signal.SIG_DFL:
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
