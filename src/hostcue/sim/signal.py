"""Waiting for something to become true, without sleeping."""

from __future__ import annotations

from collections.abc import Callable

import anyio


class Signal:
    """Wakes whoever waits each time the thing they watch has changed."""

    def __init__(self) -> None:
        self._changed = anyio.Event()

    def changed(self) -> None:
        """Let every waiter look again."""
        self._changed.set()
        self._changed = anyio.Event()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until `holds()` is true; looked at now and after every change."""
        while not holds():
            await self._changed.wait()
