"""Rows of table `comments`: written and read by the thousand, so what is done to each is little."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple, cast

from sqlalchemy import select

from hostcue.model.clock import now_ms
from hostcue.model.comment import Comment, CommentKind, comment_of
from hostcue.model.json_text import strings_from, to_json
from hostcue.storage import tables
from hostcue.storage.database import Transaction

_T = tables.comments
COLUMNS = (
    _T.c.row_id,
    _T.c.id,
    _T.c.platform,
    _T.c.room_id,
    _T.c.user,
    _T.c.content,
    _T.c.ts,
    _T.c.kind,
    _T.c.metadata,
    _T.c.viewer,
)
"""What `read_rows` takes, in this order."""
_Row = tuple[int, str, str, str, str, str, int, CommentKind, str, str]

PAGE = f"""
SELECT {", ".join(column.name for column in COLUMNS)} FROM comments
WHERE room_id = ? AND (ts, row_id) > (?, ?) AND ts < ?
"""  # noqa: S608 - our own names
"""What a room was sent after a send time and a row id, before another send time."""
_INSERT = """
INSERT INTO comments (
  row_id, id, user, content, ts, room_id, platform, metadata, kind, received_at, viewer
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (platform, room_id, id) DO NOTHING
"""


class StoredComment(NamedTuple):
    """A comment with its place in the one sequence of ids."""

    row_id: int
    comment: Comment


async def insert_new(tx: Transaction, comments: Sequence[Comment]) -> list[StoredComment]:
    """Those that were not stored yet; the statement is as `executemany` takes it, for speed."""
    before, received = tx.last_id, now_ms()
    rows = [
        (
            tx.next_id(),
            comment.id,
            comment.user,
            comment.content,
            comment.ts_ms,
            comment.room_id,
            comment.platform,
            _metadata_text(tuple(comment.metadata.items())),
            comment.kind,
            received,
            comment.viewer,
        )
        for comment in comments
    ]
    added = await tx.connection.exec_driver_sql(_INSERT, rows)
    stored = [StoredComment(row[0], item) for row, item in zip(rows, comments, strict=True)]
    if added.rowcount < len(rows):
        ids = await tx.connection.execute(select(_T.c.row_id).where(_T.c.row_id > before))
        new = set(ids.scalars())
        stored = [item for item in stored if item.row_id in new]
        tx.give_back(stored[-1].row_id if stored else before)
    return stored


def read_rows(rows: Iterable[Sequence[object]]) -> list[StoredComment]:
    """What is stored, from its `COLUMNS`."""
    return [
        StoredComment(
            row_id,
            comment_of(
                message_id,
                platform,
                room_id,
                user,
                content,
                ts_ms,
                kind,
                _metadata_from(metadata),
                viewer,
            ),
        )
        for (
            row_id,
            message_id,
            platform,
            room_id,
            user,
            content,
            ts_ms,
            kind,
            metadata,
            viewer,
        ) in cast("Iterable[_Row]", rows)
    ]


# Many viewers stand alike, and one viewer writes again: of a crowded room's metadata most was
# written and read just before.
@lru_cache(maxsize=8192)
def _metadata_from(stored: str) -> Mapping[str, str]:
    return MappingProxyType(strings_from(stored))


@lru_cache(maxsize=8192)
def _metadata_text(items: tuple[tuple[str, str], ...]) -> str:
    return to_json(dict(items))
