"""Stored comments over HTTP and by the command: minutes, files, and a viewer who wants to go."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
import sys
from pathlib import Path

import anyio
import pytest
from server_process import DEAD_PROXY, Serve, Server

pytestmark = pytest.mark.slow

MINUTE = 1_764_000_000_000
WINDOW: dict[str, str | int] = {"room_id": "r1", "start_ts": MINUTE, "end_ts": MINUTE + 60_000}


def said(number: int, **more: object) -> dict[str, object]:
    return {
        "id": f"m{number}",
        "user": "爱逛街的猫",
        "user_id": str(number % 3 + 7_000_000),
        "content": f"=1+{number}",
        "ts": MINUTE + number,
        **more,
    }


async def fill(server: Server, count: int) -> None:
    likes = {"type": "like", "metadata": {"count": "5", "user_id": "7000009"}}
    body = {
        "platform": "douyin",
        "room_id": "r1",
        "comments": [*(said(n) for n in range(count)), said(count, user_id="", **likes)],
    }
    accepted = await server.post("/api/comments/ingest", body)
    assert accepted == {"accepted": count + 1, "duplicates": 0}


async def hostcue(server: Server, folder: Path, *arguments: str) -> str:
    with anyio.fail_after(30):
        run = await anyio.run_process(
            [sys.executable, "-m", "hostcue", "comments", *arguments, "--server", server.url],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HTTP_PROXY": DEAD_PROXY, "HOSTCUE_TOKEN": "own"},
        )
    return run.stdout.decode()


async def test_comments_are_counted_exported_and_erased_and_nobody_is_named(
    serve: Serve, tmp_path: Path
) -> None:
    async with serve({}, token="own") as server:
        async with server.stream("/api/douyin/web/stream") as stream:
            await fill(server, 4500)
            first = (await stream.wait("chat"))[0]
        assert first["user"] == "爱***"

        minutes = await server.get("/api/comments/minutes", **WINDOW)
        assert isinstance(minutes, list)
        assert [minutes[0][name] for name in ("chats", "likes", "viewers")] == [4500, 5, 4]

        jsonl: dict[str, str | int] = {**WINDOW, "format": "jsonl"}
        lines = (await server.http.get("/api/comments/export", params=jsonl)).text
        exported = [json.loads(line) for line in lines.splitlines()]
        assert exported == await server.get("/api/comments", limit=9000, **WINDOW)
        assert len({item["viewer"] for item in exported}) == 3

        table = await server.http.get("/api/comments/export", params=WINDOW)
        assert table.headers["content-type"] == "text/csv; charset=utf-8"
        rows = list(csv.DictReader(io.StringIO(table.text.removeprefix("\ufeff"), newline="")))
        assert len(rows) == 4500
        assert rows[0]["content"] == "'=1+0"

        file = tmp_path / "room.jsonl"
        options = ("--room", "r1", "--format", "jsonl", "--output", str(file))
        await hostcue(server, tmp_path, "export", *options)
        assert file.read_text(encoding="utf-8") == lines
        assert "1500 comments" in await hostcue(server, tmp_path, "erase", "--user-id", "7000001")
        erased = await server.post("/api/comments/erase", {"viewer": exported[0]["viewer"]})
        assert erased == {"comments": 1500}
        assert len(await server.get("/api/comments", limit=9000, **WINDOW)) == 1500  # type: ignore[arg-type] # JSON
        refused = await server.http.post("/api/comments/erase", json={"platform": "douyin"})
        assert refused.status_code == 422
    everything = b"".join(
        path.read_bytes() for path in (tmp_path / "data").iterdir() if path.is_file()
    )
    everything += "\n".join(server.log).encode()
    for secret in ("爱逛街的猫", "7000000", "7000001", "7000009"):
        assert secret.encode() not in everything


async def test_raw_names_are_kept_where_the_operator_wants_them(
    serve: Serve, tmp_path: Path
) -> None:
    async with serve({"HOSTCUE_RAW_VIEWER_NAMES": "true"}) as server:
        await fill(server, 3)
    with sqlite3.connect(tmp_path / "data" / "hostcue.db") as database:
        names = {name for (name,) in database.execute("SELECT user FROM comments")}
    database.close()
    assert names == {"爱逛街的猫"}
