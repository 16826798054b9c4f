"""What the host said, by window."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from hostcue.model.utterance import Utterance
from hostcue.storage import tables
from hostcue.storage.database import Database

_T = tables.utterances


class Utterances:
    """Table `utterances`, unique by room and id."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def add(self, utterances: Sequence[Utterance]) -> int:
        """Store what is new; returns how many that were."""
        added = 0
        async with self._db.write() as tx:
            for item in utterances:
                result = await tx.connection.execute(
                    insert(_T)
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
        query = (
            select(_T)
            .where(_T.c.room_id == room_id, _T.c.start_ts < end_ms, _T.c.end_ts > start_ms)
            .order_by(_T.c.start_ts, _T.c.id)
            .limit(limit)
        )
        async with self._db.read() as connection:
            return [
                Utterance(row.id, row.room_id, row.start_ts, row.end_ts, row.text)
                for row in await connection.execute(query)
            ]
