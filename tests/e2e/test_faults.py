"""What goes wrong outside: the stream, the comments, the model."""

from __future__ import annotations

import pytest
from server_process import Serve

from hostcue.sim.room import PretendRoom

pytestmark = pytest.mark.slow


async def test_a_dropped_stream_is_taken_up_again_and_the_gap_is_known(
    serve: Serve, room: PretendRoom
) -> None:
    async with serve(room.environment()) as server, server.stream() as events:
        recording_id = await server.record(room.link)
        await events.wait("segment_ready")
        room.flv.burst(0)  # else the past that a viewer is greeted with may leave nothing missing
        room.flv.drop_line("reset")
        opened = (await events.wait("gap_opened"))[0]
        closed = (await events.wait("gap_closed"))[0]
        assert closed["start_ts"] == opened["start_ts"]
        assert int(str(closed["end_ts"])) >= int(str(closed["start_ts"]))
        states = [event["state"] for event in events.of("recording_state")]
        assert states[-2:] == ["reconnecting", "recording"]
        await events.wait("segment_ready", 3)
        status = await server.get("/api/recording/status", recording_id=recording_id)
        assert isinstance(status, dict)
        assert status["state"] == "recording"
        assert len(status["gaps"]) == 1


async def test_dropped_comments_come_back_and_none_twice(serve: Serve, room: PretendRoom) -> None:
    async with serve(room.environment()) as server:
        started = await server.post("/api/douyin/web/start", {"live_id": room.douyin.live_id})
        assert started["success"] is True
        path = f"/api/douyin/web/stream?live_id={room.douyin.live_id}"
        async with server.stream(path) as events:
            await events.wait("chat")
            room.douyin.drop_line()
            gaps = await events.wait("gap", 2)
            assert gaps[0]["end_ts"] is None
            assert gaps[1]["end_ts"] is not None
            await room.douyin.wait_viewers(1)
            room.douyin.say("这条是重连以后说的")
            await events.wait_for("chat", content="这条是重连以后说的")
            ids = [chat["id"] for chat in events.of("chat")]
            assert len(ids) == len(set(ids))
        health = await server.get("/api/douyin/web/status")
        assert isinstance(health, dict)
        assert health["health"]["reconnects"] >= 1
        assert health["state"] == "live"
        await server.post("/api/douyin/web/stop", {})


@pytest.mark.parametrize(
    ("fault", "attempts"),
    [
        pytest.param({"status": 429, "retry_after_s": 0.1}, 2, id="429"),
        pytest.param({"status": 500}, 2, id="500"),
        pytest.param({"body": "damaged"}, 2, id="damaged JSON"),
    ],
)
async def test_a_model_that_stumbles_once_is_asked_again(
    serve: Serve, room: PretendRoom, fault: dict[str, object], attempts: int
) -> None:
    room.model.answer(**fault)  # type: ignore[arg-type] # one fault per case
    async with serve(room.environment()) as server, server.stream() as events:
        recording_id = await server.record(room.link)
        first = await events.wait_for("tips_ready", seq=0)
        assert first["source"] == "ai"
        status = await server.get("/api/analysis/status", recording_id=recording_id, seq=0)
        assert isinstance(status, dict)
        assert status["attempts"] in {attempts, attempts - 1}  # json_repair mends some damage


async def test_a_model_that_fails_for_good_is_asked_four_times_then_templates_speak(
    serve: Serve, room: PretendRoom
) -> None:
    room.model.answer(status=500, times=1000)
    async with serve(room.environment()) as server, server.stream() as events:
        recording_id = await server.record(room.link)
        await events.wait_for("tips_ready", seq=0)
        status = await server.get("/api/analysis/status", recording_id=recording_id, seq=0)
        assert isinstance(status, dict)
        assert (status["mode"], status["attempts"]) == ("template", 4)
        tips = await server.get("/api/analysis/tips/latest")
        assert isinstance(tips, list)
        assert 3 <= len(tips) <= 5
        for tip in tips:
            assert tip["source"] == "template"
            assert tip["ai_generated"] is False
            assert not any(character.isdigit() for character in tip["text"])


async def test_a_refused_key_is_said_where_an_operator_looks(
    serve: Serve, room: PretendRoom
) -> None:
    room.model.reject_key()
    async with serve(room.environment()) as server, server.stream() as events:
        await server.record(room.link)
        ready = await events.wait("tips_ready")
        assert ready[0]["source"] == "template"
        notices = await server.get("/api/notices")
        assert isinstance(notices, list)
        assert "model_auth_required" in [notice["code"] for notice in notices]


async def test_without_a_key_lines_come_from_templates(serve: Serve, room: PretendRoom) -> None:
    environment = room.environment()
    del environment["DASHSCOPE_API_KEY"]
    async with serve(environment) as server, server.stream() as events:
        recording_id = await server.record(room.link)
        ready = await events.wait("tips_ready")
        assert ready[0]["source"] == "template"
        assert room.model.requests == []
        again = await server.post("/api/analysis/segment", {"recording_id": recording_id, "seq": 0})
        assert again["run"] == 0
        forced = await server.post(
            "/api/analysis/segment", {"recording_id": recording_id, "seq": 0, "force": True}
        )
        assert forced["run"] == 1
        await events.wait_for("tips_ready", seq=0, run=1)
        status = await server.get("/api/analysis/status", recording_id=recording_id, seq=0)
        assert isinstance(status, dict)
        assert (status["run"], status["state"]) == (1, "done")


async def test_the_end_of_the_broadcast_ends_the_recording(serve: Serve, room: PretendRoom) -> None:
    async with serve(room.environment()) as server, server.stream() as events:
        recording_id = await server.record(room.link)
        await events.wait("segment_ready")
        room.end()
        await events.wait_for("recording_state", 60, state="stopped")
        status = await server.get("/api/recording/status", recording_id=recording_id)
        assert isinstance(status, dict)
        assert status["reason"] == "offline"
