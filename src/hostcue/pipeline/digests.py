"""What a window's comments come to, beside those of the window before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import anyio.to_thread

from hostcue.model.comment import Comment
from hostcue.model.digest import CommentDigest
from hostcue.model.window import Window
from hostcue.storage.comments import Comments
from hostcue.storage.gaps import Gaps, comment_gaps_of, covered

_PAGE = 2000
_FEWEST_BEFORE = 5
"""So many lines tell since when a room was listened to; of fewer nothing can be said."""
_SHORTEST_BEFORE = 0.2


class Condense(Protocol):
    """`comments.digest.digest`, with the intents it is to read by."""

    def __call__(
        self,
        comments: Sequence[Comment],
        *,
        span_s: float | None,
        before: Sequence[Comment],
        before_span_s: float | None,
    ) -> CommentDigest:
        """Blocks for 10 ms per 1,000 comments or so."""
        ...


@dataclass(frozen=True, slots=True)
class WindowDigest:
    """A digest, of which window it is, and in which share of that comments were received.

    The window ends early where there were more comments than are read.
    """

    digest: CommentDigest
    window: Window
    coverage: float


class Digests:
    """Digests of windows, from what is stored; `most` comments are read of each."""

    def __init__(
        self, comments: Comments, gaps: Gaps, condense: Condense, *, most: int = 20_000
    ) -> None:
        self._comments = comments
        self._gaps = gaps
        self._condense = condense
        self._most = most

    async def of(self, room_id: str, window: Window, platform: str = "") -> WindowDigest:
        """The digest of a room's window, its trend against as long a window just before.

        Without `platform`, the comments say it: it only matters for the gaps between them.
        """
        said, window = await self._said(room_id, window)
        length_ms = window.end_ms - window.start_ms
        earlier = Window(max(0, window.start_ms - length_ms), window.start_ms)
        before, earlier = await self._said(room_id, earlier)
        earlier = await self._listened(room_id, earlier, before)
        platforms = {platform} if platform else {c.platform for c in (*said[:1], *before[:1])}
        gaps = [
            gap
            for one in sorted(platforms)
            for gap in await self._gaps.of(comment_gaps_of(one, room_id))
        ]
        coverage = covered(gaps, window.start_ms, window.end_ms)
        before_ms = covered(gaps, earlier.start_ms, earlier.end_ms) * (
            earlier.end_ms - earlier.start_ms
        )
        comparable = before_ms >= _SHORTEST_BEFORE * length_ms > 0
        condense = partial(
            self._condense,
            said,
            span_s=coverage * length_ms / 1000 or None,
            before=before,
            before_span_s=before_ms / 1000 if comparable else None,
        )
        return WindowDigest(await anyio.to_thread.run_sync(condense), window, coverage)

    async def _said(self, room_id: str, window: Window) -> tuple[list[Comment], Window]:
        """The window's comments, and the window as far as it was read."""
        found: list[Comment] = []
        async for page in self._comments.pages(room_id, window.start_ms, window.end_ms, size=_PAGE):
            found += (item.comment for item in page)
            if len(found) > self._most:
                end_ms = found[self._most].ts_ms
                whole = [comment for comment in found if comment.ts_ms < end_ms]
                return whole, Window(window.start_ms, end_ms)
        return found, window

    async def _listened(self, room_id: str, earlier: Window, before: Sequence[Comment]) -> Window:
        """The part of the window before in which somebody listened to the room.

        All of it if something came yet earlier, else from the first comment on.
        """
        length_ms = earlier.end_ms - earlier.start_ms
        long_before = max(0, earlier.start_ms - length_ms)
        if await self._comments.get_comments_between(room_id, long_before, earlier.start_ms, 1):
            return earlier
        if len(before) < _FEWEST_BEFORE:
            return Window(earlier.end_ms, earlier.end_ms)
        return Window(before[0].ts_ms, earlier.end_ms)
