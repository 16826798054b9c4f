"""Committed events become messages to people, each sent until it arrives or is given up.

The follower turns events into alarms and their ends; one commit stores them, the messages and how
far it has read, so that a crash neither loses nor doubles one. Each target has a sender of its
own, which sends what is stored in order: a dead target delays no other. All of it runs beside the
recordings and touches nothing of theirs; where nothing is configured nothing runs.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import anyio
import structlog

from hostcue.errors import NotFound, StorageFailed
from hostcue.model.clock import now_ms
from hostcue.model.event import Event
from hostcue.model.notification import (
    RECOVERY_OF,
    Alarm,
    Delivery,
    Notification,
    NotificationKind,
    Target,
)
from hostcue.model.room import Room
from hostcue.notifications.rules import EVENT_TYPES, Book, Rules, recording_id_of
from hostcue.notifications.texts import Words
from hostcue.pipeline.sender import LONGEST_SLEEP_S, Patience, Sender, attempt
from hostcue.ports import Notifier
from hostcue.storage.deliveries import Deliveries, Ledger
from hostcue.storage.outbox import Outbox
from hostcue.storage.recordings import Recordings

log = structlog.get_logger(__name__)

_PAGE = 200
_LOG_KEPT_MS = 30 * 24 * 3600 * 1000
_LOG_MOST = 20_000
_PRUNE_EVERY_S = 3600.0


@dataclass(frozen=True, slots=True)
class NotifierStores:
    """What the notifier reads and writes."""

    outbox: Outbox
    recordings: Recordings
    deliveries: Deliveries


class Notifications:
    """Tells people; `committed` must hear of every commit."""

    def __init__(
        self,
        notifiers: Sequence[Notifier],
        stores: NotifierStores,
        *,
        rules: Rules | None = None,
        words: Words | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._outbox = stores.outbox
        self._recordings = stores.recordings
        self._deliveries = stores.deliveries
        self._rules = rules or Rules()
        self._words = words or Words()
        self._patience = patience or Patience()
        self._senders = [Sender(one, stores.deliveries, self._patience) for one in notifiers]
        self._happened = anyio.Event()

    @property
    def targets(self) -> tuple[Target, ...]:
        """Where messages go."""
        return tuple(sender.notifier.target for sender in self._senders)

    def committed(self, events: Sequence[Event]) -> None:
        """Take note of a commit; returns at once."""
        if any(event.type in EVENT_TYPES for event in events):
            self._happened.set()

    async def begin(self) -> None:
        """At the very first start: what is committed from here on is told."""
        if not self._senders:
            return
        try:
            ledger = await self._deliveries.ledger()
            if ledger.cursor is None:
                first = replace(ledger, cursor=self._outbox.last_id)
                await self._deliveries.commit(ledger, first, (), ())
        except StorageFailed as exc:  # recordings come first; following begins with it again
            log.error("notifier_broke", error=exc)

    async def run(self) -> None:
        """Follow events and send messages until cancelled; never fails."""
        if not self._senders:
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._unbroken, self._follow)
            tasks.start_soon(self._unbroken, self._prune)
            for sender in self._senders:
                tasks.start_soon(self._unbroken, sender.run)

    async def test(self) -> list[Delivery]:
        """Send a message marked as a test to all targets at once, one try each."""
        title, text = self._words.test()
        message = Notification(_new_id(), "test", "service", now_ms(), title, text)
        tried: dict[str, Delivery] = {}

        async def send(notifier: Notifier) -> None:
            waiting = Delivery.of(message, notifier.target, message.created_ms)
            tried[notifier.target.id] = (await attempt(notifier, [waiting], retry_after_s=()))[0]

        async with anyio.create_task_group() as tasks:
            for sender in self._senders:
                tasks.start_soon(send, sender.notifier)
        return [await self._deliveries.add(tried[target.id]) for target in self.targets]

    async def deliveries(self, after: int | None, limit: int) -> list[Delivery]:
        """What was sent, oldest first; see `Deliveries.page`."""
        return await self._deliveries.page(after, limit)

    async def failing(self) -> list[Delivery]:
        """The last message to each target that messages do not reach."""
        return await self._deliveries.failing(self.targets) if self._senders else []

    async def _unbroken(self, work: Callable[[], Awaitable[None]]) -> None:
        """Work for ever; what goes wrong is logged, and begun again from what is stored."""
        while True:
            try:
                await work()
            except Exception as exc:  # a boundary: no message is worth a recording
                log.error("notifier_broke", exc_info=exc)
            await anyio.sleep(self._patience.broken_s)

    async def _follow(self) -> None:
        self._happened = anyio.Event()
        await self._deliveries.give_up_others(self.targets)
        await self.begin()
        ledger = await self._catch_up(await self._deliveries.ledger())
        ledger = await self._compare(ledger)
        while True:
            ledger = await self._tell(ledger, ledger.alarms, ledger.cursor, now_ms())
            due_ms = self._rules.next_due_ms(ledger.alarms)
            wait_s = float("inf")
            if due_ms is not None:
                wait_s = min(max(0, due_ms - now_ms()) / 1000, LONGEST_SLEEP_S)
            with anyio.move_on_after(wait_s):
                await self._happened.wait()
            self._happened = anyio.Event()
            ledger = await self._catch_up(ledger)

    async def _catch_up(self, ledger: Ledger) -> Ledger:
        """Take account of all that was committed since.

        Of what happened longer ago than `too_old_s` only that is told which still holds.
        """
        while page := await self._outbox.dated_after(
            "recording", EVENT_TYPES, ledger.cursor or 0, _PAGE
        ):
            for at_ms, event in page:
                alarms = self._rules.heard(ledger.alarms, event.type, event.data, at_ms)
                old = at_ms < now_ms() - self._patience.too_old_s * 1000
                ledger = await self._tell(ledger, alarms, event.id, None if old else at_ms)
        return ledger

    async def _compare(self, ledger: Ledger) -> Ledger:
        """Events may be gone after a long pause; what the recordings say now holds anyway."""
        subjects = {recording_id_of(alarm) for alarm in ledger.alarms.values()} - {None}
        for subject in sorted(filter(None, subjects)):
            try:
                recording = await self._recordings.get(subject)
                state, reason, at_ms = recording.state, recording.reason, recording.since_ms
            except NotFound:
                state, reason, at_ms = "stopped", "stopped", now_ms()
            data = {"recording_id": subject, "state": state, "reason": reason}
            alarms = self._rules.heard(ledger.alarms, "recording_state", data, at_ms)
            ledger = await self._tell(ledger, alarms, ledger.cursor, None)
        return ledger

    async def _tell(
        self, ledger: Ledger, alarms: Book, cursor: int | None, at_ms: int | None
    ) -> Ledger:
        """Store the alarms, with messages about those that are due at `at_ms`."""
        turned: list[Alarm] = []
        if at_ms is not None:
            alarms, turned = self._rules.settle(alarms, at_ms)
        messages = []
        for alarm in turned:
            message = await self._message(alarm, now_ms())
            messages.append(message)
            if alarm.told:
                told = replace(alarm, notification_id=message.id)
                alarms = {**alarms, (alarm.kind, alarm.subject): told}
        after = Ledger(alarms, cursor)
        if alarms != ledger.alarms:
            await self._deliveries.commit(ledger, after, messages, self.targets)
        if messages:
            for sender in self._senders:
                sender.wake()
        return after

    async def _message(self, alarm: Alarm, now: int) -> Notification:
        room = await self._room(alarm)
        kind: NotificationKind = alarm.kind if alarm.told else RECOVERY_OF[alarm.kind]
        title, text = self._words.of(alarm, room, now)
        data: dict[str, object] = {"since_ts": alarm.since_ms, **_public(alarm.facts)}
        if room is not None:
            data |= {
                "recording_id": alarm.subject,
                "platform": room.platform,
                "live_id": room.live_id,
                "room_id": room.room_id,
                "anchor_name": room.anchor_name,
            }
        alarm_id = "" if alarm.told else alarm.notification_id
        return Notification(_new_id(), kind, alarm.subject, now, title, text, data, alarm_id)

    async def _room(self, alarm: Alarm) -> Room | None:
        recording_id = recording_id_of(alarm)
        if recording_id is None:
            return None
        try:
            return (await self._recordings.get(recording_id)).room
        except NotFound:
            return None

    async def _prune(self) -> None:
        while True:
            await self._deliveries.prune(now_ms() - _LOG_KEPT_MS, most=_LOG_MOST)
            await anyio.sleep(_PRUNE_EVERY_S)


def _public(facts: Mapping[str, object]) -> dict[str, object]:
    """What a receiver may make use of, by the contract's names."""
    named = {"ended_ts" if name == "ended_ms" else name: value for name, value in facts.items()}
    named.pop("closed", None)
    return named


def _new_id() -> str:
    return f"ntf_{secrets.token_hex(8)}"
