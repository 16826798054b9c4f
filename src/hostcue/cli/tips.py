"""`hostcue tips`."""

from __future__ import annotations

from typing import cast

import anyio

from hostcue.cli.client import Client, Json
from hostcue.config import Settings

_MARKS = {"ai": "AI", "template": "模板"}


def tips(settings: Settings, server: str, *, limit: int, room_id: str | None, follow: bool) -> None:
    """Print the newest lines, oldest of them first, so that the newest stands at the bottom."""
    token = settings.token.get_secret_value() if settings.token else None

    async def show() -> None:
        async with Client.open(server, token) as client:
            await _print_latest(client, limit, room_id=room_id)
            if not follow:
                return
            async for kind, data in client.events("/api/recording/events"):
                if kind == "tips_ready" and room_id in (None, data["room_id"]):
                    ids = cast("list[str]", data["tip_ids"])
                    await _print_latest(client, len(ids), recording_id=str(data["recording_id"]))

    anyio.run(show)


async def _print_latest(client: Client, limit: int, **where: str | None) -> None:
    found = cast("list[Json]", await client.get("/api/analysis/tips/latest", limit=limit, **where))
    if not found:
        print("no lines yet: they come when the first segment of a recording is analysed")
    for tip in reversed(found):
        print(line_of(tip))


def line_of(tip: Json) -> str:
    """One tip on one line, marked with where it comes from."""
    pretended = "DEMO " if tip["model"] == "sim" else ""
    mark = _MARKS[str(tip["source"])]
    return f"[{pretended}{mark} · {tip['type']}] {tip['text']}"
