"""Which spans of a room's time were listened to, to their end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sqlalchemy import delete, select

from hostcue.model.speech import Heard
from hostcue.model.window import Window
from hostcue.storage import tables
from hostcue.storage.database import Database, Transaction

SpanSource = Literal["live", "offline"]

_T = tables.speech_spans
_JOINED_MS = 50
"""Spans this near are one: times are rounded, and rows stay few."""


class SpeechSpans:
    """Table `speech_spans`: those of one source never touch each other."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def add(self, room_id: str, source: SpanSource, heard: Sequence[Heard]) -> None:
        """These were listened to; spans that touch become one row."""
        if heard:
            async with self._db.write() as tx:
                await store_spans(tx, room_id, source, heard)

    async def within(self, room_id: str, window: Window) -> list[Heard]:
        """What was heard of a window, live or offline, in order; overlaps are joined."""
        query = select(_T.c.start_ts, _T.c.end_ts).where(
            _T.c.room_id == room_id,
            _T.c.start_ts < window.end_ms,
            _T.c.end_ts > window.start_ms,
        )
        async with self._db.read() as connection:
            rows = [Heard(start, end) for start, end in await connection.execute(query)]
        return [
            Heard(max(span.start_ms, window.start_ms), min(span.end_ms, window.end_ms))
            for span in joined(rows)
        ]


async def store_spans(
    tx: Transaction, room_id: str, source: SpanSource, heard: Sequence[Heard]
) -> None:
    """Add spans to those of a room inside a transaction."""
    for span in joined(heard, within_ms=_JOINED_MS):
        near = (
            _T.c.room_id == room_id,
            _T.c.source == source,
            _T.c.start_ts <= span.end_ms + _JOINED_MS,
            _T.c.end_ts >= span.start_ms - _JOINED_MS,
        )
        rows = await tx.connection.execute(select(_T.c.start_ts, _T.c.end_ts).where(*near))
        found = [span, *(Heard(start, end) for start, end in rows)]
        await tx.connection.execute(delete(_T).where(*near))
        await tx.connection.execute(
            _T.insert().values(
                room_id=room_id,
                source=source,
                start_ts=min(one.start_ms for one in found),
                end_ts=max(one.end_ms for one in found),
            )
        )


def joined(heard: Sequence[Heard], *, within_ms: int = 0) -> list[Heard]:
    """The same time in order and in as few spans as can be, over holes of up to `within_ms`."""
    found: list[Heard] = []
    for span in sorted(heard, key=lambda span: span.start_ms):
        if found and span.start_ms <= found[-1].end_ms + within_ms:
            found[-1] = Heard(found[-1].start_ms, max(found[-1].end_ms, span.end_ms))
        elif span.end_ms > span.start_ms:
            found.append(span)
    return found


def unheard(heard: Sequence[Heard], window: Window, *, least_ms: int) -> list[Window]:
    """The holes between spans in a window that are `least_ms` long or longer."""
    edges = [window.start_ms]
    for span in joined(heard):
        edges += (span.start_ms, span.end_ms)
    edges.append(window.end_ms)
    holes = [
        (max(start, window.start_ms), min(end, window.end_ms))
        for start, end in zip(edges[::2], edges[1::2], strict=True)
    ]
    return [Window(start, end) for start, end in holes if end - start >= max(1, least_ms)]


def share_heard(heard: Sequence[Heard], window: Window) -> float:
    """How much of a window was heard, 0..1."""
    length_ms = window.end_ms - window.start_ms
    missing_ms = sum(hole.end_ms - hole.start_ms for hole in unheard(heard, window, least_ms=1))
    return 1 - missing_ms / length_ms if length_ms else 1.0
