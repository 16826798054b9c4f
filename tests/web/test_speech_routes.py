"""`/api/live_audio/*`, as a client asks, where nothing that listening needs is installed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from hostcue.config import Settings
from hostcue.web.app import create_app
from hostcue.wiring import open_service

WINDOW: dict[str, str | int] = {"room_id": "r", "start_ts": 0, "end_ts": 60_000}
LINK = "https://live.douyin.com/80017709309"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """A server without a model."""
    variables = {
        "HOSTCUE_DATA_DIR": str(tmp_path / "data"),
        "RECORDS_ROOT": str(tmp_path / "records"),
    }
    app = create_app(lambda parts: open_service(Settings.only(variables), parts))
    transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 5))
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        yield client


async def test_what_is_missing_is_said_with_the_command_that_mends_it(
    client: httpx2.AsyncClient,
) -> None:
    health = (await client.get("/api/live_audio/health")).json()
    assert health["ready"] is False
    assert health["state"] == "missing"
    assert health["error"] == "speech_missing"
    assert health["model"] in health["remedy"]
    assert "hostcue models pull" in health["remedy"]

    answer = await client.post("/api/live_audio/start", json={"live_url": LINK})
    assert answer.status_code == 503
    error = answer.json()["error"]
    assert error["code"] == "speech_missing"
    assert "hostcue models pull" in error["remedy"]
    assert (await client.get("/api/live_audio/sessions")).json() == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({}, "body", id="neither_link_nor_recording"),
        pytest.param({"live_url": LINK, "recording_id": "x"}, "body", id="both"),
        pytest.param({"live_url": LINK, "speed": 2}, "speed", id="unknown_field"),
        pytest.param({"live_url": LINK, "profile": "offline"}, "profile", id="profile_of_files"),
        pytest.param({"live_url": LINK, "chunk_duration": 0.1}, "chunk_duration", id="chunk"),
        pytest.param({"live_url": LINK, "max_wait": 10.5}, "max_wait", id="max_wait"),
        pytest.param({"live_url": LINK, "max_chars": 15}, "max_chars", id="max_chars"),
        pytest.param({"live_url": LINK, "silence_flush": 9}, "silence_flush", id="silence_flush"),
        pytest.param({"live_url": LINK, "vad_rms": 0}, "vad_rms", id="vad_rms"),
        pytest.param(
            {"live_url": LINK, "vad_force_flush_sec": 13}, "vad_force_flush_sec", id="force_flush"
        ),
        pytest.param({"live_url": LINK, "hot_words": [""]}, "hot_words.0", id="empty_hot_word"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_named(
    client: httpx2.AsyncClient, body: dict[str, object], field: str
) -> None:
    answer = await client.post("/api/live_audio/start", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == field


async def test_there_is_nothing_to_stop_and_nothing_to_tell_of(client: httpx2.AsyncClient) -> None:
    for answer in (
        await client.get("/api/live_audio/status"),
        await client.get("/api/live_audio/status", params={"session_id": "none"}),
        await client.post("/api/live_audio/stop", json={}),
        await client.post("/api/live_audio/stop", json={"session_id": "none"}),
    ):
        assert answer.status_code == 404, answer.text
    coverage = (await client.get("/api/live_audio/coverage", params=WINDOW)).json()
    assert coverage == {"coverage": 0.0, "heard": []}


async def test_a_transcript_of_ones_own_keeps_its_confidence_and_has_none_invented(
    client: httpx2.AsyncClient,
) -> None:
    sure = {
        "id": "a",
        "start_ts": 1000,
        "end_ts": 2000,
        "text": "这双鞋偏大半码",
        "confidence": 0.5,
    }
    unsure = {"id": "b", "start_ts": 2000, "end_ts": 3000, "text": "脚瘦的拍小一码"}
    body = {"room_id": "r", "utterances": [sure, unsure]}
    answer = await client.post("/api/live_audio/transcriptions", json=body)
    assert answer.json() == {"accepted": 2, "duplicates": 0}
    rows = (await client.get("/api/live_audio/transcript", params=WINDOW)).json()
    assert [(row["text"], row["confidence"], row["source"]) for row in rows] == [
        ("这双鞋偏大半码", 0.5, "sent"),
        ("脚瘦的拍小一码", None, "sent"),
    ]
    assert all(row["flags"] == [] and row["corrections"] == [] for row in rows)
    page = {**WINDOW, "limit": 1}
    assert len((await client.get("/api/live_audio/transcript", params=page)).json()) == 1
