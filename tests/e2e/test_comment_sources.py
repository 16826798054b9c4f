"""Comments that somebody else has: another hostcue, or a collector of the user's own."""

from __future__ import annotations

from pathlib import Path

from dirty_equals import IsPartialDict
from server_process import Serve, Server, start_server

from hostcue.model.clock import now_ms
from hostcue.sim.room import PretendRoom

STREAM = "/api/douyin/web/stream"
TOKEN = "the-token-of-the-other-hostcue"


async def stored(server: Server, room_id: str) -> list[object]:
    rows = await server.get("/api/comments", room_id=room_id, start_ts=0, end_ts=2**53)
    assert isinstance(rows, list)
    return [row["content"] for row in rows]


async def test_one_hostcue_reads_what_another_collects(serve: Serve, tmp_path: Path) -> None:
    async with (
        PretendRoom.open(with_model=False) as room,
        start_server(tmp_path / "other", room.environment(), token=TOKEN, cwd=tmp_path) as other,
    ):
        here = room.environment() | {
            "HOSTCUE_COMMENT_SOURCE": "relay",
            "HOSTCUE_RELAY_URL": f"{other.url}{STREAM}?live_id={{live_id}}",
            "HOSTCUE_RELAY_TOKEN": TOKEN,
        }
        await other.post("/api/douyin/web/start", {"live_id": room.douyin.live_id})
        async with serve(here) as server, server.stream(STREAM) as stream:
            await server.post("/api/douyin/web/start", {"live_id": room.douyin.live_id})
            await stream.wait_for("status", state="live")
            first = room.douyin.say("隔壁问这双多少钱")
            await stream.wait_for("chat", id=str(first), content="隔壁问这双多少钱")
            status = await server.get("/api/douyin/web/status")
            assert status == IsPartialDict(state="live", health=IsPartialDict(way="relay"))
            assert room.douyin.viewers == 1  # the other's

            last = room.douyin.say("再问包邮吗")
            room.douyin.end()
            await stream.wait_for("chat", id=str(last))
            await stream.wait_for("status", state="ended")
            theirs = await stored(other, room.douyin.room_id)
            ours = await stored(server, room.douyin.room_id)
        assert "隔壁问这双多少钱" in ours
        assert ours == theirs[-len(ours) :]
        assert TOKEN not in "\n".join(server.log)


async def test_a_room_without_a_collector_of_ours_lives_on_what_is_sent(serve: Serve) -> None:
    async with PretendRoom.open(with_model=False) as room:
        environment = room.environment() | {"HOSTCUE_COMMENT_SOURCE": "ingest"}
        async with serve(environment) as server, server.stream(STREAM) as stream:
            started = await server.post("/api/douyin/web/start", {"live_id": room.douyin.live_id})
            await stream.wait_for("status", state="waiting", reason="ingest_waiting")
            assert room.douyin.connections == 0
            comment = {"id": "m-1", "user": "甲", "content": "几号链接", "ts": now_ms()}
            body = {"platform": "douyin", "room_id": started["room_id"], "comments": [comment]}
            assert await server.post("/api/comments/ingest", body) == IsPartialDict(accepted=1)
            await stream.wait_for("status", state="live")
            status = await server.get("/api/douyin/web/status")
            assert status == IsPartialDict(health=IsPartialDict(messages_per_min=1))
            again = await server.post("/api/comments/ingest", body)
            assert again == IsPartialDict(accepted=0, duplicates=1)
            assert await stored(server, str(started["room_id"])) == ["几号链接"]
