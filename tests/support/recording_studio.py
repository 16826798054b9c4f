"""A recorder with everything around it, and ways to look at what it made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import av
from anyio.abc import TaskStatus

from hostcue.errors import HostcueError
from hostcue.model.comment import Gap
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.model.recording import (
    MediaInfo,
    Progress,
    RecorderEvent,
    RecordingPlan,
    SaveFormat,
    SegmentOpened,
    StateChanged,
)
from hostcue.model.room import Container, LiveRoom, Room, StreamSource
from hostcue.model.segment import ClosedFile
from hostcue.model.sound import SoundPlace
from hostcue.recording.engine import Engine
from hostcue.recording.recorder import Recorder
from hostcue.recording.stream_keeper import StreamRules

ZONE = "Asia/Shanghai"


def live_room(url: str, container: Container = "flv", *, expires_ms: int | None = None) -> LiveRoom:
    source = StreamSource(url, container, expires_ms=expires_ms)
    return LiveRoom(Room("direct", "1", "1", url, "小美"), source)


@dataclass
class Told:
    """All that a recorder or a listener told so far."""

    events: list[RecorderEvent] = field(default_factory=list, kw_only=True)
    _news: anyio.Event = field(default_factory=anyio.Event, kw_only=True)

    async def emit(self, event: RecorderEvent) -> None:
        self.events.append(event)
        self._news.set()
        self._news = anyio.Event()

    async def until(self, holds: Callable[[], bool], *, within_s: float = 30) -> None:
        with anyio.fail_after(within_s):
            while not holds():
                await self._news.wait()

    @property
    def gaps(self) -> list[Gap]:
        return [e for e in self.events if isinstance(e, Gap)]


@dataclass
class Take(Told):
    """A recording under test."""

    recorder: Recorder
    output: Path

    async def until_state(self, state: str, *, within_s: float = 30) -> None:
        await self.until(lambda: self.states[-1:] == [state], within_s=within_s)

    async def until_closed(self, count: int, *, within_s: float = 30) -> None:
        await self.until(lambda: len(self.closed) >= count, within_s=within_s)

    @property
    def closed(self) -> list[ClosedFile]:
        return [e for e in self.events if isinstance(e, ClosedFile)]

    @property
    def opened(self) -> list[SegmentOpened]:
        return [e for e in self.events if isinstance(e, SegmentOpened)]

    @property
    def progress(self) -> list[Progress]:
        return [e for e in self.events if isinstance(e, Progress)]

    @property
    def states(self) -> list[str]:
        return [e.state for e in self.events if isinstance(e, StateChanged)]

    @property
    def reasons(self) -> list[str]:
        return [e.reason for e in self.events if isinstance(e, StateChanged)]


class Studio:
    """Makes takes."""

    def __init__(self, engine: Engine, root: Path) -> None:
        self.engine = engine
        self.root = root
        self.answers: list[LiveRoom | HostcueError] = []
        """What the room resolves to, one after the other; then the first room again."""

    def take(
        self,
        url: str,
        *,
        container: Container = "flv",
        segment_s: int = 1,
        save_format: SaveFormat = "mp4",
        anchor: str = "小美",
        recording_id: str = "rec",
        proxies: Proxies | None = None,
        policy: AddressPolicy | None = None,
        open_timeout_s: float = 5.0,
        read_timeout_s: float = 8.0,
        max_lag_s: float = 10.0,
        ladder_s: tuple[float, ...] = (0.0, 0.05, 0.1),
        resolve_ladder_s: tuple[float, ...] = (0.1,),
        offline_recheck_s: float = 0.3,
        stop_timeout_s: float = 20.0,
        first_seq: int = 0,
        endless: bool = True,
        aligned: bool = False,
        live: LiveRoom | None = None,
        said_over: Callable[[], bool] = lambda: False,
        gap: Gap | None = None,
        sound: SoundPlace | None = None,
    ) -> Take:
        async def resolve() -> LiveRoom:
            answer = self.answers.pop(0) if self.answers else live_room(url, container)
            if isinstance(answer, HostcueError):
                raise answer
            return answer

        async def emit(event: RecorderEvent) -> None:
            await take.emit(event)

        output = self.root / "direct" / anchor
        recorder = Recorder(
            self.engine,
            recording_id=recording_id,
            plan=RecordingPlan(url, segment_s=segment_s, save_format=save_format, aligned=aligned),
            live=live or live_room(url, container),
            output=output,
            zone=ZONE,
            proxies=proxies or Proxies(),
            policy=policy or AddressPolicy(allow_private=True),
            resolve=resolve,
            emit=emit,
            said_over=said_over,
            first_seq=first_seq,
            gap=gap,
            sound=sound,
            rules=StreamRules(
                open_timeout_s=open_timeout_s,
                read_timeout_s=read_timeout_s,
                max_lag_s=max_lag_s,
                ladder_s=ladder_s,
                resolve_ladder_s=resolve_ladder_s,
                offline_recheck_s=offline_recheck_s,
                stop_timeout_s=stop_timeout_s,
                endless=endless,
            ),
        )
        take = Take(recorder, output)
        return take

    async def whole(self, take: Take) -> Take:
        """Record something that ends by itself."""
        with anyio.fail_after(30):
            await take.recorder.run()
        return take

    @asynccontextmanager
    async def running(self, take: Take) -> AsyncIterator[Take]:
        """A take that has begun; stopped at the end."""
        async with anyio.create_task_group() as tasks:
            with anyio.fail_after(30):
                await tasks.start(_run, take.recorder)
            yield take
            with anyio.fail_after(30):
                await take.recorder.stop()


async def _run(recorder: Recorder, *, task_status: TaskStatus[MediaInfo]) -> None:
    await recorder.run(task_status=task_status)


@dataclass(frozen=True)
class Media:
    """What is in a file: payloads, decode and presentation times in seconds, key flags."""

    pictures: list[bytes]
    sounds: list[bytes]
    dts: list[float]
    pts: list[float]
    keys: list[bool]
    length_s: float


def look(path: str | Path) -> Media:
    """Read a file through."""
    with av.open(str(path)) as file:
        packets = [p for p in file.demux() if p.size]
        video = [p for p in packets if p.stream.type == "video"]
        return Media(
            pictures=[bytes(p) for p in video],
            sounds=[bytes(p) for p in packets if p.stream.type == "audio"],
            dts=[float(p.dts * p.time_base) for p in video if p.dts is not None],
            pts=[float(p.pts * p.time_base) for p in video if p.pts is not None],
            keys=[p.is_keyframe for p in video],
            length_s=(file.duration or 0) / 1e6,
        )
