"""What becomes of what was written and said: the old goes, and a viewer's who wants it."""

from __future__ import annotations

import anyio
import structlog

from hostcue.comments.pseudonyms import Pseudonyms
from hostcue.model.clock import now_ms
from hostcue.storage.comments import Comments
from hostcue.storage.utterances import Utterances

log = structlog.get_logger(__name__)

_DAY_MS = 24 * 3600 * 1000


class CommentCare:
    """Deletes in small batches with pauses between, in which recorders write.

    Counts per minute stay: they name nobody. So do the ids of comments and of what was said on
    which a line rests.
    """

    def __init__(
        self,
        comments: Comments,
        utterances: Utterances,
        pseudonyms: Pseudonyms,
        *,
        keep_days: float | None = None,
        batch: int = 500,
        pause_s: float = 0.05,
    ) -> None:
        """Without `keep_days` nothing is too old."""
        self._comments = comments
        self._utterances = utterances
        self._pseudonyms = pseudonyms
        self._keep_days = keep_days
        self._batch = batch
        self._pause_s = pause_s

    async def drop_old(self) -> int:
        """Delete the comments, and what was said, that came longer ago than they are kept.

        Returns how many that were.
        """
        if self._keep_days is None:
            return 0
        before_ms = now_ms() - round(self._keep_days * _DAY_MS)
        comments, utterances, place = 0, 0, 0
        while old := await self._comments.received_before(before_ms, place, self._batch):
            comments += await self._comments.delete(old)
            place = old[-1]
            await anyio.sleep(self._pause_s)
        while gone := await self._utterances.drop_old(before_ms, self._batch):
            utterances += gone
            await anyio.sleep(self._pause_s)
        if comments or utterances:
            await self._comments.settle()
            log.info("old_words_deleted", comments=comments, utterances=utterances)
        return comments + utterances

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
