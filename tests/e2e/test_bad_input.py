"""Bad input: a clear error that names field and remedy, nothing started, nothing left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from server_process import Serve

from hostcue.sim.room import PretendRoom

pytestmark = pytest.mark.slow

START = "/api/recording/start"


async def test_every_bad_start_is_refused_and_leaves_nothing(
    serve: Serve, room: PretendRoom, tmp_path: Path
) -> None:
    closed_port = "http://127.0.0.1:9/live.flv"
    room.flv.serve_text("/live/page.flv", "<html>no stream</html>", "text/html")
    not_media = room.flv.url.rsplit("/", 1)[0] + "/page.flv"
    cases: list[tuple[dict[str, object], int, str, str]] = [
        ({}, 422, "invalid_request", "live_url"),
        ({"live_url": ""}, 422, "invalid_request", "live_url"),
        ({"live_url": "你好呀"}, 400, "bad_request", "live_url"),
        ({"live_url": "https://example.com/somewhere"}, 400, "unknown_platform", "live_url"),
        ({"live_url": "http://[bad"}, 400, "bad_request", "live_url"),
        ({"live_url": "https://live.douyin.com/404404404"}, 404, "room_not_found", "live_url"),
        ({"live_url": "/etc/passwd"}, 400, "bad_request", "live_url"),
        ({"live_url": closed_port}, 502, "transport_failed", "live_url"),
        ({"live_url": not_media}, 502, "no_media", "live_url"),
        ({"live_url": room.link, "segment_time": 0}, 422, "invalid_request", "segment_time"),
        ({"live_url": room.link, "segment_time": 3601}, 422, "invalid_request", "segment_time"),
        ({"live_url": room.link, "segment_time": "soon"}, 422, "invalid_request", "segment_time"),
        ({"live_url": room.link, "quality": "4K"}, 422, "invalid_request", "quality"),
        ({"live_url": room.link, "save_format": "avi"}, 422, "invalid_request", "save_format"),
        ({"live_url": room.link, "colour": "red"}, 422, "invalid_request", "colour"),
    ]
    async with serve(room.environment()) as server:
        for body, status, code, field in cases:
            answer = await server.http.post(START, json=body)
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (status, code), (body, answer.text)
            assert error["field"] == field, (body, answer.text)
            assert error["message"]
            assert error["remedy"], answer.text
        for content in (b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"null"):
            answer = await server.http.post(
                START, content=content, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code == 422, content
            assert answer.json()["error"]["code"] == "invalid_request"
        room.douyin.go_offline()
        answer = await server.http.post(START, json={"live_url": room.link})
        assert answer.status_code == 409
        error = answer.json()["error"]
        assert error["code"] == "room_offline"
        assert error["remedy"]
        assert await server.get("/api/recording/status") == []
        assert room.douyin.viewers == 0
    assert not list((tmp_path / "records").rglob("*"))


async def test_unknown_ids_are_not_found(serve: Serve, room: PretendRoom) -> None:
    async with serve(room.environment()) as server:
        for path in (
            "/api/recording/status?recording_id=nope",
            "/api/recording/segments/nope/0/media",
            "/api/recording/segments/nope/0/frame",
            "/api/analysis/frames/nope",
            "/api/analysis/status?recording_id=nope&seq=0",
            "/api/douyin/web/status?live_id=nope",
            "/api/nowhere",
            "/static/../config.py",
        ):
            answer = await server.http.get(path)
            assert answer.status_code == 404, path
            assert answer.json()["error"]["code"] == "not_found", path
        for path, body in (
            ("/api/recording/stop", {"recording_id": "nope"}),
            ("/api/analysis/segment", {"recording_id": "nope", "seq": 0}),
            ("/api/douyin/web/stop", {"live_id": "nope"}),
        ):
            answer = await server.http.post(path, json=body)
            assert answer.status_code == 404, path


async def test_private_addresses_are_refused_unless_allowed(
    serve: Serve, room: PretendRoom
) -> None:
    environment = room.environment() | {"HOSTCUE_ALLOW_PRIVATE_URLS": "false"}
    async with serve(environment) as server:
        for url in (
            room.flv.url,
            "http://169.254.169.254/latest/a.flv",
            "http://[::1]/a.flv",
            "http://2130706433/a.flv",
            "rtmp://10.0.0.1/live/a",
        ):
            answer = await server.http.post(START, json={"live_url": url})
            assert answer.status_code == 400, url
            assert answer.json()["error"]["code"] == "private_address", url
        assert room.flv.connections == 0


async def test_without_a_token_only_this_machine_is_served(serve: Serve, room: PretendRoom) -> None:
    async with serve(room.environment()) as server:
        for headers in (
            {"Host": "hostcue.example"},
            {"Origin": "https://evil.example"},
            {"X-Forwarded-For": "203.0.113.9"},
            {"Forwarded": "for=203.0.113.9"},
        ):
            answer = await server.http.get("/api/recording/status", headers=headers)
            assert answer.status_code == 403, headers
            assert answer.json()["error"]["remedy"]
        assert (await server.http.get("/healthz")).status_code == 200
        own = {"Origin": server.url}
        assert (await server.http.get("/api/recording/status", headers=own)).status_code == 200


async def test_starting_twice_and_at_once_gives_one_recording(
    serve: Serve, room: PretendRoom
) -> None:
    import anyio

    async with serve(room.environment()) as server:
        ids: list[str] = []

        async def start() -> None:
            ids.append(await server.record(room.link))

        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(start)
        assert len(set(ids)) == 1
        again = await server.post(START, {"live_url": room.link})
        assert again["already_running"] is True
        assert room.flv.viewers == 1
        for _ in range(2):
            stopped = await server.post("/api/recording/stop", {"recording_id": ids[0]})
            assert stopped["state"] == "stopped"
