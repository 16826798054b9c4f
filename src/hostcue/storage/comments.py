"""Comments by window, each stored once; and what the host said, by window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Row, select, tuple_, update
from sqlalchemy.dialects.sqlite import insert

from hostcue.model.clock import now_ms
from hostcue.model.comment import Comment, CommentKind, Gap, ProductChange
from hostcue.model.event import Event
from hostcue.model.json_text import strings_from, to_json
from hostcue.model.utterance import Utterance
from hostcue.storage import tables
from hostcue.storage.database import Database
from hostcue.storage.gaps import comment_gaps_of, store_gap

_T = tables.comments
STORED_KINDS: frozenset[CommentKind] = frozenset({"chat", "gift", "follow"})
"""Likes and enters are counted while they pass, and not kept: they are the bulk of the traffic."""


@dataclass(frozen=True, slots=True)
class StoredComment:
    """A comment with its place in the one sequence of ids."""

    row_id: int
    comment: Comment


class Comments:
    """Table `comments`, unique by platform, room and message id."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def add(self, comments: Sequence[Comment]) -> list[StoredComment]:
        """Store what is new, in one commit, and send it out; returns just that, in order."""
        received = now_ms()
        stored: list[StoredComment] = []
        async with self._db.write() as tx:
            rows = await tx.connection.execute(
                select(_T.c.platform, _T.c.room_id, _T.c.id).where(
                    tuple_(_T.c.platform, _T.c.room_id, _T.c.id).in_(
                        [(c.platform, c.room_id, c.id) for c in comments]
                    )
                )
            )
            known = {tuple(row) for row in rows}
            for comment in comments:
                key = (comment.platform, comment.room_id, comment.id)
                if key not in known and comment.kind in STORED_KINDS:
                    known.add(key)
                    stored.append(StoredComment(tx.next_id(), comment))
            if stored:
                await tx.connection.execute(
                    _T.insert(), [_values(item, received) for item in stored]
                )
                for item in stored:
                    tx.publish(comment_event(item.comment, item.row_id))
        return stored

    async def get_comments_between(
        self,
        room_id: str,
        start_ts: int,
        end_ts: int,
        limit: int = 2000,
        *,
        after: int | None = None,
    ) -> list[StoredComment]:
        """Comments sent in `[start_ts, end_ts)`, oldest first, `limit` of them.

        Goes by the platform's send time, so late arrivals land in the window they belong to.
        `after` is the `row_id` of the last comment of the page before.
        """
        query = (
            select(_T)
            .where(_T.c.room_id == room_id, _T.c.ts >= start_ts, _T.c.ts < end_ts)
            .order_by(_T.c.ts, _T.c.row_id)
            .limit(limit)
        )
        async with self._db.read() as connection:
            if after is not None:
                mark = (
                    await connection.execute(select(_T.c.ts).where(_T.c.row_id == after))
                ).scalar()
                query = query.where(tuple_(_T.c.ts, _T.c.row_id) > (mark or 0, after))
            return [_stored(row) for row in await connection.execute(query)]

    async def after(self, room_id: str | None, row_id: int, limit: int) -> list[StoredComment]:
        """Comments stored after `row_id`, in the order they were stored."""
        query = select(_T).where(_T.c.row_id > row_id).order_by(_T.c.row_id).limit(limit)
        if room_id is not None:
            query = query.where(_T.c.room_id == room_id)
        async with self._db.read() as connection:
            return [_stored(row) for row in await connection.execute(query)]

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


class Utterances:
    """Table `utterances`, unique by room and id."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def add(self, utterances: Sequence[Utterance]) -> int:
        """Store what is new; returns how many that were."""
        table = tables.utterances
        added = 0
        async with self._db.write() as tx:
            for item in utterances:
                result = await tx.connection.execute(
                    insert(table)
                    .values(
                        room_id=item.room_id,
                        id=item.id,
                        start_ts=item.start_ms,
                        end_ts=item.end_ms,
                        text=item.text,
                    )
                    .on_conflict_do_nothing()
                )
                added += result.rowcount
        return added

    async def between(
        self, room_id: str, start_ms: int, end_ms: int, limit: int = 2000
    ) -> list[Utterance]:
        """Utterances that touch `[start_ms, end_ms)`, oldest first."""
        table = tables.utterances
        query = (
            select(table)
            .where(table.c.room_id == room_id, table.c.start_ts < end_ms, table.c.end_ts > start_ms)
            .order_by(table.c.start_ts, table.c.id)
            .limit(limit)
        )
        async with self._db.read() as connection:
            return [
                Utterance(row.id, row.room_id, row.start_ts, row.end_ts, row.text)
                for row in await connection.execute(query)
            ]


def comment_event(comment: Comment, row_id: int | None = None) -> Event:
    """A comment as the stream of its room carries it; without `row_id` it is live only."""
    data: dict[str, object] = {
        "id": comment.id,
        "user": comment.user,
        "content": comment.content,
        "ts": comment.ts_ms,
        "room_id": comment.room_id,
        "platform": comment.platform,
        "metadata": dict(comment.metadata),
    }
    kind = "member" if comment.kind == "enter" else comment.kind
    return Event("comments", comment.room_id, kind, data, row_id)


def _values(item: StoredComment, received: int) -> dict[str, object]:
    comment = item.comment
    return {
        "row_id": item.row_id,
        "id": comment.id,
        "user": comment.user,
        "content": comment.content,
        "ts": comment.ts_ms,
        "room_id": comment.room_id,
        "platform": comment.platform,
        "metadata": to_json(dict(comment.metadata)),
        "kind": comment.kind,
        "received_at": received,
    }


def _stored(row: Row[tuple[object, ...]]) -> StoredComment:
    comment = Comment(
        id=row.id,
        platform=row.platform,
        room_id=row.room_id,
        user=row.user,
        content=row.content,
        ts_ms=row.ts,
        kind=cast("CommentKind", row.kind),
        metadata=strings_from(row.metadata),
    )
    return StoredComment(row.row_id, comment)
