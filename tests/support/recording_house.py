"""A supervisor with all below it in this process, and a platform that answers as it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
from anyio.abc import TaskGroup
from ready_database import open_database

from hostcue.comments.pseudonyms import Pseudonyms
from hostcue.config import Settings
from hostcue.errors import AuthRequired, HostcueError, RoomOffline
from hostcue.model.clock import now_ms
from hostcue.model.comment import LiveEvent
from hostcue.model.event import Event
from hostcue.model.network import AddressPolicy
from hostcue.model.recording import RecordingPlan
from hostcue.model.room import DEFAULT_ACCESS, Access, LiveRoom, Room, StreamSource
from hostcue.model.segment import Segment
from hostcue.pipeline.broadcast import Recordable
from hostcue.pipeline.chat import Pauses
from hostcue.pipeline.chats import Chats
from hostcue.pipeline.disk_gate import DiskGate
from hostcue.pipeline.live_audio import LiveAudio
from hostcue.pipeline.logbook import Books
from hostcue.pipeline.overview import RecordingStatus
from hostcue.pipeline.supervisor import Supervisor
from hostcue.pipeline.watch import Polling
from hostcue.recording.engine import Engine
from hostcue.recording.recorder import Recorder
from hostcue.recording.stream_keeper import StreamRules
from hostcue.storage.comments import Comments
from hostcue.storage.gaps import Gaps
from hostcue.storage.outbox import Outbox
from hostcue.storage.recordings import Recordings
from hostcue.storage.segments import Segments
from hostcue.storage.vault import Vault
from hostcue.wiring.speech import open_live_audio
from hostcue.wiring.stores import stores_of


@dataclass
class Platform:
    """Rooms by link: live with a stream, or the error that is answered; comments on demand.

    A `mistake` is what no resolver should raise.
    """

    answers: dict[str, LiveRoom | HostcueError] = field(default_factory=dict)
    asked: list[tuple[str, Access]] = field(default_factory=list)
    mistake: Exception | None = None
    wants_login: bool = False
    """Whether comments are only given to those with a cookie."""
    listened_to: anyio.Event = field(default_factory=anyio.Event)
    """Set by the first comment line."""
    _lines: dict[str, anyio.abc.ObjectSendStream[LiveEvent]] = field(default_factory=dict)

    def go_live(self, link: str, url: str, *, room_id: str = "1", live_id: str = "") -> LiveRoom:
        live_id = live_id or link
        room = Room("own", live_id, room_id, link, f"host-{live_id}", f"title {room_id}")
        live = LiveRoom(room, StreamSource(url, "flv"))
        self.answers[link] = live
        return live

    def go_offline(self, link: str) -> None:
        self.answers[link] = RoomOffline("nobody is live")

    async def resolve(self, plan: RecordingPlan) -> LiveRoom:
        self.asked.append((plan.link, plan.access))
        answer = self.answers.get(plan.link, RoomOffline("nobody is live"))
        await anyio.lowlevel.checkpoint()
        if self.mistake is not None:
            raise self.mistake
        if isinstance(answer, HostcueError):
            raise answer
        return answer

    def room_of(self, link: str) -> Room:
        """Links tell nothing of a room, as share links do not."""
        return Room("own", "", "", link, "")

    async def resolve_link(self, link: str, _: object, access: Access) -> LiveRoom:
        """As resolvers do."""
        return await self.resolve(RecordingPlan(link, access=access))

    async def say(self, live_id: str, event: LiveEvent) -> None:
        """Over the comment line of a room that is connected."""
        await self._lines[live_id].send(event)

    @asynccontextmanager
    async def events(
        self, room: Room, access: Access = DEFAULT_ACCESS
    ) -> AsyncIterator[AsyncIterator[LiveEvent]]:
        if self.wants_login and not access.cookie:
            raise AuthRequired("only with a login")
        send, receive = anyio.create_memory_object_stream[LiveEvent](8)
        self._lines[room.live_id] = send
        self.listened_to.set()
        async with send, receive:
            yield receive


@dataclass
class House:
    """One run of a server, without its web part."""

    supervisor: Supervisor
    platform: Platform
    gate: DiskGate
    gaps: Gaps
    segments: Segments
    heard: list[Event]
    tasks: TaskGroup
    _news: list[anyio.Event]
    audio: LiveAudio | None = None

    async def until(self, holds: Callable[[], bool], within_s: float = 30) -> None:
        """Wait for events until something is true."""
        with anyio.fail_after(within_s):
            while not holds():
                await self._news[0].wait()

    async def until_state(
        self, recording_id: str, state: str, reason: str | None = None, *, times: int = 1
    ) -> None:
        """Wait until a recording was in a state, since the house was opened."""
        try:
            await self.until(
                lambda: (
                    self.states(recording_id).count((state, reason)) >= times
                    if reason is not None
                    else [s for s, _ in self.states(recording_id)].count(state) >= times
                )
            )
        except TimeoutError:
            raise TimeoutError(f"{state} {reason}: {self.states(recording_id)}") from None

    async def until_segments(self, recording_id: str, count: int) -> None:
        await self.until(lambda: len(self.of("segment_ready", recording_id)) >= count)

    def of(self, kind: str, recording_id: str) -> list[dict[str, object]]:
        return [
            dict(event.data)
            for event in self.heard
            if event.type == kind and event.subject == recording_id
        ]

    def states(self, recording_id: str) -> list[tuple[object, object]]:
        return [
            (data["state"], data["reason"]) for data in self.of("recording_state", recording_id)
        ]

    def comment_states(self, room_id: str) -> list[tuple[object, object]]:
        """What was said of the collection of a broadcast's comments."""
        return [
            (event.data["state"], event.data["reason"])
            for event in self.heard
            if event.type == "status" and event.subject == room_id
        ]

    async def watch(self, link: str, **more: object) -> str:
        plan = RecordingPlan(link, segment_s=1, monitor=True, **more)  # type: ignore[arg-type] # test shorthand
        recording, already = await self.supervisor.start(plan)
        assert not already
        return recording.id

    async def status(self, recording_id: str) -> RecordingStatus:
        return await self.supervisor.status(recording_id)


class _Links:
    """A platform as all resolvers in one are."""

    def __init__(self, platform: Platform) -> None:
        self.resolve = platform.resolve_link
        self.room_of = platform.room_of


@asynccontextmanager
async def open_house(
    folder: Path,
    platform: Platform,
    *,
    max_recordings: int = 16,
    poll_s: float = 0.05,
    clock: Callable[[], int] = now_ms,
    offline_recheck_s: float = 0.2,
    gate: DiskGate | None = None,
    stop: bool = True,
    comments: bool = True,
    resume_after_s: tuple[float, ...] = (0, 0.05),
    speech: Mapping[str, str] | None = None,
) -> AsyncIterator[House]:
    """A server's life; `stop` false leaves it as a crash does: nothing is closed or said.

    With `speech`, its settings, rooms are listened to.
    """
    heard: list[Event] = []
    news = [anyio.Event()]

    def hear(events: object) -> None:
        heard.extend(events)  # type: ignore[arg-type] # a sequence of events
        news[0].set()
        news[0] = anyio.Event()

    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(folder / "hostcue.db"))
        database.on_commit(hear)
        engine = await stack.enter_async_context(Engine.open())
        tasks = await stack.enter_async_context(anyio.create_task_group())
        stack.callback(tasks.cancel_scope.cancel)
        gate = gate or DiskGate()
        segments, gaps = Segments(database), Gaps(database)
        vault = Vault.at(folder / "key")
        chats = Chats(
            {"own": platform} if comments else {},
            Comments(database),
            hear,
            tasks,
            pseudonyms=Pseudonyms(b"test"),
            pauses=Pauses(retry_s=(0.05,)),
        )
        audio: LiveAudio | None = None
        if speech is not None:
            audio = await stack.enter_async_context(
                open_live_audio(
                    Settings.only({"HOSTCUE_ALLOW_PRIVATE_URLS": "true", **speech}),
                    stores_of(database, vault),
                    database,
                    Outbox(database, Comments(database)),
                    hear,
                    engine,
                    _Links(platform),  # type: ignore[arg-type] # what it is to whoever uses it
                )
            )

        async def closed(segment: Segment) -> None:
            if audio is not None:
                audio.closed(segment)

        supervisor = Supervisor(
            tasks,
            engine=engine,
            books=Books(Recordings(database, vault), segments, gaps, analyse=closed),
            chats=chats,
            parts=Recordable(
                recorder=partial(
                    Recorder,
                    engine,
                    zone="Asia/Shanghai",
                    policy=AddressPolicy(allow_private=True),
                    rules=StreamRules(
                        ladder_s=(0.0, 0.05, 0.1),
                        resolve_ladder_s=(0.1,),
                        offline_recheck_s=offline_recheck_s,
                    ),
                ),
                resolve=platform.resolve,
                room_of=platform.room_of,
                gate=gate,
                polling=Polling(poll_s),
                zone="Asia/Shanghai",
                clock=clock,
                resume_after_s=resume_after_s,
                offline_recheck_s=offline_recheck_s,
                speech=audio.recorded if audio is not None else None,
            ),
            records_root=folder / "records",
            max_recordings=max_recordings,
            spread_s=0.01,
        )
        await supervisor.take_up()
        yield House(supervisor, platform, gate, gaps, segments, heard, tasks, news, audio)
        if stop:
            with anyio.fail_after(30):
                await supervisor.close()
