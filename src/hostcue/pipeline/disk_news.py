"""What listeners hear of the disk, each thing once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import structlog

from hostcue.errors import StorageFailed
from hostcue.model.disk import DISK, DiskEvent, Told
from hostcue.storage.outbox import Outbox

log = structlog.get_logger(__name__)


class DiskNews:
    """Announces alarms and all-clears; what was announced before a restart is not said again."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._told: Told | None = None

    async def tell(self, now: Told, facts: Mapping[str, object]) -> None:
        """Announce what changed; what cannot be stored is announced by a later call."""
        try:
            if self._told is None:
                self._told = await self._told_before()
            for kind in self._told.news(now):
                await self._outbox.announce("recording", DISK, kind, facts)
                log.warning(kind, **facts)
                self._told = self._told.heard(kind)
        except StorageFailed as exc:
            log.error("disk_event_not_stored", error=exc)

    async def _told_before(self) -> Told:
        told = Told()
        for kind in await self._outbox.kinds("recording", DISK):
            told = told.heard(cast("DiskEvent", kind))
        return told
