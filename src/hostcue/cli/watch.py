"""`hostcue watch`: rooms that a server records whenever they are live, followed on the terminal."""

from __future__ import annotations

import logging
import re
import signal
import socket
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import cast

import anyio

from hostcue import log
from hostcue.cli.client import Client, Json
from hostcue.cli.serve import address_of, bind, leave_in_time, quiet_stop, run_server
from hostcue.config import Settings
from hostcue.errors import BadRequest, HostcueError, TransportFailed

_SHOWTIME = re.compile(r"(?:([a-z,]+) )?(\d\d:\d\d)-(\d\d:\d\d)")
_ELSEWHERE = "hostcue watch --serve runs one here; hostcue serve runs one for good"


def run_watch(settings: Settings, server: str, rooms: Sequence[Json], *, follow: bool) -> None:
    """Have the rooms watched by a server; Ctrl-C ends only what is seen of it.

    Raises:
        HostcueError: no server answers, or it takes none of the rooms.
    """
    token = settings.token.get_secret_value() if settings.token else None
    anyio.run(_watch, server, token, rooms, follow)


def run_watch_here(settings: Settings, port: int, rooms: Sequence[Json]) -> None:
    """Run a server until Ctrl-C and have it watch the rooms; so does the next on the same data.

    Raises:
        HostcueError: it cannot start, or it takes none of the rooms.
    """
    log.setup(logging.WARNING)
    quiet_stop()
    with bind("127.0.0.1", port) as listener:
        anyio.run(_serve, settings, listener, rooms)


def room_body(link: str, schedule: Sequence[str], **more: object) -> Json:
    """What `POST /api/recording/start` is asked for a room.

    Raises:
        BadRequest: a showtime is not written as `19:30-01:00` or `fri,sat 19:30-01:00`.
    """
    return {
        "live_url": link,
        "monitor": True,
        "schedule": [_showtime(text) for text in schedule],
        **more,
    }


def _showtime(text: str) -> Json:
    found = _SHOWTIME.fullmatch(text.strip().lower())
    if found is None:
        raise BadRequest(
            f"{text!r} is not a showtime",
            field="--schedule",
            remedy='write it as "19:30-01:00" or "fri,sat 19:30-01:00"',
        )
    days, start, end = found.groups()
    return {"days": days.split(",") if days else [], "from": start, "to": end}


async def _serve(settings: Settings, listener: socket.socket, rooms: Sequence[Json]) -> None:
    token = settings.token.get_secret_value() if settings.token else None
    up, failed = anyio.Event(), list[HostcueError]()

    async def act() -> None:
        await up.wait()
        print(f"hostcue listens on {address_of(listener)}", file=sys.stderr, flush=True)
        try:
            await _watch(address_of(listener), token, rooms, follow=True)
        except HostcueError as exc:
            failed.append(exc)
            signal.raise_signal(signal.SIGTERM)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(act)
        try:
            await run_server(settings, listener, up.set)
        except HostcueError as exc:
            failed.insert(0, exc)
        tasks.cancel_scope.cancel()
    if failed:
        raise failed[0]
    leave_in_time()


async def _watch(server: str, token: str | None, rooms: Sequence[Json], follow: bool) -> None:
    async with Client.open(server, token) as client:
        ids = await _started(client, rooms)
        statuses = {recording_id: await _status(client, recording_id) for recording_id in ids}
        for status in statuses.values():
            print(_line(status), flush=True)
        if not follow:
            return
        print("following; after Ctrl-C the server watches on", file=sys.stderr, flush=True)
        async for kind, data in client.events("/api/recording/events"):
            recording_id = str(data.get("recording_id", ""))
            if recording_id in statuses:
                if kind == "recording_state":
                    statuses[recording_id] = await _status(client, recording_id)
                text = _told(kind, data, statuses[recording_id])
                if text:
                    print(f"[{_clock()}] {text}", flush=True)


async def _started(client: Client, rooms: Sequence[Json]) -> list[str]:
    """Ids of the rooms that the server took; what it refuses is said, the others go on.

    Raises:
        HostcueError: it took none.
    """
    ids, refused = [], None
    for room in rooms:
        try:
            answer = await client.post("/api/recording/start", room)
        except TransportFailed as exc:
            raise TransportFailed(exc.message, remedy=_ELSEWHERE) from exc
        except HostcueError as exc:
            refused = exc
            if len(rooms) > 1:  # a single one's is the command's own error
                print(f"{room['live_url']}: {exc.message}", file=sys.stderr)
        else:
            ids.append(str(answer["recording_id"]))
    if not ids and refused is not None:
        raise refused
    return list(dict.fromkeys(ids))


async def _status(client: Client, recording_id: str) -> Json:
    return cast("Json", await client.get("/api/recording/status", recording_id=recording_id))


def _line(status: Json) -> str:
    reason = f" ({status['reason']})" if status["reason"] else ""
    return f"{_name(status)}: {status['state']}{reason}  {status['recording_id']}"


def _told(kind: str, data: Json, status: Json) -> str:
    """One event as a line; empty for what is no news on a terminal."""
    match kind:
        case "recording_state":
            reason = f" ({data['reason']})" if data["reason"] else ""
            return f"{_name(status)}: {data['state']}{reason}"
        case "segment_ready":
            return f"{_name(status)}: {data['path']}"
        case "gap_closed":
            length_s = (int(str(data["end_ts"])) - int(str(data["start_ts"]))) / 1000
            return (
                f"{_name(status)}: {length_s:.1f} s missing ({data['cause']})" if length_s else ""
            )
        case _:
            return ""


def _name(status: Json) -> str:
    return str(status["anchor_name"] or status["live_url"])


def _clock() -> str:
    return f"{datetime.now().astimezone():%H:%M:%S}"
