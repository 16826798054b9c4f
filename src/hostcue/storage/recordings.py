"""Recordings: what was asked for, and how it stands."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import cast

from sqlalchemy import ColumnElement, Row, Select, func, or_, select, true, update

from hostcue.errors import ConfigError, NotFound
from hostcue.log import redact_text
from hostcue.model.json_text import to_json
from hostcue.model.recording import (
    LINK_LOST,
    Recording,
    RecordingPlan,
    RecordingState,
    SaveFormat,
    StateChanged,
)
from hostcue.model.room import DEFAULT_ACCESS, Access, Quality, Room
from hostcue.model.schedule import Showtime
from hostcue.storage import tables
from hostcue.storage.database import Database, Transaction
from hostcue.storage.vault import Vault

_T = tables.recordings


class Recordings:
    """Table `recordings`; links are sealed, since they may carry signatures.

    What is wanted and sealed with another key reads as `failed`, `link_lost`, without a link.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._db = database
        self._vault = vault

    async def add(self, recording: Recording, quality_got: Quality) -> None:
        """Store a new one and announce its state."""
        plan, room = recording.plan, recording.room
        async with self._db.write() as tx:
            await tx.connection.execute(
                _T.insert().values(
                    id=recording.id,
                    link=redact_text(room.url),
                    link_sealed=self._vault.seal(plan.link),
                    segment_s=plan.segment_s,
                    quality=plan.quality,
                    quality_got=quality_got,
                    save_format=plan.save_format,
                    comments=plan.comments,
                    given_name=plan.anchor_name,
                    platform=room.platform,
                    live_id=room.live_id,
                    room_id=room.room_id,
                    anchor_name=room.anchor_name,
                    title=room.title,
                    output=recording.output,
                    started_at=recording.started_ms,
                    state=recording.state,
                    reason=recording.reason,
                    since_ts=recording.since_ms,
                    wanted=recording.wanted,
                    monitor=plan.monitor,
                    schedule=_schedule_json(plan.schedule),
                    aligned=plan.aligned,
                    access_sealed=self._seal_access(plan.access),
                    pinned=recording.pinned,
                )
            )
            await _announce_state(tx, recording.id, recording.state, recording.reason)

    async def set_state(
        self, recording_id: str, change: StateChanged, *, wanted: bool = True
    ) -> None:
        """Store a state and, when the room was resolved anew, its broadcast; announce it.

        What is not `wanted` any more no restart takes up again.
        """
        values: dict[str, object] = {
            "state": change.state,
            "reason": change.reason,
            "since_ts": change.at_ms,
            "wanted": wanted,
        }
        if change.live is not None:
            room = change.live.room
            values |= {
                "room_id": room.room_id,
                "title": room.title,
                "quality_got": change.live.source.quality,
            }
        async with self._db.write() as tx:
            await tx.connection.execute(update(_T).where(_T.c.id == recording_id).values(values))
            await _announce_state(tx, recording_id, change.state, change.reason)

    async def announce(self, recording: Recording) -> None:
        """Say how it stands, with nothing to store."""
        async with self._db.write() as tx:
            await _announce_state(tx, recording.id, recording.state, recording.reason)

    async def set_plan(self, recording_id: str, plan: RecordingPlan) -> None:
        """How the room is watched and reached from now on; what is being written stays as it is."""
        async with self._db.write() as tx:
            await tx.connection.execute(
                update(_T)
                .where(_T.c.id == recording_id)
                .values(
                    monitor=plan.monitor,
                    schedule=_schedule_json(plan.schedule),
                    access_sealed=self._seal_access(plan.access),
                )
            )

    async def set_room(self, recording_id: str, room: Room, output: str) -> None:
        """Which room a link turned out to lead to, and where it is recorded."""
        async with self._db.write() as tx:
            await tx.connection.execute(
                update(_T)
                .where(_T.c.id == recording_id)
                .values(
                    link=redact_text(room.url),
                    platform=room.platform,
                    live_id=room.live_id,
                    room_id=room.room_id,
                    anchor_name=room.anchor_name,
                    title=room.title,
                    output=output,
                )
            )

    async def get(self, recording_id: str) -> Recording:
        """One recording.

        Raises:
            NotFound: no such recording.
        """
        async with self._db.read() as connection:
            row = (
                await connection.execute(select(_T).where(_T.c.id == recording_id))
            ).one_or_none()
        if row is None:
            raise NotFound(f"there is no recording {recording_id}", field="recording_id")
        return self._recording(row)

    async def wanted(self, *, also: Collection[str] = ()) -> list[Recording]:
        """What nobody stopped and no broadcast's end ended, and `also`; the newest first."""
        query = select(_T).where(or_(_T.c.wanted, _T.c.id.in_(also)))
        return await self._list(query.order_by(_T.c.started_at.desc()))

    async def newest(
        self, limit: int, *, before_ms: int | None = None, also: Collection[str] = ()
    ) -> list[Recording]:
        """The newest that were started before a moment, `also` whatever their place.

        A few more than `limit` where the last of them began in the same millisecond: a page that
        goes on before that moment leaves none out.
        """
        started = select(_T.c.started_at).order_by(_T.c.started_at.desc()).limit(limit)
        page: ColumnElement[bool] = true()
        if before_ms is not None:
            page = _T.c.started_at < before_ms
            started = started.where(page)
        oldest = select(func.min(started.subquery().c.started_at)).scalar_subquery()
        newest = page & (_T.c.started_at >= oldest)
        query = select(_T).where(or_(newest, _T.c.id.in_(also)))
        return await self._list(query.order_by(_T.c.started_at.desc(), _T.c.id))

    async def qualities(self, recording_ids: Collection[str]) -> dict[str, Quality]:
        """The quality really got, by recording."""
        query = select(_T.c.id, _T.c.quality_got).where(_T.c.id.in_(recording_ids))
        async with self._db.read() as connection:
            rows = await connection.execute(query)
            return {row.id: cast("Quality", row.quality_got) for row in rows}

    async def output_owners(self) -> dict[str, str]:
        """Which room (`platform:live_id`) records into which folder; the first one keeps it."""
        query = (
            select(_T.c.output, _T.c.platform, _T.c.live_id)
            .where(_T.c.output != "")
            .order_by(_T.c.started_at.desc())
        )
        async with self._db.read() as connection:
            rows = await connection.execute(query)
            return {row.output: f"{row.platform}:{row.live_id}" for row in rows}

    async def set_pinned(self, recording_id: str, pinned: bool) -> None:
        """Whether its segments are kept whatever the rules for old ones say."""
        async with self._db.write() as tx:
            await tx.connection.execute(
                update(_T).where(_T.c.id == recording_id).values(pinned=pinned)
            )

    async def _list(self, query: Select[tuple[object, ...]]) -> list[Recording]:
        async with self._db.read() as connection:
            return [self._recording(row) for row in await connection.execute(query)]

    def _seal_access(self, access: Access) -> bytes | None:
        return None if access == DEFAULT_ACCESS else self._vault.seal(to_json(asdict(access)))

    def _recording(self, row: Row[tuple[object, ...]]) -> Recording:
        access, state, reason = DEFAULT_ACCESS, row.state, row.reason
        try:
            link = self._vault.open(row.link_sealed)
            if row.access_sealed is not None:
                access = Access(**json.loads(self._vault.open(row.access_sealed)))
        except ConfigError:  # sealed with another key: it can be looked at, not gone on with
            link = ""
            if row.wanted:  # said, not stored: with the right key it goes on from where it stood
                state, reason = "failed", LINK_LOST
        plan = RecordingPlan(
            link=link,
            segment_s=row.segment_s,
            quality=cast("Quality", row.quality),
            save_format=cast("SaveFormat", row.save_format),
            comments=row.comments,
            anchor_name=row.given_name,
            monitor=row.monitor,
            schedule=_schedule(row.schedule),
            aligned=row.aligned,
            access=access,
        )
        room = Room(row.platform, row.live_id, row.room_id, row.link, row.anchor_name, row.title)
        return Recording(
            id=row.id,
            plan=plan,
            room=room,
            output=row.output,
            started_ms=row.started_at,
            state=cast("RecordingState", state),
            reason=reason,
            since_ms=row.since_ts,
            wanted=row.wanted,
            pinned=row.pinned,
        )


def _schedule_json(schedule: Sequence[Showtime]) -> str:
    return to_json([[s.start_minute, s.end_minute, sorted(s.days)] for s in schedule])


def _schedule(text: str) -> tuple[Showtime, ...]:
    return tuple(Showtime(start, end, frozenset(days)) for start, end, days in json.loads(text))


async def _announce_state(
    tx: Transaction, recording_id: str, state: RecordingState, reason: str
) -> None:
    await tx.announce(
        "recording",
        recording_id,
        "recording_state",
        {"recording_id": recording_id, "state": state, "reason": reason},
    )
