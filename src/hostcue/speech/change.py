"""Waiting for something to have changed."""

from __future__ import annotations

import anyio


class Change:
    """Wakes whoever waits, each time that it is told."""

    def __init__(self) -> None:
        self._event: anyio.Event | None = None

    def tell(self) -> None:
        """Something changed; costs next to nothing where nobody waits."""
        if self._event is not None:
            self._event.set()
            self._event = None

    async def wait(self, within_s: float | None = None) -> bool:
        """Until the next time it is told, or that long; whether it was told.

        Look whether you have to wait, and then wait, without an await between the two.
        """
        if self._event is None:
            self._event = anyio.Event()
        event = self._event
        with anyio.move_on_after(within_s):
            await event.wait()
        return event.is_set()
