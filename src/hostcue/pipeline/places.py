"""How many rooms are recorded at once."""

from __future__ import annotations

import anyio


class Places:
    """One per recording under way, `most` in all; a room that is only watched needs none."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._taken: set[str] = set()
        self._freed = anyio.Event()

    def take(self, recording_id: str) -> bool:
        """Whether there was a place, or it has one."""
        if recording_id not in self._taken and len(self._taken) >= self.most:
            return False
        self._taken.add(recording_id)
        return True

    def keep(self, recording_id: str) -> None:
        """Give a place to what ran before a restart, whatever the limit is by now."""
        self._taken.add(recording_id)

    def give_back(self, recording_id: str) -> None:
        """It is not recorded any more."""
        if recording_id in self._taken:
            self._taken.discard(recording_id)
            freed, self._freed = self._freed, anyio.Event()
            freed.set()

    async def wait_free(self) -> None:
        """Wait until there is a place; others may be quicker to take it."""
        while len(self._taken) >= self.most:
            await self._freed.wait()
