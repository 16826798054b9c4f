"""A second platform, whole: recorded and read into the same windows, by the same routes."""

from __future__ import annotations

import anyio
from server_process import Serve, Server

from hostcue.sim.bilibili import BilibiliFace
from hostcue.sim.flv import LiveFlv


async def test_a_bilibili_room_is_recorded_and_its_comments_land_in_the_windows_of_its_segments(
    serve: Serve,
) -> None:
    async with (
        LiveFlv.open() as flv,
        BilibiliFace.open(flv_url=flv.url) as face,
        serve(face.environment()) as server,
        server.stream() as recording,
        server.stream("/api/douyin/web/stream") as comments,
    ):
        recording_id = await server.record(face.link, segment_time=2)
        with anyio.fail_after(30):
            await face.wait_viewers(1)
        ids = [face.say(f"第 {number} 条") for number in range(20)]
        face.gift("小花花", 3)
        face.interact("follow")
        face.like()
        await comments.wait("follow")
        await comments.wait("like")
        face.drop_line()
        with anyio.fail_after(30):
            await face.until(lambda: face.seen.connections >= 2)
        ids.append(face.say("断线之后"))
        await comments.wait_for("chat", content="断线之后")
        before = len(recording.of("segment_ready"))
        await recording.wait("segment_ready", before + 1)
        await server.post("/api/recording/stop", {"recording_id": recording_id})

        (status,) = await listed(server, "/api/recording/status")
        assert (status["platform"], status["anchor_name"]) == ("bilibili", face.anchor_name)
        segments = await listed(server, "/api/recording/segments", recording_id=recording_id)
        found: list[object] = []
        for segment in segments:
            window = {"start_ts": segment["start_ts"], "end_ts": segment["end_ts"]}
            room_id = status["room_id"]
            some = await listed(server, "/api/comments", room_id=room_id, kinds="chat", **window)
            found += [comment["id"] for comment in some]
            assert {comment["platform"] for comment in some} <= {"bilibili"}
        assert sorted(map(str, found)) == sorted(ids)
    assert face.seen.drops == []


async def listed(server: Server, path: str, **query: object) -> list[dict[str, object]]:
    rows = await server.get(path, **query)
    assert isinstance(rows, list)
    return rows
