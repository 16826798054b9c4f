"""What is dropped when it is old."""

from __future__ import annotations

import anyio
import structlog

from hostcue.model.clock import now_ms
from hostcue.pipeline.comment_care import CommentCare
from hostcue.pipeline.disk import DiskGuard
from hostcue.pipeline.retention import Retention
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


async def keep_comments(care: CommentCare, *, every_s: float = 3600) -> None:
    """Drop comments that are older than they are kept, now and every hour."""
    while True:
        try:
            await care.drop_old()
        except Exception as exc:  # a boundary, as above
            log.warning("comments_not_dropped", exc_info=exc)
        await anyio.sleep(every_s)


async def keep_room(
    retention: Retention, guard: DiskGuard, *, every_s: float = 3600, again_s: float = 30
) -> None:
    """Delete the old recordings that may go: now, every hour, and when the disk gets tight.

    While it stays so, it is tried again after `again_s`: then others may go.
    """
    while True:
        try:
            await retention.pass_by()
        except Exception as exc:  # a boundary, as above
            log.warning("room_not_made", exc_info=exc)
        with anyio.move_on_after(every_s):
            await anyio.sleep(again_s)
            await guard.wait_tight()
