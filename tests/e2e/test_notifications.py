"""Alarms of a running server: told once, whatever is killed, and with no secret anywhere."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from server_process import DEAD_PROXY, Serve, Server
from webhook_receiver import WebhookReceiver

from hostcue.sim.room import PretendRoom

pytestmark = pytest.mark.slow

SECRET = "canary-signing-secret"


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver.open() as opened:
        yield opened


def settings(receiver: WebhookReceiver, *more: str) -> dict[str, str]:
    return {
        "HOSTCUE_WEBHOOK_URLS": ",".join((receiver.url("/canary-path?key=canary-query"), *more)),
        "HOSTCUE_WEBHOOK_SECRET": SECRET,
    }


async def test_kill_9_between_event_and_delivery_makes_one_alarm_and_one_end(
    serve: Serve, room: PretendRoom, receiver: WebhookReceiver, tmp_path: Path
) -> None:
    environment = room.environment() | settings(receiver)
    receiver.answer(0)
    async with serve(environment) as server:
        recording_id = await server.record(room.link, segment_time=60)
        await receiver.wait(1)
        await server.kill()
    receiver.answer(200)
    async with serve(environment) as server, server.stream(last_event_id="0") as events:
        await receiver.wait(2)
        await events.wait_for("gap_closed", cause="restart")
        await server.post("/api/recording/stop", {"recording_id": recording_id})
        await receiver.wait_type("live_ended")
        log = await delivered(server, 2)
    messages = {request.headers["hostcue-delivery"]: request for request in receiver.received}
    kinds = [request.json["type"] for request in messages.values()]
    assert kinds == ["live_started", "live_ended"]
    assert all(request.is_signed_with(SECRET) for request in receiver.received)
    assert [item["kind"] for item in log] == kinds
    assert "canary" not in str(log)
    assert "canary" not in "\n".join(server.log)
    for path in (tmp_path / "data").glob("hostcue.db*"):
        assert b"canary" not in path.read_bytes()


async def test_a_gap_that_lasts_is_told_and_so_is_its_end_but_no_planned_restart(
    serve: Serve, room: PretendRoom, receiver: WebhookReceiver
) -> None:
    environment = room.environment() | settings(receiver)
    async with serve(environment | {"HOSTCUE_GAP_ALARM_S": "2"}) as server:
        recording_id = await server.record(room.link, segment_time=60)
        await receiver.wait_type("live_started")
        room.flv.refuse(503)
        room.flv.drop_line()
        alarm = await receiver.wait_type("gap_open")
        room.flv.refuse(None)
        end = await receiver.wait_type("gap_closed", within_s=60)
        await server.terminate()
    async with serve(environment) as server, server.stream(last_event_id="0") as events:
        await events.wait_for("gap_closed", cause="restart")
        await server.post("/api/recording/stop", {"recording_id": recording_id})
        await receiver.wait_type("live_ended")
    assert isinstance(alarm["data"], dict)
    assert isinstance(end["data"], dict)
    assert end["data"]["alarm_id"] == alarm["id"]
    gap = next(gap for gap in events.of("gap_closed") if gap["cause"] != "restart")
    told = end["data"]["since_ts"], end["data"]["ended_ts"]
    assert told == (gap["start_ts"], gap["end_ts"]), "less than the outage: players come in late"
    assert [request.json["type"] for request in receiver.received] == [
        "live_started",
        "gap_open",
        "gap_closed",
        "live_ended",
    ]


async def test_a_full_disk_is_told_once_and_so_is_the_room_that_comes_back(
    serve: Serve, receiver: WebhookReceiver
) -> None:
    roomy = settings(receiver) | {
        "HOSTCUE_MIN_FREE_BYTES": "1KB",
        "HOSTCUE_RESUME_FREE_BYTES": "2KB",
        "HOSTCUE_DISK_HOLD_S": "0",
    }
    full = roomy | {"HOSTCUE_MIN_FREE_BYTES": "900TB", "HOSTCUE_RESUME_FREE_BYTES": "999TB"}
    for _ in range(2):
        async with serve(full):
            await receiver.wait_type("disk_paused")
    async with serve(roomy):
        await receiver.wait_type("disk_resumed")
        await receiver.wait_type("disk_ok")
    kinds = [str(request.json["type"]) for request in receiver.received]
    assert sorted(kinds) == ["disk_low", "disk_ok", "disk_paused", "disk_resumed"]
    assert kinds.index("disk_paused") < kinds.index("disk_resumed")


async def test_the_command_says_of_each_target_whether_a_test_message_arrived(
    serve: Serve, receiver: WebhookReceiver, tmp_path: Path
) -> None:
    async with WebhookReceiver.open() as broken:
        broken.answer(404)
        environment = settings(receiver, broken.url("/canary")) | {
            "HOSTCUE_NOTIFY_URLS": f"json://user:canary@{receiver.host}/apprise/canary"
        }
        async with serve(environment) as server:
            done = await anyio.run_process(
                [sys.executable, "-m", "hostcue", "notify", "test", "--server", server.url],
                env={"PATH": os.environ["PATH"], "HTTP_PROXY": DEAD_PROXY},
                cwd=tmp_path,
                check=False,
            )
            log = await delivered(server, 2)
            notices = await server.get("/api/notices")
    said = done.stdout.decode()
    assert [item["code"] for item in notices] == ["alarms_not_delivered"]  # type: ignore[attr-defined] # JSON
    assert done.returncode == 1
    lines = said.splitlines()
    assert [line.split()[0] for line in lines] == ["ok", "fail", "ok"]
    assert "HTTP 404 [http_404]" in lines[1]
    assert "json://***" in lines[2]
    assert sorted(request.target.split("?")[0] for request in receiver.received) == [
        "/apprise/canary",
        "/canary-path",
    ]
    for text in (said, str(log), str(notices), "\n".join(server.log)):
        assert "canary" not in text


async def delivered(server: Server, count: int) -> list[dict[str, object]]:
    """The deliveries that arrived, once there are so many."""
    with anyio.fail_after(30):
        while True:
            found = await server.get("/api/notifications/deliveries")
            assert isinstance(found, list)
            done = [item for item in found if item["state"] == "delivered"]
            if len(done) >= count:
                return done
