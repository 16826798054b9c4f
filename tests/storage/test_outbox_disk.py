"""What is kept of the disk when old events go."""

from __future__ import annotations

from hostcue.model.clock import now_ms
from hostcue.storage.comments import Comments
from hostcue.storage.database import Database
from hostcue.storage.outbox import Outbox


async def test_the_last_events_of_the_disk_outlive_the_others(database: Database) -> None:
    outbox = Outbox(database, Comments(database))
    for kind in ("disk_low", "disk_ok", "disk_low"):
        await outbox.announce("recording", "disk", kind, {})
    await outbox.announce("recording", "r1", "recording_state", {})
    assert await outbox.prune(now_ms() + 1) == 2
    assert await outbox.kinds("recording", "disk") == ["disk_ok", "disk_low"]
    assert await outbox.kinds("recording", "r1") == []
