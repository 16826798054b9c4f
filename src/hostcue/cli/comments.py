"""`hostcue comments`."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from errno import EISDIR
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import anyio

from hostcue.cli.client import Client, Json
from hostcue.config import Settings
from hostcue.errors import BadRequest

_LATEST_MS = 2**53


def export(
    settings: Settings,
    server: str,
    *,
    room_id: str,
    start: str | None,
    end: str | None,
    form: str,
    output: Path | None,
) -> None:
    """Write a room's comments to a file, or to standard output; half a file is no file."""
    start_ms = 0 if start is None else _moment(start, "--from", settings.tz)
    end_ms = _LATEST_MS if end is None else _moment(end, "--to", settings.tz)
    if start_ms >= end_ms:
        raise BadRequest("the end is not after the beginning", field="--to", remedy="swap them")
    query: dict[str, str | int] = {
        "room_id": room_id,
        "start_ts": start_ms,
        "end_ts": end_ms,
        "format": form,
    }

    async def fetch(file: BinaryIO) -> None:
        async with Client.open(server, _token(settings)) as client:
            async for chunk in client.chunks("/api/comments/export", **query):
                file.write(chunk)

    if output is None:
        anyio.run(fetch, sys.stdout.buffer)
        return
    try:
        _write(output, fetch)
    except OSError as exc:
        raise BadRequest(
            f"{output} can't be written: {exc.strerror}",
            field="--output",
            remedy="name a file in a folder that is there and can be written",
        ) from None
    print(output)


def erase(
    settings: Settings, server: str, *, viewer: str, platform: str, user_id: str | None
) -> None:
    """Have a viewer's comments deleted, and say how many they were."""
    if bool(viewer) == (user_id is not None):
        raise BadRequest("say whose comments go", remedy="give --viewer, or --user-id")
    body: Json = {"viewer": viewer} if viewer else {"platform": platform, "user_id": user_id}

    async def ask() -> Json:
        async with Client.open(server, _token(settings), timeout_s=600) as client:
            return await client.post("/api/comments/erase", body)

    print(f"{anyio.run(ask)['comments']} comments deleted")


def _write(output: Path, fetch: Callable[[BinaryIO], Awaitable[None]]) -> None:
    if output.is_dir():
        raise IsADirectoryError(EISDIR, "it is a folder")
    part = output.with_name(f"{output.name}.part")
    try:
        with part.open("wb") as file:
            anyio.run(fetch, file)
        part.replace(output)
    finally:
        with suppress(OSError):
            part.unlink()


def _token(settings: Settings) -> str | None:
    return settings.token.get_secret_value() if settings.token else None


def _moment(text: str, option: str, zone: str | None) -> int:
    """Unix milliseconds of a moment as people write it, or as it is."""
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(
            f"{text} is no moment", field=option, remedy='write it like "2026-11-25 20:00"'
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone)) if zone else moment.astimezone()
    return round(1000 * moment.timestamp())
