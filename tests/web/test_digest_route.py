"""`GET /api/comments/digest`."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from hostcue.config import Settings
from hostcue.errors import ConfigError
from hostcue.web.app import create_app
from hostcue.wiring import open_service

QUERY: dict[str, str | int] = {"room_id": "r", "start_ts": 600_000, "end_ts": 900_000}


def settings(folder: Path, **more: str) -> Settings:
    variables = {"HOSTCUE_DATA_DIR": str(folder / "data"), "RECORDS_ROOT": str(folder / "records")}
    return Settings.only(variables | more)


async def test_a_window_is_told_as_json_and_as_text(tmp_path: Path) -> None:
    app = create_app(lambda parts: open_service(settings(tmp_path), parts))
    transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 5))
    rows = [
        {"id": f"m{n}", "user": f"人{n}", "content": "发新疆包邮吗", "ts": 600_000 + n}
        for n in range(3)
    ]
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        body = {"platform": "douyin", "room_id": "r", "comments": rows}
        assert (await client.post("/api/comments/ingest", json=body)).status_code == 200
        answer = await client.get("/api/comments/digest", params=QUERY)
        told = answer.json()
        (topic,) = told["topics"]
        assert (topic["label"], topic["count"], topic["slots"]) == ("C1", 3, {"city": {"新疆": 3}})
        assert topic["comment_ids"] == ["m0", "m1", "m2"]
        assert "C1 [shipping] 发新疆包邮吗 ×3" in told["text"]
        assert "新疆" in answer.text, "Chinese text is not escaped"
        for end_ts in (600_000, 500_000, 600_000 + 3_600_001):
            refused = await client.get("/api/comments/digest", params=QUERY | {"end_ts": end_ts})
            assert refused.status_code == 400
            assert refused.json()["error"]["field"] == "end_ts"


async def test_a_bad_intents_file_keeps_the_service_from_starting(tmp_path: Path) -> None:
    path = tmp_path / "words.yaml"
    path.write_text("intents:\n  price: ['(a+)+']\n")
    broken = settings(tmp_path, HOSTCUE_INTENTS_FILE=str(path))
    with pytest.raises((ConfigError, ExceptionGroup)) as failure:
        async with open_service(broken):
            pass
    assert failure.group_contains(ConfigError, match="line 2, intents: price")
