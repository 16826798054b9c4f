"""Whether recordings may write."""

from __future__ import annotations

import anyio

from hostcue.errors import DiskFull

WRITE_FAILED = "write_failed"
"""The reason when a recording's write failed, whatever space there seems to be."""


class DiskGate:
    """Open, or closed with a reason; the disk guard moves it, recordings obey it.

    A recording whose write failed closes it at once: the others would fail a moment later.
    """

    def __init__(self) -> None:
        self._closed: str | None = None
        self._moved = anyio.Event()

    @property
    def reason(self) -> str | None:
        """Why it is closed; None while it is open."""
        return self._closed

    def check(self) -> None:
        """Whether a recording may start.

        Raises:
            DiskFull: not now.
        """
        if self._closed is not None:
            refused = self._closed == WRITE_FAILED
            raise DiskFull(
                "recording is paused: the disk "
                + ("refused a write" if refused else "is nearly full"),
                field="RECORDS_ROOT",
                remedy="check quota, permissions and health of the disk"
                if refused
                else "make room on the disk, or set HOSTCUE_MIN_FREE_BYTES lower",
            )

    def close(self, reason: str) -> None:
        """No more writing; the first reason stays."""
        if self._closed is None:
            self._closed = reason
            self._move()

    def open(self) -> None:
        """Writing goes on."""
        if self._closed is not None:
            self._closed = None
            self._move()

    async def wait_closed(self) -> None:
        """Wait until there is no more writing."""
        while self._closed is None:
            await self._moved.wait()

    async def wait_open(self) -> None:
        """Wait until writing may go on."""
        while self._closed is not None:
            await self._moved.wait()

    def _move(self) -> None:
        moved, self._moved = self._moved, anyio.Event()
        moved.set()
