"""A database, and what tells people of what is committed to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import anyio
import httpx2
from ready_database import open_database
from webhook_receiver import WebhookReceiver

from hostcue.model.clock import now_ms
from hostcue.model.network import Proxies
from hostcue.model.notification import Delivery
from hostcue.model.recording import Recording, RecordingPlan, RecordingState, StateChanged
from hostcue.model.room import Room
from hostcue.notifications.rules import Rules
from hostcue.notifications.webhook import Webhook
from hostcue.pipeline.notifier import Notifications, NotifierStores
from hostcue.pipeline.sender import Patience
from hostcue.platforms.http import open_http
from hostcue.ports import Notifier
from hostcue.storage.comments import Comments
from hostcue.storage.database import Database
from hostcue.storage.deliveries import Deliveries
from hostcue.storage.outbox import Outbox
from hostcue.storage.recordings import Recordings
from hostcue.storage.vault import Vault

SECRET = "canary-signing-secret"
ROOM = Room("douyin", "80017709309", "7576", "https://live.douyin.com/80017709309", "小满的鞋铺")
PATIENCE = Patience(retry_after_s=(0.0, 0.0, 0.0, 0.0), broken_s=0.05)


@dataclass
class Office:
    """A database, and what tells people of what is committed to it."""

    database: Database
    folder: Path
    http: httpx2.AsyncClient
    recordings: Recordings
    deliveries: Deliveries

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator[Self]:
        async with (
            open_database(folder / "hostcue.db") as database,
            open_http(Proxies("http://127.0.0.1:9")) as http,
        ):
            vault = Vault.at(folder / "secret.key")
            yield cls(database, folder, http, Recordings(database, vault), Deliveries(database))

    def notifications(
        self,
        *receivers: WebhookReceiver,
        gap_alarm_s: float = 60,
        patience: Patience = PATIENCE,
        timeout_s: float = 5,
    ) -> Notifications:
        hooks = [
            Webhook(
                self.http,
                receiver.url("/canary-path?key=canary-query"),
                secret=SECRET,
                timeout_s=timeout_s,
            )
            for receiver in receivers
        ]
        return self.telling_to(*hooks, gap_alarm_s=gap_alarm_s, patience=patience)

    def telling_to(
        self, *notifiers: Notifier, gap_alarm_s: float = 60, patience: Patience = PATIENCE
    ) -> Notifications:
        outbox = Outbox(self.database, Comments(self.database))
        made = Notifications(
            notifiers,
            NotifierStores(outbox, self.recordings, self.deliveries),
            rules=Rules(gap_alarm_s=gap_alarm_s),
            patience=patience,
        )
        self.database.on_commit(made.committed)
        return made

    @asynccontextmanager
    async def telling(self, notifications: Notifications) -> AsyncIterator[None]:
        """The notifier at work, from where it was left."""
        await notifications.begin()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(notifications.run)
            yield
            tasks.cancel_scope.cancel()

    async def begin(self, recording_id: str = "r1", state: RecordingState = "recording") -> None:
        plan = RecordingPlan(ROOM.url)
        recording = Recording(recording_id, plan, ROOM, "/r", now_ms(), state, "", now_ms())
        await self.recordings.add(recording, "OD")

    async def state(self, state: RecordingState, reason: str = "") -> None:
        await self.recordings.set_state("r1", StateChanged(state, reason, now_ms()))

    async def happen(self, kind: str, subject: str = "disk", **data: object) -> None:
        async with self.database.write() as tx:
            await tx.announce("recording", subject, kind, data)

    async def log(self) -> list[Delivery]:
        return await self.deliveries.page(0, 1000)

    async def settled(self, count: int) -> list[Delivery]:
        """The log, once so many deliveries are decided."""
        with anyio.fail_after(30):
            while True:
                done = [item for item in await self.log() if item.state != "pending"]
                if len(done) >= count:
                    return done
                await anyio.sleep(0.01)  # what is waited for happens in other processes
