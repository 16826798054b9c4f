"""What the host said, by window, and the events that tell of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Row, delete, exists, func, or_, select, tuple_
from sqlalchemy.dialects.sqlite import insert

from hostcue.model.clock import now_ms
from hostcue.model.comment import Gap
from hostcue.model.event import Event, StreamName
from hostcue.model.json_text import from_json, member, texts, to_json
from hostcue.model.speech import Heard, SpeechStateChanged, SpeechTally
from hostcue.model.utterance import Correction, Flag, Utterance, UtteranceSource
from hostcue.storage import tables
from hostcue.storage.database import Database, Transaction
from hostcue.storage.speech_spans import SpanSource, store_spans

_T = tables.utterances
_SPANS = tables.speech_spans
_MIDDLE = (_T.c.start_ts + _T.c.end_ts) / 2
_HEARD_LIVE = exists().where(
    _SPANS.c.room_id == _T.c.room_id,
    _SPANS.c.source == "live",
    _SPANS.c.start_ts <= _MIDDLE,
    _SPANS.c.end_ts > _MIDDLE,
)
_STREAM: StreamName = "speech"


class Utterances:
    """Table `utterances`, unique by room and id.

    Its rows are also the store of their `final` events.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    async def add(self, utterances: Sequence[Utterance], *, session_id: str = "") -> int:
        """Store and send out what is new; returns how many that were."""
        if not utterances:
            return 0
        async with self._db.write() as tx:
            return await _add(tx, utterances, session_id)

    async def take(
        self,
        room_id: str,
        source: SpanSource,
        utterances: Sequence[Utterance],
        heard: Sequence[Heard],
        *,
        session_id: str = "",
    ) -> int:
        """As `add`, for what we heard ourselves, with the spans listened to: in one commit."""
        async with self._db.write() as tx:
            added = await _add(tx, utterances, session_id)
            await store_spans(tx, room_id, source, heard)
        return added

    async def between(
        self, room_id: str, start_ms: int, end_ms: int, limit: int = 2000
    ) -> list[Utterance]:
        """Utterances that touch `[start_ms, end_ms)`, oldest first.

        Where it was listened live, what a file gave afterwards is left out.
        """
        query = (
            select(_T)
            .where(
                _T.c.room_id == room_id,
                _T.c.start_ts < end_ms,
                _T.c.end_ts > start_ms,
                or_(_T.c.source != "offline", ~_HEARD_LIVE),
            )
            .order_by(_T.c.start_ts, _T.c.id)
            .limit(limit)
        )
        async with self._db.read() as connection:
            return [_utterance(row) for row in await connection.execute(query)]

    async def after(self, room_id: str | None, row_id: int, limit: int) -> list[Event]:
        """The `final` events after an id, in order."""
        query = select(_T).where(_T.c.row_id > row_id).order_by(_T.c.row_id).limit(limit)
        if room_id is not None:
            query = query.where(_T.c.room_id == room_id)
        async with self._db.read() as connection:
            return [
                utterance_event(_utterance(row), row.session_id, row.row_id)
                for row in await connection.execute(query)
            ]

    async def drop_old(self, before_ms: int, limit: int) -> int:
        """Delete at most `limit` utterances stored earlier than `before_ms`; returns how many.

        That their spans were heard stays known: nothing is heard a second time.
        """
        stored_ms = func.max(_T.c.created_at, _T.c.end_ts)  # of the first ones only the latter
        old = select(_T.c.room_id, _T.c.id, _T.c.row_id).where(stored_ms < before_ms).limit(limit)
        async with self._db.read() as connection:
            rows = list(await connection.execute(old))
        if not rows:
            return 0
        keys = [(row.room_id, row.id) for row in rows]
        async with self._db.write() as tx:
            gone = await tx.connection.execute(
                delete(_T).where(tuple_(_T.c.room_id, _T.c.id).in_(keys))
            )
            await tx.keep_used(max(row.row_id for row in rows))
        return gone.rowcount

    async def gap(self, room_id: str, session_id: str, gap: Gap) -> None:
        """Announce that a span, which has ended, was not heard."""
        end_ms = gap.start_ms if gap.end_ms is None else gap.end_ms
        data = {
            "room_id": room_id,
            "session_id": session_id,
            "start_ts": gap.start_ms,
            "end_ts": end_ms,
            "reason": gap.cause,
            "seconds": (end_ms - gap.start_ms) / 1000,
        }
        async with self._db.write() as tx:
            await tx.announce(_STREAM, room_id, "gap", data)

    async def state(
        self, room_id: str, session_id: str, change: SpeechStateChanged, tally: SpeechTally
    ) -> None:
        """Announce in which way a session listens now."""
        data = {
            "session_id": session_id,
            "room_id": room_id,
            "state": change.state,
            "reason": change.reason,
            "coverage": round(tally.coverage, 4),
            "lag_s": round(tally.lag_s, 3),
            "dropped_s": round(sum(tally.dropped_s.values()), 3),
        }
        async with self._db.write() as tx:
            await tx.announce(_STREAM, room_id, "state", data)


async def _add(tx: Transaction, utterances: Sequence[Utterance], session_id: str) -> int:
    added, now = 0, now_ms()
    for item in utterances:
        before = tx.last_id
        row_id = tx.next_id()
        result = await tx.connection.execute(
            insert(_T)
            .values(
                row_id=row_id,
                session_id=session_id,
                created_at=now,
                room_id=item.room_id,
                id=item.id,
                start_ts=item.start_ms,
                end_ts=item.end_ms,
                text=item.text,
                source=item.source,
                language=item.language,
                emotion=item.emotion,
                event=item.event,
                confidence=item.confidence,
                flags=to_json(list(item.flags)),
                corrections=to_json(_corrections(item)),
            )
            .on_conflict_do_nothing()
        )
        if result.rowcount == 0:
            tx.give_back(before)
            continue
        added += 1
        tx.publish([utterance_event(item, session_id, row_id)])
    return added


def utterance_event(item: Utterance, session_id: str, row_id: int) -> Event:
    """A sentence as the stream of its room carries it."""
    data: dict[str, object] = {
        "session_id": session_id,
        "room_id": item.room_id,
        "id": item.id,
        "start_ts": item.start_ms,
        "end_ts": item.end_ms,
        "text": item.text,
        "language": item.language,
        "emotion": item.emotion,
        "event": item.event,
        "confidence": item.confidence,
        "flags": list(item.flags),
        "corrections": _corrections(item),
        "source": item.source,
    }
    return Event(_STREAM, item.room_id, "final", data, row_id)


def _corrections(item: Utterance) -> list[dict[str, str]]:
    return [{"heard": one.heard, "meant": one.meant} for one in item.corrections]


def _utterance(row: Row[Any]) -> Utterance:
    corrections = from_json(row.corrections)
    return Utterance(
        id=row.id,
        room_id=row.room_id,
        start_ms=row.start_ts,
        end_ms=row.end_ts,
        text=row.text,
        source=cast("UtteranceSource", row.source),
        language=row.language,
        emotion=row.emotion,
        event=row.event,
        confidence=row.confidence,
        flags=cast("tuple[Flag, ...]", texts(from_json(row.flags))),
        corrections=tuple(
            Correction(str(member(one, "heard")), str(member(one, "meant")))
            for one in (corrections if isinstance(corrections, list) else ())
        ),
    )
