"""What is dropped when it is old."""

from __future__ import annotations

import anyio
import structlog

from hostcue.model.clock import now_ms
from hostcue.storage.outbox import Outbox

log = structlog.get_logger(__name__)

EVENTS_KEPT_MS = 24 * 3600 * 1000
"""How far back a client can resume an event stream (the contract's 24 h)."""


async def keep_house(outbox: Outbox, *, every_s: float = 3600) -> None:
    """Drop old events, now and every hour."""
    while True:
        try:
            await outbox.prune(now_ms() - EVENTS_KEPT_MS)
        except Exception as exc:  # a boundary: nothing else may end because of this
            log.warning("events_not_pruned", exc_info=exc)
        await anyio.sleep(every_s)
