"""`/api/douyin/web/*` of a real server: many rooms, many clients, each with what it asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence

import anyio
from dirty_equals import IsPartialDict
from server_process import Serve, Server, Stream

from hostcue.sim.room import PretendRoom

STREAM = "/api/douyin/web/stream"


async def ingest(server: Server, room_id: str, kinds: Sequence[str], first: int = 0) -> None:
    comments = [
        {"id": f"m{first + n}", "user": "a", "content": f"{kind} {n}", "ts": 1764000000000 + n}
        | {"type": kind}
        for n, kind in enumerate(kinds)
    ]
    body = {"platform": "douyin", "room_id": room_id, "comments": comments}
    await server.post("/api/comments/ingest", body)


def inside(batches: Stream) -> list[dict[str, object]]:
    """All events of a stream of batches."""
    assert {event["type"] for event in batches.events} <= {"batch"}
    return [event for event in batches.events for event in event["data"]]  # type: ignore[attr-defined] # JSON


async def test_a_client_gets_the_kinds_it_asked_for_one_by_one_or_in_batches(serve: Serve) -> None:
    async with (
        serve({}) as server,
        server.stream(STREAM) as all_,
        server.stream(f"{STREAM}?kinds=gift,like") as some,
        server.stream(f"{STREAM}?batch_ms=2000") as batches,
    ):
        await ingest(server, "1", ["chat", "gift", "like", "chat"])
        await ingest(server, "2", ["follow"] + ["chat"] * 30, first=10)
        await all_.wait("chat", 32)
        await some.wait("like")
        assert [event["type"] for event in some.events] == ["gift", "like"]
        assert not any(line.startswith("event:") for line in all_.raw)
        ids = [int(number) for number in all_.ids]
        assert ids == sorted(set(ids))  # likes have none: no replay brings them back
        assert len(all_.ids) == len(all_.events) - 1

        await server.terminate()  # what waits for its batch goes out before the end
        await batches.ended.wait()
        events = inside(batches)
        assert [event["data"] for event in events] == [event["data"] for event in all_.events]
        assert len(batches.events) < 15
        assert [str(event["id"]) for event in events if "id" in event] == all_.ids
        assert batches.ids[-1] == all_.ids[-1]


async def test_a_stream_goes_on_where_it_was_with_all_that_it_asked_for_and_nothing_else(
    serve: Serve,
) -> None:
    async with serve({}) as server:
        async with server.stream(STREAM) as before:
            await ingest(server, "1", ["chat", "gift", "chat"])
            await before.wait("chat", 2)
        await ingest(server, "1", ["gift", "chat", "follow"], first=10)
        after = before.ids[-1]
        async with server.stream(f"{STREAM}?kinds=chat,gift&after={after}") as by_page:
            await by_page.wait("chat")
            assert [event["type"] for event in by_page.events] == ["gift", "chat"]
        async with server.stream(f"{STREAM}?batch_ms=50", last_event_id=before.ids[0]) as batches:
            await batches.news()
            with anyio.fail_after(30):
                while not batches.ids:
                    await batches.news()
            assert [event["type"] for event in inside(batches)] == [
                *["gift", "chat"],
                *["gift", "chat", "follow"],
            ]
        async with server.stream(f"{STREAM}?after=123456789") as lost:
            await lost.wait("reset")


async def test_what_makes_no_sense_is_refused_before_the_stream_begins(serve: Serve) -> None:
    async with serve({}) as server:
        for query, field in (
            ("kinds=chat,dance", "kinds"),
            ("batch_ms=10", "batch_ms"),
            ("batch_ms=2001", "batch_ms"),
            ("live_id=nobody", "live_id"),
        ):
            answer = await server.http.get(f"{STREAM}?{query}")
            assert answer.status_code in {400, 404, 422}, query
            assert answer.json()["error"]["field"] == field
        answer = await server.http.post("/api/douyin/web/start", json={"fixture": "../secret.key"})
        assert (answer.status_code, answer.json()["error"]["field"]) == (404, "fixture")
        both = {"fixture": "a", "live_id": "b"}
        assert (await server.http.post("/api/douyin/web/start", json=both)).status_code == 422


async def test_several_rooms_are_collected_at_once_and_each_says_how_it_stands(
    serve: Serve, room: PretendRoom
) -> None:
    async with serve(room.environment()) as server:
        names = await server.get("/api/douyin/web/fixtures")
        assert isinstance(names, list)
        name = names[0]["name"]
        live = await server.post("/api/douyin/web/start", {"live_id": room.douyin.live_id})
        played = await server.post("/api/douyin/web/start", {"fixture": name})
        assert played["live_id"] == f"replay-{name}"

        both = f"{STREAM}?live_id={live['live_id']}&live_id={played['live_id']}"
        async with server.stream(both) as events, server.stream(f"{STREAM}?kinds=chat") as chats:
            one = f"{STREAM}?live_id={played['live_id']}"
            async with server.stream(one) as its_own:
                for room_id in (live["room_id"], played["room_id"]):
                    await events.wait_for("chat", room_id=room_id)
                    await chats.wait_for("chat", room_id=room_id)
                await its_own.wait("chat")
                assert {data["room_id"] for data in its_own.of("chat")} == {played["room_id"]}

        assert (await server.http.get("/api/douyin/web/status")).status_code == 400
        rooms = await server.get("/api/douyin/web/rooms")
        assert isinstance(rooms, list)
        by_id = {status["live_id"]: status for status in rooms}
        assert set(by_id) == {live["live_id"], played["live_id"]}
        assert by_id[played["live_id"]]["anchor_name"] == f"回放 {name}"
        status = await server.get("/api/douyin/web/status", live_id=live["live_id"])
        assert status == IsPartialDict(
            is_running=True,
            platform="douyin",
            state="live",
            remedy="",
            health=IsPartialDict(way="websocket", way_reason="", unreadable=0),
        )
        assert json.loads(json.dumps(status))["counts"]["chat"] > 0


async def test_a_room_that_is_refused_says_why_and_what_to_do(
    serve: Serve, room: PretendRoom
) -> None:
    async with serve(room.environment()) as server, server.stream(STREAM) as events:
        await server.post("/api/douyin/web/start", {"live_id": room.douyin.live_id})
        await events.wait("chat")
        room.douyin.risk_control("captcha")
        room.douyin.block_signature()
        room.douyin.drop_line()
        gap = await events.wait_for("gap", end_ts=None)
        with anyio.fail_after(30):
            while not (status := await server.get("/api/douyin/web/status"))["remedy"]:  # type: ignore[index] # JSON
                await events.news()
        assert isinstance(status, dict)
        assert status["state"] in {"reconnecting", "failed"}
        assert status["reason"]
        assert gap["cause"]
        window: dict[str, str | int] = {
            "room_id": str(gap["room_id"]),
            "start_ts": 0,
            "end_ts": 2**53,
        }
        missing = await server.get("/api/comments/gaps", **window)
        assert isinstance(missing, list)
        assert missing[-1]["start_ts"] == gap["start_ts"]
        assert missing[-1]["cause"] == gap["cause"]
