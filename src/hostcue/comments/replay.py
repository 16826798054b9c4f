"""Captured comments, played as a room's: for demos, for tests, and to see a fault again.

Nothing of it is told as real: a played room is called 回放, and each comment names what it is
played from.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Mapping
from contextlib import aclosing, asynccontextmanager, closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

import anyio
import anyio.to_thread

from hostcue.comments.douyin.capture import SUFFIX
from hostcue.comments.replay_file import Frames, Lines, Moment
from hostcue.errors import NotFound, TransportFailed
from hostcue.model.clock import now_ms
from hostcue.model.comment import (
    Comment,
    LiveEvent,
    ProductChange,
    RoomControl,
    RoomStats,
    Tally,
    WayTaken,
)
from hostcue.model.room import DEFAULT_ACCESS, Access, Room

PLATFORM = "replay"

_PACKAGED = Path(__file__).with_name("fixtures")
_PREFIX = f"{PLATFORM}-"
_SUFFIXES = (".jsonl", SUFFIX)
_AHEAD = 16  # moments read at once
_TALLY_S = 1.0


class Fixtures:
    """What can be played: the files that come with hostcue, and those in the user's folder.

    They are known by name, which is the file's without its suffix; a name is never a path.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        """Those that come with hostcue first, then the newest."""
        return list(self._paths())

    def path(self, name: str) -> Path:
        """The file behind a name.

        Raises:
            NotFound: there is none.
        """
        path = self._paths().get(name)
        if path is None:
            raise NotFound(
                "there is no recorded chat of this name to play",
                field="fixture",
                remedy="GET /api/douyin/web/fixtures lists those there are",
            )
        return path

    def room(self, name: str) -> Room:
        """A room of its own for one playing.

        Raises:
            NotFound: there is nothing of this name.
        """
        self.path(name)
        live_id = f"{_PREFIX}{name}"
        return Room(
            platform=PLATFORM,
            live_id=live_id,
            room_id=f"{live_id}-{now_ms()}",
            url=f"{PLATFORM}:{name}",
            anchor_name=f"回放 {name}",
            title="回放",
        )

    def _paths(self) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for folder, newest_first in ((_PACKAGED, False), (self._folder, True)):
            for path in sorted(_playable(folder), key=_age, reverse=newest_first):
                found.setdefault(path.stem, path)
        return found


class ReplaySource:
    """The `CommentSource` that plays a file from its beginning whenever it is entered.

    Args:
        fixtures: where a played room's file is looked up.
        file: is played for every room instead.
        speed: 2 plays twice as fast as it was recorded.
    """

    def __init__(self, fixtures: Fixtures, *, file: Path | None = None, speed: float = 1.0) -> None:
        self._fixtures = fixtures
        self._file = file
        self._speed = speed

    @asynccontextmanager
    async def events(
        self, room: Room, access: Access = DEFAULT_ACCESS
    ) -> AsyncGenerator[AsyncIterator[LiveEvent]]:
        """See `CommentSource.events`; ends with the file, and connects to nothing.

        Raises:
            NotFound: there is no such file.
            UpstreamChanged: it holds no frames.
            TransportFailed: it cannot be read.
        """
        path = self._file or self._fixtures.path(room.live_id.removeprefix(_PREFIX))
        script = Frames(path, room.room_id) if path.suffix == SUFFIX else Lines(path, room.room_id)
        with closing(script.moments()) as moments:
            first = await _read(path, moments)
            async with aclosing(self._play(path, script, moments, first, room)) as events:
                yield events

    async def _play(
        self,
        path: Path,
        script: Frames | Lines,
        moments: Generator[Moment],
        batch: list[Moment],
        room: Room,
    ) -> AsyncGenerator[LiveEvent]:
        yield WayTaken("replay")
        stage = _Stage(room, path.stem, batch[0].at_ms if batch else 0, self._speed)
        tally, tallied_s = Tally(), anyio.current_time()
        while batch:
            for moment in batch:
                await stage.wait(moment.at_ms)
                for event in moment.events:
                    if (placed := stage.place(event, moment.at_ms)) is not None:
                        yield placed
                if anyio.current_time() - tallied_s >= _TALLY_S and script.tally != tally:
                    tally, tallied_s = script.tally, anyio.current_time()
                    yield tally
            batch = await _read(path, moments)
        if script.tally != tally:
            yield script.tally


class _Stage:
    """Where and when a file is played."""

    def __init__(self, room: Room, name: str, first_ms: int, speed: float) -> None:
        self._room = room
        self._marks: Mapping[str, str] = {PLATFORM: name}
        self._first_ms = first_ms
        self._speed = speed
        self._began_ms = now_ms()
        self._began_s = anyio.current_time()

    async def wait(self, at_ms: int) -> None:
        """Until a moment of the file has come."""
        await anyio.sleep_until(self._began_s + (at_ms - self._first_ms) / 1000 / self._speed)

    def place(self, event: LiveEvent, at_ms: int) -> LiveEvent | None:
        """The event, as of now and in this room; None if it says nothing about it.

        Ids are new for each playing, or it would be taken for a repetition of the one before.
        """
        played_ms = self._began_ms + int((at_ms - self._first_ms) / self._speed)
        shift_ms, room_id = played_ms - at_ms, self._room.room_id
        match event:
            case Comment():
                return replace(
                    event,
                    id=f"{self._began_ms}-{event.id}",
                    platform=self._room.platform,
                    room_id=room_id,
                    ts_ms=event.ts_ms + shift_ms,
                    metadata={**event.metadata, **self._marks},
                )
            case RoomStats():
                return replace(event, room_id=room_id, ts_ms=event.ts_ms + shift_ms)
            case ProductChange():
                return replace(
                    event,
                    id=f"{self._began_ms}-{event.id}",
                    room_id=room_id,
                    ts_ms=event.ts_ms + shift_ms,
                )
            case RoomControl() if self._room.platform == PLATFORM:
                return replace(event, room_id=room_id, ts_ms=event.ts_ms + shift_ms)
            case _:  # another room's end is not the end of this one
                return None


async def _read(path: Path, moments: Generator[Moment]) -> list[Moment]:
    """What comes next in the file; nothing at its end."""
    try:
        return await anyio.to_thread.run_sync(lambda: list(islice(moments, _AHEAD)))
    except OSError as exc:
        raise TransportFailed(f"{path.name} cannot be read ({type(exc).__name__})") from None


def _playable(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.suffix in _SUFFIXES and path.is_file()]
    except OSError:  # nothing was ever captured
        return []


def _age(path: Path) -> tuple[float, str]:
    try:
        return path.stat().st_mtime, path.name
    except OSError:  # deleted meanwhile
        return 0.0, path.name
