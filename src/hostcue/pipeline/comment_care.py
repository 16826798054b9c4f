"""What becomes of stored comments: the old go, and those of a viewer who wants it."""

from __future__ import annotations

import anyio
import structlog

from hostcue.comments.pseudonyms import Pseudonyms
from hostcue.model.clock import now_ms
from hostcue.storage.comments import Comments

log = structlog.get_logger(__name__)

_DAY_MS = 24 * 3600 * 1000


class CommentCare:
    """Deletes in small batches with pauses between, in which recorders write.

    Counts per minute stay: they name nobody. So do the ids of comments on which a line rests.
    """

    def __init__(
        self,
        comments: Comments,
        pseudonyms: Pseudonyms,
        *,
        keep_days: float | None = None,
        batch: int = 500,
        pause_s: float = 0.05,
    ) -> None:
        """Without `keep_days` nothing is too old."""
        self._comments = comments
        self._pseudonyms = pseudonyms
        self._keep_days = keep_days
        self._batch = batch
        self._pause_s = pause_s

    async def drop_old(self) -> int:
        """Delete the comments that came longer ago than they are kept; returns how many."""
        if self._keep_days is None:
            return 0
        before_ms = now_ms() - round(self._keep_days * _DAY_MS)
        gone, place = 0, 0
        while old := await self._comments.received_before(before_ms, place, self._batch):
            gone += await self._comments.delete(old)
            place = old[-1]
            await anyio.sleep(self._pause_s)
        if gone:
            await self._comments.settle()
            log.info("comments_deleted", comments=gone)
        return gone

    async def erase(self, viewer: str) -> int:
        """Delete what one viewer wrote and gave, by the key in `Comment.viewer`; returns how many.

        What comes from that viewer later is stored as before.
        """
        return await self._erase([viewer])

    async def erase_user(self, platform: str, user_id: str) -> int:
        """The same by the platform's own id, whatever the key was when the comments came."""
        return await self._erase(self._pseudonyms.viewers_of(platform, user_id))

    async def _erase(self, viewers: list[str]) -> int:
        gone, place = 0, 0
        while found := await self._comments.written_by(viewers, place, self._batch):
            gone += await self._comments.delete(found)
            place = found[-1]
            await anyio.sleep(self._pause_s)
        await self._comments.settle()
        log.info("viewer_erased", comments=gone)
        return gone
