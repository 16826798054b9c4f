"""`GET /api/comments` and what is beside it, as a client asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import httpx2
import pytest

from hostcue.config import Settings
from hostcue.model.comment import CommentKind
from hostcue.storage.comments import STORED_KINDS
from hostcue.web.app import create_app
from hostcue.wiring import open_service

WINDOW: dict[str, str | int] = {"room_id": "r", "start_ts": 0, "end_ts": 60_000}
KINDS = ("chat", "gift", "follow", "share", "fans_club", "chat", "like", "member")


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """A server that was given a comment of each kind, and another chat."""
    variables = {
        "HOSTCUE_DATA_DIR": str(tmp_path / "data"),
        "RECORDS_ROOT": str(tmp_path / "records"),
    }
    app = create_app(lambda parts: open_service(Settings.only(variables), parts))
    transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 5))
    rows = [
        {"id": f"m{number}", "type": kind, "ts": 1000 * number, "metadata": {"level": str(number)}}
        for number, kind in enumerate(KINDS)
    ]
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        body = {"platform": "douyin", "room_id": "r", "comments": rows}
        assert (await client.post("/api/comments/ingest", json=body)).status_code == 200
        yield client


async def ids(client: httpx2.AsyncClient, **query: str | int) -> list[str]:
    answer = await client.get("/api/comments", params={**WINDOW, **query})
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()]


async def test_only_the_kinds_that_are_named_come(client: httpx2.AsyncClient) -> None:
    assert await ids(client) == ["m0", "m1", "m2", "m3", "m4", "m5"]
    assert await ids(client, kinds="chat") == ["m0", "m5"]
    assert await ids(client, kinds="gift,chat") == ["m0", "m1", "m5"]
    assert await ids(client, kinds="chat,chat") == ["m0", "m5"]
    assert await ids(client, kinds=",".join(sorted(STORED_KINDS))) == await ids(client)


async def test_pages_of_some_kinds_hold_each_once(client: httpx2.AsyncClient) -> None:
    seen: list[str] = []
    query: dict[str, str | int] = {**WINDOW, "kinds": "chat,share", "limit": 1}
    while page := (await client.get("/api/comments", params=query)).json():
        seen += [row["id"] for row in page]
        query["after"] = page[-1]["row_id"]
    assert seen == ["m0", "m3", "m5"]


@pytest.mark.parametrize(
    "kinds", ["", "danmu", "chat,", ",chat", "chat gift", "chat);--", "like", "member"]
)
async def test_kinds_that_are_never_stored_are_refused(
    client: httpx2.AsyncClient, kinds: str
) -> None:
    refused = await client.get("/api/comments", params={**WINDOW, "kinds": kinds})
    assert refused.status_code == 422
    assert refused.json()["error"]["field"] == "kinds"


async def test_what_is_counted_only_is_in_the_minutes(client: httpx2.AsyncClient) -> None:
    (minute,) = (await client.get("/api/comments/minutes", params=WINDOW)).json()
    assert (minute["chats"], minute["likes"], minute["enters"]) == (2, 1, 1)
    assert set(get_args(CommentKind)) - STORED_KINDS == {"like", "enter"}
