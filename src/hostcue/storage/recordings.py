"""Recordings, and the gaps in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import cast

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.sqlite import insert

from hostcue.errors import ConfigError, NotFound
from hostcue.log import redact_text
from hostcue.model.clock import now_ms
from hostcue.model.comment import Gap
from hostcue.model.json_text import to_json
from hostcue.model.recording import (
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
    """Table `recordings`; links are sealed, since they may carry signatures."""

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

    async def set_state(self, recording_id: str, change: StateChanged) -> None:
        """Store a state and, when the room was resolved anew, its broadcast; announce it."""
        values: dict[str, object] = {
            "state": change.state,
            "reason": change.reason,
            "since_ts": change.at_ms,
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

    async def set_wanted(self, recording_id: str, wanted: bool) -> None:
        """Whether a restart shall take the recording up again."""
        async with self._db.write() as tx:
            await tx.connection.execute(
                update(_T).where(_T.c.id == recording_id).values(wanted=wanted)
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

    async def every(self, *, wanted_only: bool = False) -> list[Recording]:
        """All of them, the newest first."""
        query = select(_T).order_by(_T.c.started_at.desc())
        if wanted_only:
            query = query.where(_T.c.wanted)
        async with self._db.read() as connection:
            return [self._recording(row) for row in await connection.execute(query)]

    async def qualities(self) -> dict[str, Quality]:
        """The quality really got, by recording."""
        async with self._db.read() as connection:
            rows = await connection.execute(select(_T.c.id, _T.c.quality_got))
            return {row.id: cast("Quality", row.quality_got) for row in rows}

    async def output_owners(self) -> dict[str, str]:
        """Which room (`platform:live_id`) records into which folder; the first one keeps it."""
        query = select(_T.c.output, _T.c.platform, _T.c.live_id).order_by(_T.c.started_at.desc())
        async with self._db.read() as connection:
            rows = await connection.execute(query)
            return {row.output: f"{row.platform}:{row.live_id}" for row in rows}

    async def gap(self, recording_id: str, gap: Gap) -> None:
        """Open a gap, or close the one that began at the same moment; announce it."""
        async with self._db.write() as tx:
            await store_gap(tx, recording_id, gap)
            kind = "gap_opened" if gap.end_ms is None else "gap_closed"
            await tx.announce(
                "recording",
                recording_id,
                kind,
                {
                    "recording_id": recording_id,
                    "start_ts": gap.start_ms,
                    "end_ts": gap.end_ms,
                    "cause": gap.cause,
                },
            )

    async def gaps_of_all(self) -> dict[str, list[Gap]]:
        """All gaps by subject, oldest first."""
        table = tables.gaps
        found: dict[str, list[Gap]] = {}
        async with self._db.read() as connection:
            for row in await connection.execute(select(table).order_by(table.c.start_ts)):
                found.setdefault(row.subject, []).append(Gap(row.start_ts, row.cause, row.end_ts))
        return found

    async def gaps(self, subject: str) -> list[Gap]:
        """The gaps of a recording or a room's comments, oldest first."""
        table = tables.gaps
        async with self._db.read() as connection:
            rows = await connection.execute(
                select(table).where(table.c.subject == subject).order_by(table.c.start_ts)
            )
            return [Gap(row.start_ts, row.cause, row.end_ts) for row in rows]

    async def set_pinned(self, recording_id: str, pinned: bool) -> None:
        """Whether its segments are kept whatever the rules for old ones say."""
        async with self._db.write() as tx:
            await tx.connection.execute(
                update(_T).where(_T.c.id == recording_id).values(pinned=pinned)
            )

    def _seal_access(self, access: Access) -> bytes | None:
        return None if access == DEFAULT_ACCESS else self._vault.seal(to_json(asdict(access)))

    def _recording(self, row: Row[tuple[object, ...]]) -> Recording:
        access = DEFAULT_ACCESS
        try:
            link = self._vault.open(row.link_sealed)
            if row.access_sealed is not None:
                access = Access(**json.loads(self._vault.open(row.access_sealed)))
        except ConfigError:  # sealed with another key: it can be looked at, not gone on with
            link = ""
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
            state=cast("RecordingState", row.state),
            reason=row.reason,
            since_ms=row.since_ts,
            wanted=row.wanted,
            pinned=row.pinned,
        )


def _schedule_json(schedule: Sequence[Showtime]) -> str:
    return to_json([[s.start_minute, s.end_minute, sorted(s.days)] for s in schedule])


def _schedule(text: str) -> tuple[Showtime, ...]:
    return tuple(Showtime(start, end, frozenset(days)) for start, end, days in json.loads(text))


async def store_gap(tx: Transaction, subject: str, gap: Gap) -> None:
    """Insert or update one gap; it is known by its subject and its start."""
    row = {
        "subject": subject,
        "start_ts": gap.start_ms,
        "end_ts": gap.end_ms,
        "cause": gap.cause,
    }
    statement = insert(tables.gaps).values(row)
    await tx.connection.execute(
        statement.on_conflict_do_update(
            index_elements=["subject", "start_ts"], set_={"end_ts": statement.excluded.end_ts}
        )
    )


def comment_gaps_of(platform: str, room_id: str) -> str:
    """The subject under which gaps of a room's comments are kept."""
    return f"comments:{platform}:{room_id}"


def covered(gaps: Sequence[Gap], start_ms: int, end_ms: int) -> float:
    """The share of a span that no gap covers, 0..1; an open gap lasts until now."""
    missing = sum(
        max(
            0,
            min(end_ms, now_ms() if gap.end_ms is None else gap.end_ms)
            - max(start_ms, gap.start_ms),
        )
        for gap in gaps
    )
    return max(0.0, 1 - missing / (end_ms - start_ms)) if end_ms > start_ms else 1.0


async def _announce_state(
    tx: Transaction, recording_id: str, state: RecordingState, reason: str
) -> None:
    await tx.announce(
        "recording",
        recording_id,
        "recording_state",
        {"recording_id": recording_id, "state": state, "reason": reason},
    )
