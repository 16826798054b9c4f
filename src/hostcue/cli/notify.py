"""`hostcue notify`."""

from __future__ import annotations

from typing import cast

import anyio

from hostcue.cli.client import Client, Json
from hostcue.config import Settings


def send_test(settings: Settings, server: str) -> int:
    """Print what became of a test message at each target; 0 if it arrived at all of them."""
    token = settings.token.get_secret_value() if settings.token else None

    async def ask() -> list[Json]:
        async with Client.open(server, token, timeout_s=90) as client:
            answer = await client.post("/api/notifications/test", {})
        return cast("list[Json]", answer["deliveries"])

    deliveries = anyio.run(ask)
    if not deliveries:
        print("no targets: set HOSTCUE_NOTIFY_URLS or HOSTCUE_WEBHOOK_URLS and start again")
        return 1
    for delivery in deliveries:
        print(_line(delivery))
    return 0 if all(delivery["state"] == "delivered" for delivery in deliveries) else 1


def _line(delivery: Json) -> str:
    if delivery["state"] == "delivered":
        return f"ok    {delivery['target']}"
    return f"fail  {delivery['target']}: {delivery['message']} [{delivery['error']}]"
