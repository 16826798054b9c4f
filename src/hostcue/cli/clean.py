"""`hostcue clean`."""

from __future__ import annotations

from typing import cast

import anyio

from hostcue.cli.client import Client, Json
from hostcue.config import Settings

_LISTED = 20
_KEPT = {
    "pinned": "pinned",
    "analysing": "waiting for analysis",
    "in_use": "being read",
    "young": "too young",
    "outside": "not below RECORDS_ROOT",
}


def clean(settings: Settings, server: str, *, dry_run: bool, force: bool) -> None:
    """Have a running server delete what its rules ask for; print what went, or would.

    Raises:
        HostcueError: no server answers, or it refuses to delete so much.
    """
    token = settings.token.get_secret_value() if settings.token else None

    async def ask() -> Json:
        async with Client.open(server, token) as client:
            return await client.post("/api/recording/cleanup", {"dry_run": dry_run, "force": force})

    print("\n".join(_told(anyio.run(ask))))


def _told(found: Json) -> list[str]:
    if not any(cast("Json", found["keep"]).values()):
        return [
            "nothing is deleted: no rule is set",
            "  → HOSTCUE_KEEP_DAYS, HOSTCUE_KEEP_BYTES or HOSTCUE_KEEP_FREE_BYTES",
        ]
    files = cast("list[Json]", found["files"])
    lines = [f"{file['rule']:<10}  {file['path']}" for file in files[:_LISTED]]
    segments = cast("int", found["segments"])
    if segments > _LISTED:
        lines.append(f"… and {segments - _LISTED} more")
    verb = "would be deleted" if found["dry_run"] else "deleted"
    lines.append(
        f"{segments} segments {verb}, {_gb(found['bytes'])} of {_gb(found['stored_bytes'])}"
    )
    kept = cast("dict[str, int]", found["kept"])
    if kept:
        reasons = ", ".join(f"{count} {_KEPT.get(why, why)}" for why, count in kept.items())
        lines.append(f"kept all the same: {reasons}")
    if found["needs_force"]:
        lines.append("more than half: only --force does it")
    return lines


def _gb(size: object) -> str:
    return f"{cast('int', size) / 1e9:.2f} GB"
