"""Comments by window, each stored once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence

from sqlalchemy import delete, func, select, update

from hostcue.errors import BadRequest
from hostcue.model.comment import Comment, CommentKind, Gap, ProductChange, RoomStats
from hostcue.model.event import Event, event_of
from hostcue.storage import tables
from hostcue.storage.comment_minutes import MinuteCounts, Passed
from hostcue.storage.comment_rows import COLUMNS, PAGE, StoredComment, insert_new, read_rows
from hostcue.storage.database import Database
from hostcue.storage.gaps import comment_gaps_of, store_gap

_T = tables.comments
_ON_THE_WAY_MS = 10_000
"""At most so long is a comment on its way from who sent it into the store."""
STORED_KINDS: frozenset[CommentKind] = frozenset({"chat", "gift", "follow", "share", "fans_club"})
"""Likes and enters are counted to their minute and not kept: they are the bulk of the traffic."""


class Comments:
    """Table `comments`, unique by platform, room and message id."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._minutes = MinuteCounts()
        self._passed = Passed()

    async def take(self, batch: Sequence[Comment | RoomStats]) -> list[StoredComment]:
        """Store what is new and count it to its minutes, in one commit; then send it out.

        Returns the comments that were new, in order. Likes and enters are counted only, each
        once as long as their ids are remembered: a batch may be given again.
        """
        kept: list[Comment] = []
        passing: list[Comment] = []
        stats: list[RoomStats] = []
        for event in batch:
            if isinstance(event, RoomStats):
                stats.append(event)
            else:
                (kept if event.kind in STORED_KINDS else passing).append(event)
        passing = self._passed.unknown(passing)
        if not (kept or passing or stats):
            return []
        async with self._db.write() as tx:
            stored = await insert_new(tx, kept) if kept else []
            await self._minutes.add(tx, [*(item.comment for item in stored), *passing], stats)
            tx.publish(comment_event(item.comment, item.row_id) for item in stored)
        self._passed.remember(passing)
        return stored

    async def get_comments_between(
        self,
        room_id: str,
        start_ts: int,
        end_ts: int,
        limit: int = 2000,
        *,
        after: int | None = None,
        kinds: Collection[str] | None = None,
    ) -> list[StoredComment]:
        """Comments sent in `[start_ts, end_ts)`, oldest first, `limit` of them.

        Goes by the platform's send time, so late arrivals land in the window they belong to.
        `after` is the `row_id` of the last comment of the page before.

        Raises:
            BadRequest: the comment `after` is not stored any more.
        """
        place = (start_ts, -1)
        if after is not None:
            sent = await self._db.fetch("SELECT ts FROM comments WHERE row_id = ?", (after,))
            if not sent:
                raise BadRequest(
                    f"there is no comment {after}: it was deleted meanwhile, or never was",
                    field="after",
                    remedy="ask for the window from its beginning, without `after`",
                )
            place = max(place, (sent[0][0], after))
        return await self._page(room_id, place, end_ts, limit, kinds)

    async def pages(
        self, room_id: str, start_ts: int, end_ts: int, *, size: int = 2000
    ) -> AsyncIterator[list[StoredComment]]:
        """All comments sent in `[start_ts, end_ts)`, oldest first, also while some are deleted."""
        place = (start_ts, -1)
        while page := await self._page(room_id, place, end_ts, size):
            yield page
            place = (page[-1].comment.ts_ms, page[-1].row_id)

    async def _page(
        self,
        room_id: str,
        place: tuple[int, int],
        end_ts: int,
        limit: int,
        kinds: Collection[str] | None = None,
    ) -> list[StoredComment]:
        """What comes after a send time and a row id, in their order."""
        query, parameters = PAGE, [room_id, *place, end_ts]
        if kinds is not None:
            query += f" AND kind IN ({', '.join('?' * len(kinds))})"
            parameters += kinds
        return read_rows(
            await self._db.fetch(f"{query} ORDER BY ts, row_id LIMIT ?", [*parameters, limit])
        )

    async def after(self, room_id: str | None, row_id: int, limit: int) -> list[StoredComment]:
        """Comments stored after `row_id`, in the order they were stored."""
        query = select(*COLUMNS).where(_T.c.row_id > row_id).order_by(_T.c.row_id).limit(limit)
        if room_id is not None:
            query = query.where(_T.c.room_id == room_id)
        async with self._db.read() as connection:
            return read_rows(await connection.execute(query))

    async def received_before(self, before_ms: int, after: int, limit: int) -> list[int]:
        """Row ids, at most `limit`, of comments received earlier than `before_ms`.

        Reads on from row `after` in the order of storing, and no further than a stretch of
        `limit` rows in which none is so old: the table may be large.
        """
        query = (
            select(_T.c.row_id, _T.c.received_at)
            .where(_T.c.row_id > after)
            .order_by(_T.c.row_id)
            .limit(limit)
        )
        async with self._db.read() as connection:
            rows = await connection.execute(query)
            return [row_id for row_id, received_ms in rows if received_ms < before_ms]

    async def written_by(self, viewers: Sequence[str], after: int, limit: int) -> list[int]:
        """Row ids after `after`, at most `limit`, of what one of the `viewers` wrote or gave."""
        query = (
            select(_T.c.row_id)
            .where(_T.c.row_id > after, _T.c.viewer.in_(viewers), _T.c.viewer != "")
            .order_by(_T.c.row_id)
            .limit(limit)
        )
        async with self._db.read() as connection:
            return list((await connection.execute(query)).scalars())

    async def delete(self, row_ids: Sequence[int]) -> int:
        """Delete comments, at least one; returns how many there were."""
        async with self._db.write() as tx:
            gone = await tx.connection.execute(delete(_T).where(_T.c.row_id.in_(row_ids)))
            await tx.keep_used(max(row_ids))
        return gone.rowcount

    async def settle(self) -> None:
        """After deleting: have nothing of it left in the database's files."""
        await self._db.settle()

    async def gap(self, platform: str, room_id: str, gap: Gap) -> None:
        """Open or close a gap in a room's comments; announce it."""
        async with self._db.write() as tx:
            await store_gap(tx, comment_gaps_of(platform, room_id), gap)
            await tx.announce(
                "comments",
                room_id,
                "gap",
                {
                    "room_id": room_id,
                    "start_ts": gap.start_ms,
                    "end_ts": gap.end_ms,
                    "cause": gap.cause,
                },
            )

    async def heard_until(self, platform: str, room_id: str) -> int | None:
        """When the newest comment of a broadcast was sent, or its last gap ended, if that is later.

        Not when it was stored, for what was sent in between may be missing; but an old one that a
        platform repeats says nothing of the time since. None if none of its comments is here.
        """
        sent_ms = func.max(_T.c.ts, _T.c.received_at - _ON_THE_WAY_MS)
        newest = (
            select(func.min(sent_ms, _T.c.received_at))  # a platform's clock may be ahead
            .where(_T.c.room_id == room_id, _T.c.platform == platform)
            .order_by(_T.c.ts.desc())
            .limit(1)
        )
        ended = select(func.max(tables.gaps.c.end_ts)).where(
            tables.gaps.c.subject == comment_gaps_of(platform, room_id)
        )
        async with self._db.read() as connection:
            newest_ms: int | None = (await connection.execute(newest)).scalar()
            ended_ms: int | None = (await connection.execute(ended)).scalar()
        return None if newest_ms is None else max(newest_ms, ended_ms or 0)

    async def close_gaps(self, at_ms: int) -> None:
        """Close what a crash left open: since then nobody has been listening at all."""
        table = tables.gaps
        async with self._db.write() as tx:
            await tx.connection.execute(
                update(table)
                .where(table.c.subject.startswith("comments:"), table.c.end_ts.is_(None))
                .values(end_ts=at_ms)
            )

    async def product(self, change: ProductChange) -> None:
        """Announce a change in a room's cart; it is kept as long as events are."""
        async with self._db.write() as tx:
            await tx.announce(
                "comments",
                change.room_id,
                "product",
                {
                    "id": change.id,
                    "room_id": change.room_id,
                    "ts": change.ts_ms,
                    "promotion_id": change.promotion_id,
                    "title": change.title,
                    "text": change.text,
                },
            )

    async def state(self, room_id: str, state: str, reason: str) -> None:
        """Announce what the collection of a room's comments is doing."""
        async with self._db.write() as tx:
            await tx.announce(
                "comments",
                room_id,
                "status",
                {"room_id": room_id, "state": state, "reason": reason},
            )


def comment_event(comment: Comment, row_id: int | None = None) -> Event:
    """A comment as the stream of its room carries it; without `row_id` it is live only."""
    metadata = comment.metadata
    data: dict[str, object] = {
        "id": comment.id,
        "user": comment.user,
        "content": comment.content,
        "ts": comment.ts_ms,
        "room_id": comment.room_id,
        "platform": comment.platform,
        "metadata": metadata if type(metadata) is dict else dict(metadata),  # as JSON takes it
        "viewer": comment.viewer,
    }
    kind = "member" if comment.kind == "enter" else comment.kind
    return event_of("comments", comment.room_id, kind, data, row_id)
