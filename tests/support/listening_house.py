"""What listens to rooms, with all below it in this process, but for the way that sound comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
from anyio.abc import TaskGroup, TaskStatus
from recording_house import Platform
from tone_speech import Floats, as_pcm, build_tone_model, say

from hostcue.errors import HostcueError, SpeechMissing
from hostcue.model.clock import now_ms
from hostcue.model.event import Event
from hostcue.model.recording import (
    MediaInfo,
    Recording,
    RecordingPlan,
    SegmentOpened,
    StateChanged,
)
from hostcue.model.room import DEFAULT_ACCESS, Access, LiveRoom, Room
from hostcue.model.segment import ClosedFile, Segment
from hostcue.model.sound import Sound, SoundPlace
from hostcue.model.speech import Heard, SpeechEvent, SpeechPlan
from hostcue.model.window import Window
from hostcue.pipeline.live_audio import LiveAudio, SpeechRows
from hostcue.pipeline.live_audio_offline import OfflineRules
from hostcue.pipeline.live_audio_supply import ListeningParts, SpeechSupply, Supply
from hostcue.speech.engine import SpeechEngine
from hostcue.speech.offline import hear_file
from hostcue.speech.presets import plan_of
from hostcue.speech.session import SpeechSession
from hostcue.speech.shelf import ModelFiles
from hostcue.storage.comments import Comments
from hostcue.storage.database import Database
from hostcue.storage.outbox import Outbox
from hostcue.storage.recordings import Recordings
from hostcue.storage.segments import Segments
from hostcue.storage.speech_spans import SpeechSpans
from hostcue.storage.utterances import Utterances
from hostcue.storage.vault import Vault

START_MS = 1_764_000_000_000
MISSING = SpeechMissing("no model", remedy="hostcue models pull tones")
INFO = MediaInfo("h264", "aac", 96, 160, 10)
Take = Callable[[Sound], Awaitable[None]]


class Doorway:
    """Takes sound where a test gives it, instead of a worker over loopback."""

    def __init__(self) -> None:
        self.broken = False
        self.ends_ms: dict[SoundPlace, float] = {}
        self._takes: dict[SoundPlace, Take] = {}

    @asynccontextmanager
    async def expect(self, take: Take) -> AsyncIterator[SoundPlace]:
        if self.broken:
            raise OSError("no port is free")
        place = SoundPlace(1, f"token-{len(self.ends_ms)}")
        self._takes[place], self.ends_ms[place] = take, START_MS
        try:
            yield place
        finally:
            del self._takes[place]

    async def bring(self, place: SoundPlace, sound: Floats, *, at_ms: float | None = None) -> None:
        """In blocks of a tenth of a second, after what was brought before."""
        pcm, moment_ms = as_pcm(sound), self.ends_ms[place] if at_ms is None else at_ms
        for start in range(0, len(pcm), 3200):
            if place in self._takes:  # else nobody takes it any more, as with a worker
                piece = Sound(moment_ms, pcm[start : start + 3200])
                await self._takes[place](piece)
                moment_ms += piece.length_ms
        self.ends_ms[place] = moment_ms


@dataclass
class Line:
    """A connection that only brings sound: what a `Listener` is to whoever uses it."""

    house: ListeningHouse
    more: dict[str, object]
    stopped: anyio.Event = field(default_factory=anyio.Event)

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        live, place = self.more["live"], self.more["place"]
        assert isinstance(live, LiveRoom)
        assert isinstance(place, SoundPlace)
        if self.house.refuses is not None:
            raise self.house.refuses
        self.house.lines.append(self)
        if self.house.never_connects:
            await self.stopped.wait()
            return
        task_status.started()
        if live.source.container == "file":
            sound = self.house.files[live.source.url]
            start_ms = self.more["start_ms"]
            assert isinstance(start_ms, int)
            await self.house.doorway.bring(place, sound, at_ms=start_ms)
            return
        await self.stopped.wait()

    async def stop(self) -> None:
        self.stopped.set()


@dataclass
class ListeningHouse:
    """`places` is what each recording was told to bring its sound to, the last one last.

    `lacks` is why there is no model, `looks` counts how often one was looked for. Links lead
    somewhere once `resolves` is set.
    """

    audio: LiveAudio
    doorway: Doorway
    platform: Platform
    rows: SpeechRows
    utterances: Utterances
    supply: Supply
    heard: list[Event]
    tasks: TaskGroup
    refuses: HostcueError | None = None
    never_connects: bool = False
    fails: bool = False
    lacks: HostcueError | None = None
    looks: int = 0
    resolves: anyio.Event = field(default_factory=anyio.Event)
    lines: list[Line] = field(default_factory=list)
    places: dict[str, list[SoundPlace | None]] = field(default_factory=dict)
    files: dict[str, Floats] = field(default_factory=dict)
    _news: list[anyio.Event] = field(default_factory=lambda: [anyio.Event()])

    def hear(self, events: object) -> None:
        self.heard.extend(events)  # type: ignore[arg-type] # a sequence of events
        self._news[0].set()
        self._news[0] = anyio.Event()

    async def until(self, holds: Callable[[], bool], within_s: float = 60) -> None:
        """Wait for events until something is true."""
        with anyio.fail_after(within_s):
            while not holds():
                await self._news[0].wait()

    async def record(self, name: str, *, room_id: str = "1", sound: bool = True) -> SoundPlace:
        """A recording of a room begins, or goes on."""
        live = self.live(name, room_id)
        plan = RecordingPlan(name, segment_s=1)
        recording = Recording(
            f"rec-{name}", plan, live.room, "", START_MS, "recording", "", START_MS
        )
        known = f"rec-{name}" in self.places
        places = self.places.setdefault(recording.id, [])
        if not known:
            await self.rows.recordings.add(recording, "OD")

        async def listen(place: SoundPlace | None) -> None:
            await anyio.lowlevel.checkpoint()  # a worker has to be told
            places.append(place)

        await self.audio.recorded.join(recording, live, listen)
        self.audio.recorded.connection(recording.id, StateChanged("recording", "", now_ms()))
        info = INFO if sound else MediaInfo("h264", "", 96, 160, 10)
        opened = SegmentOpened(0, "", round(self._now_ms(places)), info)
        self.audio.recorded.opened(recording.id, live.room, opened)
        return next((place for place in reversed(places) if place), SoundPlace(0, ""))

    def _now_ms(self, places: list[SoundPlace | None]) -> float:
        return max((self.doorway.ends_ms[place] for place in places if place), default=START_MS)

    def live(self, name: str, room_id: str = "1") -> LiveRoom:
        return self.platform.go_live(name, f"http://127.0.0.1/{name}", room_id=room_id)

    def leave(self, name: str, *, server_stops: bool = False) -> None:
        self.audio.recorded.leave(f"rec-{name}", server_stops=server_stops)

    async def say(self, place: SoundPlace, text: str) -> None:
        """Somebody says something, and is silent then."""
        await self.doorway.bring(place, say(text, tail_s=0.7))

    def texts(self, room_id: str) -> list[object]:
        return [e.data["text"] for e in self.heard if e.type == "final" and e.subject == room_id]

    def states(self) -> list[tuple[object, object]]:
        return [(e.data["state"], e.data["reason"]) for e in self.heard if e.type == "state"]

    async def until_spans(self, room_id: str, wanted: list[Heard]) -> None:
        """Until that was heard of a broadcast; nothing tells of silence."""
        with anyio.fail_after(60):
            while await self.rows.spans.within(room_id, Window(0, 2 * START_MS)) != wanted:
                await anyio.lowlevel.checkpoint()

    async def segment(self, name: str, text: str, *, room_id: str = "1") -> Segment:
        """A closed file of a recording in which something is said from its beginning on."""
        sound = say(text, tail_s=0.7)
        path = f"/{name}.mp4"
        self.files[path] = sound
        window = Window(START_MS, START_MS + len(sound) // 16)
        file = ClosedFile(0, path, window, len(sound) // 16, 1, "h264", "aac", 96, 160, 10, "ready")
        segment = Segment(f"rec-{name}", room_id, name, "own", file, now_ms())
        await self.rows.segments.add(segment)
        return segment


class Failing(SpeechSession):
    """One with an error of ours."""

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        raise RuntimeError("an error of ours")


@asynccontextmanager
async def open_listening(
    folder: Path, *, off: bool = False, most: int = 8, ready: bool = True, end_s: float = 20
) -> AsyncIterator[ListeningHouse]:
    """The speech part of a server."""
    files = build_tone_model(folder / "tones")
    model = ModelFiles("tones", "sensevoice", files.model, files.tokens, files.vad)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            Database.open(f"sqlite:///{folder / 'hostcue.db'}")
        )

        def find() -> ModelFiles:
            house.looks += 1
            if house.lacks is not None:
                raise house.lacks
            return model

        engine = await stack.enter_async_context(SpeechEngine.open(find))
        tasks = await stack.enter_async_context(anyio.create_task_group())
        stack.callback(tasks.cancel_scope.cancel)
        rows = SpeechRows(
            Recordings(database, Vault.at(folder / "key")),
            Segments(database),
            SpeechSpans(database),
            Outbox(database, Comments(database)),
        )
        doorway, platform, utterances = Doorway(), Platform(), Utterances(database)
        here = Supply("tones", True, True, True)

        async def resolve(link: str, access: Access = DEFAULT_ACCESS) -> LiveRoom:
            await house.resolves.wait()
            return await platform.resolve(RecordingPlan(link, access=access))

        def room_of(link: str) -> Room:
            return platform.room_of(link)

        def new_session(
            session_id: str, plan: SpeechPlan, *, emit: Callable[[SpeechEvent], Awaitable[None]]
        ) -> SpeechSession:
            kind = Failing if house.fails else SpeechSession
            return kind(session_id, plan, engine=engine, emit=emit)

        audio = LiveAudio(
            tasks,
            ListeningParts(
                inlet=doorway,  # type: ignore[arg-type] # what it is to whoever uses it
                new_session=new_session,
                new_listener=lambda **more: Line(house, more),  # type: ignore[arg-type] # as above
                resolve=resolve,
                room_of=room_of,
                store=utterances,
                publish=lambda events: house.hear(events),
                end_s=end_s,
            ),
            rows,
            SpeechSupply(lambda: house.supply, here),
            plan=plan_of("fast"),
            offline_plan=plan_of("offline"),
            hear_file=partial(hear_file, engine=engine),
            engine_status=lambda: (engine.status, engine.waiting),
            off=off,
            most=most,
            offline_rules=OfflineRules(not_older_s=float("inf"), again_s=0),
        )
        supply = here if ready else Supply("tones", True, error=MISSING)
        house = ListeningHouse(audio, doorway, platform, rows, utterances, supply, [], tasks)
        house.resolves.set()
        await audio.look()
        database.on_commit(house.hear)
        database.on_commit(audio.committed)
        tasks.start_soon(audio.run)
        yield house
        with anyio.fail_after(30):
            await audio.close()
