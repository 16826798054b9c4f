"""Rooms that are watched by a server process."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import anyio
import pytest
from anyio.streams.text import TextReceiveStream
from server_process import DEAD_PROXY, Serve, Server, Stream

from hostcue.sim.flv import LiveFlv
from hostcue.sim.room import PretendRoom

pytestmark = pytest.mark.slow

COOKIE, PROXY = "sessionid=topsecret", "http://user:topsecret@127.0.0.1:9"


@pytest.fixture
async def room() -> AsyncIterator[PretendRoom]:
    """A room where nobody is live yet."""
    async with PretendRoom.open(pace=3, with_model=False) as opened:
        opened.douyin.go_offline()
        yield opened


def environment(room: PretendRoom, **more: str) -> dict[str, str]:
    return room.environment() | {"HOSTCUE_POLL_S": "0.3"} | more


def begin(room: PretendRoom) -> None:
    room.flv.refuse(None)
    room.douyin.go_live()


async def watch(server: Server, link: str, **more: object) -> str:
    started = await server.post(
        "/api/recording/start", {"live_url": link, "segment_time": 2, "monitor": True, **more}
    )
    return str(started["recording_id"])


async def status(server: Server, recording_id: str) -> dict[str, object]:
    found = await server.get("/api/recording/status", recording_id=recording_id)
    return cast("dict[str, object]", found)


async def until_recorded(events: Stream, recording_id: str, times: int = 1) -> None:
    with anyio.fail_after(40):
        while sum(state == "recording" for state in states(events, recording_id)) < times:
            await events.news()
        closed = len(events.of("segment_ready"))
        while len(events.of("segment_ready")) <= closed:
            await events.news()


async def until_watched(events: Stream, recording_id: str, times: int) -> None:
    with anyio.fail_after(40):
        while states(events, recording_id).count("monitoring") < times:
            await events.news()


def states(events: Stream, recording_id: str) -> list[object]:
    return [
        data["state"]
        for data in events.of("recording_state")
        if data["recording_id"] == recording_id
    ]


async def test_a_room_is_recorded_whenever_it_is_live_also_over_restarts(
    serve: Serve, room: PretendRoom
) -> None:
    async with serve(environment(room)) as server, server.stream() as events:
        recording_id = await watch(server, room.link)
        now = await status(server, recording_id)
        assert (now["state"], now["reason"], now["monitor"]) == ("monitoring", "offline", True)
        assert (now["platform"], now["live_id"]) == ("douyin", room.douyin.live_id)
        assert (now["anchor_name"], now["output"]) == (room.douyin.live_id, "")
        assert await watch(server, room.douyin.live_id) == recording_id
        begin(room)
        await until_recorded(events, recording_id)
        room.end()
        await until_watched(events, recording_id, times=2)
        first = len(events.of("segment_ready"))
        await server.terminate()
    async with serve(environment(room)) as server, server.stream() as events:
        assert (await status(server, recording_id))["state"] == "monitoring"
        begin(room)
        await until_recorded(events, recording_id)
        now = await status(server, recording_id)
        assert (now["state"], now["gap_count"], now["anchor_name"]) == (
            "recording",
            0,
            "小满的鞋铺",
        )
        segments = await segments_of(server, recording_id)
        assert len(segments) > first
        assert [segment["seq"] for segment in segments] == list(range(len(segments)))
        assert len({segment["room_id"] for segment in segments}) == 2
        await server.kill()
    async with serve(environment(room)) as server, server.stream() as events:
        await events.wait_for("gap_closed", cause="restart")
        await events.wait("segment_ready", 3)  # one or two of them recovered
        segments = await segments_of(server, recording_id)
        after = [segment for segment in segments if segment["gap_before_ms"]]
        assert [segment["gap_before_cause"] for segment in after] == ["restart"]
        now = await status(server, recording_id)
        assert now["gap_ms"] == after[0]["gap_before_ms"]
        assert 0 < cast("float", now["coverage"]) < 1
        stopped = await server.post("/api/recording/stop", {"recording_id": recording_id})
        assert (stopped["state"], stopped["next_check"]) == ("stopped", None)


async def segments_of(server: Server, recording_id: str) -> list[dict[str, object]]:
    found = await server.get("/api/recording/segments", recording_id=recording_id)
    return cast("list[dict[str, object]]", found)


async def test_a_host_who_begins_again_at_once_begins_another_broadcast_without_a_gap(
    serve: Serve, room: PretendRoom
) -> None:
    begin(room)
    async with serve(environment(room)) as server, server.stream() as events:
        recording_id = await watch(server, room.link)
        await until_recorded(events, recording_id)
        await events.wait("segment_ready", 3)  # what the platform said at the start is old by then
        old = (await status(server, recording_id))["room_id"]
        room.flv.refuse(404)
        room.douyin.go_live("7999999999999999999")
        room.drop_line()
        await events.wait_for("recording_state", state="reconnecting", reason="http_404")
        room.flv.refuse(None)
        await events.wait_for("segment_ready", seq=len(events.of("segment_ready")))
        now = await status(server, recording_id)
        assert (now["state"], now["room_id"], now["gap_count"]) == (
            "recording",
            "7999999999999999999",
            0,
        )
        assert {row["room_id"] for row in await segments_of(server, recording_id)} == {
            old,
            "7999999999999999999",
        }
        comments = cast(
            "dict[str, object]",
            await server.get("/api/douyin/web/status", live_id=room.douyin.live_id),
        )
        assert (comments["is_running"], comments["room_id"]) == (True, "7999999999999999999")


async def test_offline_said_by_mistake_only_delays(serve: Serve, room: PretendRoom) -> None:
    begin(room)
    room.douyin.flap(3)
    async with serve(environment(room)) as server, server.stream() as events:
        recording_id = await watch(server, room.link)
        assert (await status(server, recording_id))["reason"] == "offline"
        await until_recorded(events, recording_id)
        room.douyin.flap(1)
        room.flv.drop_line()
        await until_recorded(events, recording_id, times=2)
        assert states(events, recording_id).count("monitoring") == 1


async def test_a_showtime_far_away_is_waited_for_and_one_of_now_is_not(
    serve: Serve, room: PretendRoom
) -> None:
    begin(room)
    now = datetime.now(UTC).astimezone(ZoneInfo("Asia/Shanghai"))

    def showtime(hours: float) -> dict[str, object]:
        start = now + timedelta(hours=hours)
        return {"from": f"{start:%H:%M}", "to": f"{start + timedelta(hours=2):%H:%M}"}

    async with serve(environment(room)) as server, server.stream() as events:
        recording_id = await watch(server, room.link, schedule=[showtime(6)])
        await events.wait_for("recording_state", state="monitoring", reason="off_schedule")
        waiting = await status(server, recording_id)
        due = cast("int", waiting["next_check"]) / 1000 - now.timestamp()
        assert 5.9 * 3600 < due < 6.1 * 3600
        assert waiting["schedule"] == [{"days": [], **showtime(6)}]
        again = await server.post(
            "/api/recording/start",
            {"live_url": room.link, "monitor": True, "schedule": [showtime(-1)]},
        )
        assert (again["recording_id"], again["already_running"]) == (recording_id, True)
        await until_recorded(events, recording_id)


async def test_rooms_beyond_the_limit_wait_visibly(serve: Serve, room: PretendRoom) -> None:
    begin(room)
    variables = environment(room, HOSTCUE_MAX_RECORDINGS="1")
    async with (
        LiveFlv.open() as flv,
        serve(variables) as server,
        server.stream() as events,
    ):
        first = await server.record(flv.url)
        recording_id = await watch(server, room.link)
        await events.wait_for("recording_state", state="monitoring", reason="limit_reached")
        refused = await server.http.post("/api/recording/start", json={"live_url": room.link + "0"})
        assert refused.status_code in {404, 409, 429}
        await server.post("/api/recording/stop", {"recording_id": first})
        await until_recorded(events, recording_id)


async def test_cookie_and_proxy_are_kept_from_every_answer_and_every_file(
    serve: Serve, room: PretendRoom, tmp_path: Path
) -> None:
    async with serve(environment(room)) as server:
        recording_id = await watch(server, room.link, cookie=COOKIE, proxy=PROXY)
        now = await status(server, recording_id)
        assert (now["has_cookie"], now["has_proxy"]) == (True, True)
        answers = await refusals(server, room)
        everything = await server.get("/api/recording/status")
        assert isinstance(everything, list)
        assert len(everything) == 1
        assert "topsecret" not in f"{now}{answers}{everything}{server.log}"
        await server.terminate()
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if b"topsecret" in path.read_bytes()]


async def refusals(server: Server, room: PretendRoom) -> list[str]:
    """The answers to what makes no sense: each names its field and says what to do."""
    evening, no_day = {"from": "19:30", "to": "01:00"}, {"days": ["fun"]}
    watched: dict[str, object] = {"monitor": True}
    cases: list[tuple[str, dict[str, object]]] = [
        ("schedule", {"schedule": [evening]}),
        ("schedule.0.from", watched | {"schedule": [evening | {"from": "25:30"}]}),
        ("schedule.0.days.0", watched | {"schedule": [evening | no_day]}),
        ("schedule.0.to", watched | {"schedule": [{"from": "19:30"}]}),
        ("schedule.0.topsecret", watched | {"schedule": [evening | {"topsecret": 1}]}),
        ("aligned", {"aligned": "topsecret"}),
        ("monitor", {"monitor": "topsecret"}),
        ("cookie", {"cookie": "topsecret=b\r\nX: y"}),
        ("cookie", {"cookie": "topsecret"}),
        ("proxy", {"proxy": "socks5://topsecret:1"}),
        ("proxy", {"proxy": "http://topsecret"}),
        ("proxy", {"proxy": "http://user:topsecret@127.0.0.1:9/path"}),
        ("colour", {"colour": "topsecret"}),
        ("live_url", watched | {"live_url": "https://live.douyin.com/1"}),
        ("live_url", watched | {"live_url": "no link at all"}),
    ]
    answers = []
    for at_fault, body in cases:
        refused = await server.http.post(
            "/api/recording/start", json={"live_url": room.link, **body}
        )
        assert 400 <= refused.status_code < 500, refused.text
        error = refused.json()["error"]
        assert error["field"] == at_fault, refused.text
        assert error["message"], refused.text
        assert error["remedy"], refused.text
        if at_fault != "schedule.0.topsecret":  # a field's name is no secret of ours
            answers.append(refused.text)
    return answers


@dataclass
class Terminal:
    """What a command printed so far."""

    lines: list[str] = field(default_factory=list)
    _news: anyio.Event = field(default_factory=anyio.Event)

    def take(self, lines: list[str]) -> None:
        self.lines += lines
        self._news.set()
        self._news = anyio.Event()

    async def until(self, text: str) -> None:
        with anyio.fail_after(40):
            while not any(text in line for line in self.lines):
                await self._news.wait()


@asynccontextmanager
async def command(
    folder: Path, variables: dict[str, str], *arguments: str
) -> AsyncIterator[Terminal]:
    """`hostcue watch` as a user runs it, until Ctrl-C; its lines so far."""
    seen = Terminal()
    process = await anyio.open_process(
        [sys.executable, "-m", "hostcue", "watch", *arguments],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HTTP_PROXY": DEAD_PROXY,
            "PYTHONUNBUFFERED": "1",
            "HOSTCUE_DATA_DIR": str(folder / "data"),
            "RECORDS_ROOT": str(folder / "records"),
            **variables,
        },
    )

    async def read(stream: object) -> None:
        rest = ""
        async for text in TextReceiveStream(stream, errors="replace"):  # type: ignore[arg-type] # a pipe
            *whole, rest = (rest + text).split("\n")
            seen.take(whole)

    async with process, anyio.create_task_group() as tasks:
        tasks.start_soon(read, process.stdout)
        tasks.start_soon(read, process.stderr)
        try:
            yield seen
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
            with anyio.move_on_after(10, shield=True):
                await process.wait()
            if process.returncode is None:
                process.kill()


async def test_hostcue_watch_has_a_server_watch_and_leaves_it_at_that(
    serve: Serve, room: PretendRoom, tmp_path: Path
) -> None:
    async with serve(environment(room)) as server, server.stream() as events:
        place = tmp_path / "elsewhere"
        place.mkdir()
        async with command(
            place,
            {},
            room.link,
            "--server",
            server.url,
            "--segment",
            "2",
            "--schedule",
            "mon,tue,wed,thu,fri,sat,sun 00:00-00:00",
        ) as seen:
            monitoring = await events.wait_for("recording_state", state="monitoring")
            begin(room)
            await events.wait("segment_ready", 2)
            await seen.until("monitoring (offline)")
            await seen.until("小满的鞋铺: recording")
        now = await status(server, str(monitoring["recording_id"]))
        assert (now["state"], now["monitor"]) == ("recording", True)


async def test_hostcue_watch_without_a_server_says_how_to_start_one(
    tmp_path: Path, room: PretendRoom
) -> None:
    with anyio.fail_after(30):
        run = await anyio.run_process(
            [sys.executable, "-m", "hostcue", "watch", room.link, "--server", "http://127.0.0.1:9"],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"]},
            check=False,
        )
    assert run.returncode == 1
    assert "no hostcue answers" in run.stderr.decode()
    assert "--serve" in run.stderr.decode()


async def test_hostcue_watch_can_be_the_server_itself(tmp_path: Path, room: PretendRoom) -> None:
    begin(room)
    async with command(tmp_path, environment(room), room.link, "--segment", "2", "--serve") as seen:
        await seen.until("recording")
        await seen.until(".mp4")
    assert room.flv.viewers == 0
    assert not list(tmp_path.rglob("*.part"))
