"""What looks after the disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread

from hostcue.config import Settings
from hostcue.errors import ConfigError
from hostcue.pipeline import files
from hostcue.pipeline.disk import DiskGuard
from hostcue.pipeline.disk_gate import DiskGate
from hostcue.pipeline.retention import Retention
from hostcue.pipeline.supervisor import Supervisor
from hostcue.storage.database import Database
from hostcue.storage.outbox import Outbox
from hostcue.storage.stored_files import StoredFiles

_ANSWER_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class DiskCare:
    """Who watches the space, and who makes some."""

    guard: DiskGuard
    retention: Retention

    @classmethod
    def of(
        cls,
        settings: Settings,
        database: Database,
        outbox: Outbox,
        gate: DiskGate,
        supervisor: Supervisor,
    ) -> DiskCare:
        """As the settings want it."""
        stored = StoredFiles(database)
        retention = Retention(stored, root=settings.records_root, rules=settings.keep_rules)
        guard = DiskGuard(
            gate,
            stored,
            outbox,
            root=settings.records_root,
            data_dir=settings.data_dir,
            rules=settings.line_rules,
            writing=lambda: _writing(supervisor),
            hold_s=settings.disk_hold_s,
            every_tight_s=max(0.2, min(2.0, settings.disk_hold_s)),
        )
        return cls(guard, retention)


async def check_records_root(folder: Path) -> None:
    """See that media can be written; a disk that is full or silent is the guard's business.

    Raises:
        ConfigError: the folder cannot be made or written.
    """
    refused = None
    with anyio.move_on_after(_ANSWER_WITHIN_S):
        refused = await anyio.to_thread.run_sync(files.refusal, folder, abandon_on_cancel=True)
    if refused is not None:
        raise ConfigError(
            f"cannot write into the folder of the recordings {folder}: {refused.strerror}",
            field="RECORDS_ROOT",
            remedy="point RECORDS_ROOT to a folder this user may write",
        )


def _writing(supervisor: Supervisor) -> list[str]:
    """The recordings that write, or would if the disk let them."""
    return [
        session.recording.id
        for session in supervisor.running()
        if session.recording.state != "monitoring"
    ]
