"""A stop that the user asks for."""

from __future__ import annotations

import asyncio
import signal

import anyio

from hostcue.wiring.signals import STOP_SIGNALS


async def stop_asked() -> None:
    """Returns when Ctrl-C is pressed, or the like; another one ends the process, as ever."""
    asked, loop = anyio.Event(), asyncio.get_running_loop()

    def ask(*_: object) -> None:
        loop.call_soon_threadsafe(asked.set)

    # Windows has no signals in its event loop, so a handler has to wake it
    before = {number: signal.signal(number, ask) for number in STOP_SIGNALS}
    try:
        await asked.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
