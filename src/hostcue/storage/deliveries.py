"""What people were told of, and each message's way to each target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from sqlalchemy import Row, delete, func, or_, select, tuple_, update
from sqlalchemy.dialects.sqlite import insert

from hostcue.model.clock import now_ms
from hostcue.model.json_text import object_from, to_json
from hostcue.model.notification import (
    Alarm,
    AlarmKind,
    Delivery,
    DeliveryState,
    Notification,
    NotificationKind,
    Target,
    TargetKind,
)
from hostcue.storage import tables
from hostcue.storage.database import Database, Transaction

_T = tables.deliveries
_READER = "notifier"


@dataclass(frozen=True, slots=True)
class Ledger:
    """All alarms, and the last event they take account of; None before the first start."""

    alarms: Mapping[tuple[AlarmKind, str], Alarm]
    cursor: int | None


class Deliveries:
    """Tables `alarms`, `deliveries` and `cursors`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def ledger(self) -> Ledger:
        """As it was stored last."""
        cursor = select(tables.cursors.c.id).where(tables.cursors.c.reader == _READER)
        async with self._db.read() as connection:
            alarms = [_alarm(row) for row in await connection.execute(select(tables.alarms))]
            read_to = (await connection.execute(cursor)).scalar()
        return Ledger({(alarm.kind, alarm.subject): alarm for alarm in alarms}, read_to)

    async def commit(
        self,
        before: Ledger,
        after: Ledger,
        notifications: Sequence[Notification],
        targets: Sequence[Target],
    ) -> None:
        """Store what changed and what is to be sent, to each target, in one transaction."""
        async with self._db.write() as tx:
            await _store_alarms(tx, before.alarms, after.alarms)
            if after.cursor is not None:
                await tx.connection.execute(
                    insert(tables.cursors)
                    .values(reader=_READER, id=after.cursor)
                    .on_conflict_do_update(index_elements=["reader"], set_={"id": after.cursor})
                )
            for notification in notifications:
                for target in targets:
                    waiting = Delivery.of(notification, target, now_ms())
                    await tx.connection.execute(_T.insert().values(_row(waiting)))

    async def add(self, delivery: Delivery) -> Delivery:
        """Store one that was made outside the queue; returns it with its number."""
        async with self._db.write() as tx:
            done = await tx.connection.execute(_T.insert().values(_row(delivery)))
        key = done.inserted_primary_key
        return delivery if key is None else replace(delivery, number=key[0])

    async def pending(self, target_id: str, limit: int) -> list[Delivery]:
        """The messages that a target has not had yet, the oldest first."""
        query = (
            select(_T)
            .where(_T.c.target_id == target_id, _T.c.state == "pending")
            .order_by(_T.c.row_id)
            .limit(limit)
        )
        async with self._db.read() as connection:
            return [_delivery(row) for row in await connection.execute(query)]

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Store how a try ended."""
        async with self._db.write() as tx:
            for delivery in deliveries:
                await tx.connection.execute(
                    update(_T)
                    .where(_T.c.id == delivery.id)
                    .values(
                        state=delivery.state,
                        attempts=delivery.attempts,
                        error=delivery.error,
                        message=delivery.message,
                        due_at=delivery.due_ms,
                        updated_at=delivery.updated_ms,
                    )
                )

    async def arrived(self, target_id: str, notification_id: str) -> bool:
        """Whether a target has had a message."""
        query = select(_T.c.row_id).where(
            _T.c.notification_id == notification_id,
            _T.c.target_id == target_id,
            _T.c.state == "delivered",
        )
        async with self._db.read() as connection:
            return (await connection.execute(query)).first() is not None

    async def give_up_others(self, targets: Sequence[Target]) -> None:
        """Give up what waits for targets that are no more."""
        gone = _T.c.target_id.not_in([target.id for target in targets])
        async with self._db.write() as tx:
            await tx.connection.execute(
                update(_T)
                .where(_T.c.state == "pending", gone)
                .values(state="skipped", error="target_gone", updated_at=now_ms())
            )

    async def page(self, after: int | None, limit: int) -> list[Delivery]:
        """The log, oldest first: what comes after a number, or without one the newest."""
        query = select(_T).limit(limit)
        if after is None:
            query = query.order_by(_T.c.row_id.desc())
        else:
            query = query.where(_T.c.row_id > after).order_by(_T.c.row_id)
        async with self._db.read() as connection:
            found = [_delivery(row) for row in await connection.execute(query)]
        return sorted(found, key=lambda delivery: delivery.number)

    async def failing(self, targets: Sequence[Target]) -> list[Delivery]:
        """The newest message to each of these targets that is decided, where it did not arrive."""
        newest = (
            select(func.max(_T.c.row_id))
            .where(
                _T.c.target_id.in_([target.id for target in targets]),
                _T.c.state.in_(("delivered", "failed")),
            )
            .group_by(_T.c.target_id)
        )
        query = select(_T).where(_T.c.row_id.in_(newest), _T.c.state == "failed")
        async with self._db.read() as connection:
            return [_delivery(row) for row in await connection.execute(query)]

    async def prune(self, before_ms: int, *, most: int) -> int:
        """Drop what was decided before `before_ms` or lies behind the newest `most`.

        Returns how many.
        """
        newest = select(_T.c.row_id).order_by(_T.c.row_id.desc())
        last = newest.offset(most).limit(1).scalar_subquery()
        old = or_(_T.c.updated_at < before_ms, _T.c.row_id <= last)
        async with self._db.write() as tx:
            gone = await tx.connection.execute(delete(_T).where(_T.c.state != "pending", old))
        return gone.rowcount


async def _store_alarms(
    tx: Transaction,
    before: Mapping[tuple[AlarmKind, str], Alarm],
    after: Mapping[tuple[AlarmKind, str], Alarm],
) -> None:
    table = tables.alarms
    gone = [key for key in before if key not in after or before[key] != after[key]]
    if gone:
        await tx.connection.execute(
            delete(table).where(tuple_(table.c.kind, table.c.subject).in_(gone))
        )
    for key, alarm in after.items():
        if before.get(key) != alarm:
            await tx.connection.execute(
                table.insert().values(
                    kind=alarm.kind,
                    subject=alarm.subject,
                    holds=alarm.holds,
                    since_ts=alarm.since_ms,
                    facts=to_json(alarm.facts),
                    told=alarm.told,
                    told_at=alarm.told_ms,
                    notification_id=alarm.notification_id,
                )
            )


def _row(delivery: Delivery) -> dict[str, object]:
    target, notification = delivery.target, delivery.notification
    return {
        "id": delivery.id,
        "target_id": target.id,
        "target_kind": target.kind,
        "target_label": target.label,
        "notification_id": notification.id,
        "kind": notification.kind,
        "subject": notification.subject,
        "created_at": notification.created_ms,
        "title": notification.title,
        "text": notification.text,
        "data": to_json(notification.data),
        "alarm_id": notification.alarm_id,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "error": delivery.error,
        "message": delivery.message,
        "due_at": delivery.due_ms,
        "updated_at": delivery.updated_ms,
    }


def _delivery(row: Row[tuple[object, ...]]) -> Delivery:
    return Delivery(
        number=row.row_id,
        id=row.id,
        target=Target(row.target_id, cast("TargetKind", row.target_kind), row.target_label),
        notification=Notification(
            id=row.notification_id,
            kind=cast("NotificationKind", row.kind),
            subject=row.subject,
            created_ms=row.created_at,
            title=row.title,
            text=row.text,
            data=object_from(row.data),
            alarm_id=row.alarm_id,
        ),
        state=cast("DeliveryState", row.state),
        attempts=row.attempts,
        error=row.error,
        message=row.message,
        due_ms=row.due_at,
        updated_ms=row.updated_at,
    )


def _alarm(row: Row[tuple[object, ...]]) -> Alarm:
    return Alarm(
        kind=cast("AlarmKind", row.kind),
        subject=row.subject,
        holds=row.holds,
        since_ms=row.since_ts,
        facts=object_from(row.facts),
        told=row.told,
        told_ms=row.told_at,
        notification_id=row.notification_id,
    )
