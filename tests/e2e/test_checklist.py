"""The contract's checklist, against a running server."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import av
import pytest
from server_process import Serve, Server

from hostcue.sim.room import PretendRoom

pytestmark = pytest.mark.slow


def packets_of(path: str) -> list[tuple[int, bool]]:
    """(dts in ms, key frame) of every video packet."""
    with av.open(path) as media:
        video = media.streams.video[0]
        base = float(video.time_base or 0)
        return [
            (round(packet.dts * base * 1000), packet.is_keyframe)
            for packet in media.demux(video)
            if packet.dts is not None
        ]


async def test_segments_events_comments_and_tips_arrive_as_promised(
    serve: Serve, room: PretendRoom, tmp_path: Path
) -> None:
    async with serve(room.environment()) as server, server.stream() as events:
        recording_id = await server.record(room.link)
        segments = await events.wait("segment_ready", 3)

        # 1: every segment_time seconds, names and folders right
        for segment in segments:
            path = Path(str(segment["path"]))
            name = re.fullmatch(r"小满的鞋铺_(\d{8})_(\d{6})_(\d{3})\.mp4", path.name)
            assert name, path.name
            assert int(name[3]) == segment["seq"]
            day = f"{name[1][:4]}-{name[1][4:6]}-{name[1][6:]}"
            assert path.parent == tmp_path / "records" / "douyin" / "小满的鞋铺" / day
            assert path.is_file()
        for one, next_one in pairwise(segments):
            assert one["end_ts"] == next_one["start_ts"]
            assert abs(int(str(one["end_ts"])) - int(str(one["start_ts"])) - 2000) <= 200

        frames = [packets_of(str(segment["path"])) for segment in segments]
        for packets in frames:
            assert packets[0][1], "a segment begins with a key frame"
            steps = {b - a for (a, _), (b, _) in pairwise(packets)}
            assert max(steps) - min(steps) <= 1, "no frame is missing inside"
            assert abs(packets[-1][0] - packets[0][0] + 1000 / 15 - 2000) < 100

        # 2: the stream's form
        assert all(not line.startswith("event:") for line in events.raw)
        assert [int(i) for i in events.ids] == sorted({int(i) for i in events.ids})

        # 3: the comments of that window
        status = await server.get("/api/recording/status", recording_id=recording_id)
        assert isinstance(status, dict)
        window = segments[1]
        comments = await server.get(
            "/api/comments",
            room_id=status["room_id"],
            start_ts=window["start_ts"],
            end_ts=window["end_ts"],
        )
        assert isinstance(comments, list)
        assert comments
        said = {text for _, text, _ in room.douyin.said}
        assert all(item["content"] in said for item in comments if item["type"] == "chat")
        assert all(window["start_ts"] <= item["ts"] < window["end_ts"] for item in comments)

        # 4: lines by the model, which saw frames and comments
        await events.wait("tips_ready", 2)
        tips = await server.get("/api/analysis/tips/latest", recording_id=recording_id, limit=5)
        assert isinstance(tips, list)
        assert 3 <= len(tips) <= 5
        for tip in tips:
            assert tip["source"] == "ai"
            assert tip["model"] == "sim"
            assert 0 <= tip["score"] <= 1
            assert "douyin" in tip["tags"]
            evidence = tip["evidence"]
            assert evidence["comments"] or evidence["frames"]
            for frame in evidence["frames"]:
                picture = await server.http.get(f"/api/analysis/frames/{frame['id']}")
                assert picture.content.startswith(b"\xff\xd8")
        assert all(len(request.images) >= 2 for request in room.model.requests)

        stopped = await server.post("/api/recording/stop", {"recording_id": recording_id})
        assert stopped["state"] == "stopped"
        indexed = await server.get("/api/recording/segments", recording_id=recording_id)
        assert isinstance(indexed, list)
        assert len(events.of("segment_ready")) == len(indexed)
    assert not list(tmp_path.rglob("*.part"))


async def test_access_and_cors_hold_and_no_secret_is_logged(
    serve: Serve, room: PretendRoom, tmp_path: Path
) -> None:
    secrets = {
        "HOSTCUE_TOKEN": "canary-token-1",
        "DOUYIN_COOKIE": "sessionid=canary-cookie-2; ttwid=canary-ttwid-3",
        "DASHSCOPE_API_KEY": "sk-canary-key-4",
    }
    environment = room.environment() | secrets | {"HOSTCUE_ALLOWED_ORIGINS": "https://shop.example"}
    async with serve(environment, token="canary-token-1") as server:
        await refuse_strangers(server)
        async with server.stream() as events:
            signed = f"{room.flv.url}?wsSecret=canary-signature-5&wsTime=1"
            recording_id = await server.record(room.link)
            direct = await server.record(signed)
            await events.wait("tips_ready")
            answer = await server.http.get("/api/recording/status")
            assert "canary" not in answer.text
            await server.post("/api/recording/stop", {"recording_id": direct})
            await server.post("/api/recording/stop", {"recording_id": recording_id})
            assert "canary" not in "".join(events.raw)
        await server.terminate()
    assert "canary" not in "\n".join(server.log)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"canary" not in path.read_bytes(), path


async def refuse_strangers(server: Server) -> None:
    """Without the token nothing but the health check answers; origins are checked."""
    bare = {"Authorization": ""}
    for path in ("/api/recording/status", "/api/recording/events", "/openapi.json", "/"):
        answer = await server.http.get(path, headers=bare)
        assert answer.status_code == 401, path
    answer = await server.http.post("/api/recording/start", json={}, headers=bare)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthorized"
    answer = await server.http.get("/api/recording/status", headers={"Authorization": "Bearer no"})
    assert answer.status_code == 401
    assert (await server.http.get("/healthz", headers=bare)).status_code == 200
    answer = await server.http.get(
        "/api/recording/status?access_token=canary-token-1", headers=bare
    )
    assert answer.status_code == 401

    preflight = {"Access-Control-Request-Method": "POST", **bare}
    friend = await server.http.options(
        "/api/recording/start", headers=preflight | {"Origin": "https://shop.example"}
    )
    assert friend.headers["access-control-allow-origin"] == "https://shop.example"
    stranger = await server.http.options(
        "/api/recording/start", headers=preflight | {"Origin": "https://evil.example"}
    )
    assert "access-control-allow-origin" not in stranger.headers

    login = await server.http.post("/api/login", json={"token": "canary-token-1"}, headers=bare)
    cookie = login.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert "canary" not in cookie
    session = {**bare, "Cookie": cookie.split(";")[0]}
    assert (await server.http.get("/api/recording/status", headers=session)).status_code == 200
    foreign = session | {"Origin": "https://evil.example"}
    answer = await server.http.post("/api/recording/stop", json={}, headers=foreign)
    assert answer.status_code == 403
