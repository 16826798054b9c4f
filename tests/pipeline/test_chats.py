"""One collector per room, shared, and no fault of a source goes beyond it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from ready_database import open_database

from hostcue.comments.collector import CollectorHealth
from hostcue.comments.pseudonyms import Pseudonyms
from hostcue.errors import (
    AuthRequired,
    BadRequest,
    Blocked,
    NotFound,
    RoomOffline,
    TransportFailed,
)
from hostcue.model.comment import Comment, LiveEvent
from hostcue.model.event import Event
from hostcue.model.room import DEFAULT_ACCESS, Access, Room
from hostcue.pipeline.chat import ChatStatus, Pauses
from hostcue.pipeline.chats import Chats
from hostcue.storage.comments import Comments
from hostcue.web.contract.relay import RelayStatus

ROOM = Room("own", "42", "42-1", "https://own.example/42", "小满")


class Source:
    """A source that does what its script says, one entry per connection."""

    def __init__(self, *script: Exception | list[LiveEvent]) -> None:
        self.script = list(script)
        self.accesses: list[Access] = []
        self.hang_up = anyio.Event()
        self.connections = 0
        self.open = 0

    @asynccontextmanager
    async def events(
        self, room: Room, access: Access = DEFAULT_ACCESS
    ) -> AsyncIterator[AsyncIterator[LiveEvent]]:
        step = self.script[self.connections] if self.connections < len(self.script) else []
        self.connections += 1
        self.accesses.append(access)

        async def stream() -> AsyncIterator[LiveEvent]:
            if isinstance(step, Exception):
                raise step
            for event in step:
                yield event
            await self.hang_up.wait()
            raise TransportFailed("the line is gone")

        self.open += 1
        try:
            yield stream()
        finally:
            self.open -= 1


def said(text: str) -> Comment:
    return Comment(text, "own", ROOM.room_id, "甲", text, 1000)


@asynccontextmanager
async def chats_of(
    source: Source,
    folder: Path,
    *,
    retry_s: tuple[float, ...] = (0,),
    refused_s: tuple[float, ...] = (300,),
) -> AsyncIterator[tuple[Chats, list[Event]]]:
    heard: list[Event] = []
    async with (
        open_database(folder / "a.db") as database,
        anyio.create_task_group() as tasks,
    ):
        database.on_commit(heard.extend)
        chats = Chats(
            {"own": source, "other": source},
            Comments(database),
            heard.extend,
            tasks,
            pseudonyms=Pseudonyms(b"test"),
            pauses=Pauses(retry_s=retry_s, refused_s=refused_s),
        )
        yield chats, heard
        tasks.cancel_scope.cancel()


async def until_heard(heard: list[Event], text: str) -> None:
    with anyio.fail_after(30):
        while not any(event.data.get("content") == text for event in heard):
            await anyio.lowlevel.checkpoint()


async def test_a_bug_in_a_source_is_tried_again_and_ends_nothing_else(tmp_path: Path) -> None:
    source = Source(KeyError("a bug"), [said("多少钱")])
    async with chats_of(source, tmp_path) as (chats, heard):
        await chats.join(ROOM, "a")
        await until_heard(heard, "多少钱")
        assert source.connections == 2
        assert chats.status("42").health.state == "live"


async def test_two_owners_share_one_connection_and_the_last_one_ends_it(tmp_path: Path) -> None:
    source = Source([said("一")])
    async with chats_of(source, tmp_path) as (chats, heard):
        await chats.join(ROOM, "recording")
        await chats.join(ROOM, "web")
        await until_heard(heard, "一")
        await chats.leave(ROOM, "web")
        assert (source.connections, source.open) == (1, 1)
        await chats.leave(ROOM, "recording")
        assert source.open == 0
        with pytest.raises(NotFound):
            chats.status("42")


async def until(holds: Callable[[], bool]) -> None:
    with anyio.fail_after(30):
        while not holds():
            await anyio.lowlevel.checkpoint()


def statuses(heard: list[Event]) -> list[tuple[object, object]]:
    return [(e.data["state"], e.data["reason"]) for e in heard if e.type == "status"]


def gaps(heard: list[Event]) -> list[tuple[object, bool]]:
    return [(e.data["cause"], e.data["end_ts"] is None) for e in heard if e.type == "gap"]


async def test_a_refusal_stays_visible_and_is_tried_again_after_a_longer_pause(
    tmp_path: Path,
) -> None:
    source = Source(Blocked("no"), AuthRequired("a login"), [said("多少钱")])
    async with chats_of(source, tmp_path, refused_s=(0.2, 0.3)) as (chats, heard):
        began_s = anyio.current_time()
        await chats.join(ROOM, "a")
        await until(lambda: chats.status("42").health.reason == "risk_control")
        assert chats.status("42").running
        assert chats.status("42").health.state == "failed"
        await until_heard(heard, "多少钱")
        assert anyio.current_time() - began_s > 0.5
        await until(lambda: len(statuses(heard)) == 3)
        assert statuses(heard) == [
            ("failed", "risk_control"),
            ("failed", "auth_required"),
            ("live", ""),
        ]
        assert gaps(heard) == [("risk_control", True), ("risk_control", False)]


async def test_a_platform_that_says_for_how_long_is_left_alone_for_so_long(tmp_path: Path) -> None:
    refusal = Blocked("no")
    refusal.retry_after_s = 0.3
    source = Source(TransportFailed("gone"), refusal, [said("二")])
    async with chats_of(source, tmp_path, refused_s=(0,)) as (chats, heard):
        began_s = anyio.current_time()
        await chats.join(ROOM, "a")
        await until_heard(heard, "二")
        assert anyio.current_time() - began_s > 0.3
        assert gaps(heard) == [("transport_failed", True), ("transport_failed", False)]


async def test_another_cookie_is_tried_at_once(tmp_path: Path) -> None:
    source = Source(AuthRequired("a login"), [said("多少钱")])
    login = Access(cookie="sessionid=1")
    async with chats_of(source, tmp_path, refused_s=(3600,)) as (chats, heard):
        await chats.join(ROOM, "a")
        await until(lambda: chats.status("42").health.state == "failed")
        chats.renew(ROOM, DEFAULT_ACCESS)
        await anyio.wait_all_tasks_blocked()
        assert source.connections == 1
        chats.renew(ROOM, login)
        await until_heard(heard, "多少钱")
        assert source.accesses == [DEFAULT_ACCESS, login]


async def test_that_nobody_is_live_is_believed_when_it_was_said_twice(tmp_path: Path) -> None:
    source = Source(RoomOffline("a slip"), [said("在播")], RoomOffline("no"), RoomOffline("no"))
    async with chats_of(source, tmp_path) as (chats, heard):
        await chats.join(ROOM, "a")
        await until_heard(heard, "在播")
        source.hang_up.set()
        await until(lambda: not chats.status("42").running)
        assert source.connections == 4
        assert chats.status("42").health.reason == "room_offline"


async def test_a_new_broadcast_of_the_room_is_collected_instead_of_the_old_one(
    tmp_path: Path,
) -> None:
    source = Source([said("旧")], [said("新")])
    async with chats_of(source, tmp_path) as (chats, heard):
        await chats.join(ROOM, "a")
        await until_heard(heard, "旧")
        await chats.join(Room("own", "42", "42-2", ROOM.url, "小满"), "a")
        await until_heard(heard, "新")
        assert chats.room_id_of("own", "42") == "42-2"
        assert source.open == 1


async def test_rooms_of_two_platforms_may_have_one_number(tmp_path: Path) -> None:
    source = Source([said("一")], [said("二")])
    twin = Room("other", "42", "42-9", "https://other.example/42", "别家")
    async with chats_of(source, tmp_path) as (chats, heard):
        await chats.join(ROOM, "a")
        await until_heard(heard, "一")
        await chats.join(twin, "a")
        await until_heard(heard, "二")
        assert source.open == 2
        with pytest.raises(BadRequest, match=r"other.*own") as caught:
            chats.status("42")
        assert caught.value.field == "platform"
        assert chats.status("42", "other").room == twin
        assert chats.room_id_of("own", "42") == "42-1"
        await chats.leave(twin, "a")
        assert chats.status("42").room == ROOM
        assert source.open == 1


async def test_the_gap_that_lasts_is_told_and_so_is_the_remedy_of_who_failed(
    tmp_path: Path,
) -> None:
    source = Source([said("一")], Blocked("no", remedy="look at its screenshot"))
    async with chats_of(source, tmp_path) as (chats, heard):
        await chats.join(ROOM, "a")
        await until_heard(heard, "一")
        assert chats.status("42").gap is None
        source.hang_up.set()
        await until(lambda: chats.status("42").health.reason == "risk_control")
        status = chats.status("42")
        assert status.health.remedy == "look at its screenshot"
        assert status.gap is not None
        assert (status.gap.cause, status.gap.end_ms) == ("transport_failed", None)
        told = RelayStatus.of(status, {})
        assert told.remedy == "look at its screenshot"
        assert told.gap is not None
        assert (told.gap.cause, told.gap.since_ts) == ("transport_failed", status.gap.start_ms)


def test_when_a_broadcast_is_over_there_is_nothing_to_do_about_the_way_it_was_heard() -> None:
    health = CollectorHealth("live", "", 10, 5, 0, 3, 0, "", "polling", "auth_required")
    assert RelayStatus.of(ChatStatus(ROOM, 0, True, health), {}).remedy
    over = replace(health, state="ended")
    assert RelayStatus.of(ChatStatus(ROOM, 0, False, over), {}).remedy == ""


async def test_a_bug_in_a_source_is_shown_as_one(tmp_path: Path) -> None:
    source = Source(KeyError("a bug"))
    async with chats_of(source, tmp_path, retry_s=(3600,)) as (chats, _):
        await chats.join(ROOM, "a")
        await until(lambda: chats.status("42").health.state == "failed")
        assert chats.status("42").health.reason == "internal_error"


async def test_a_platform_without_a_source_is_refused_with_the_way_out(tmp_path: Path) -> None:
    async with chats_of(Source(), tmp_path) as (chats, _):
        with pytest.raises(BadRequest, match="elsewhere") as caught:
            await chats.join(Room("elsewhere", "1", "1", "", ""), "a")
        assert "ingest" in str(caught.value.remedy)


async def test_waiting_for_a_room_bears_that_other_rooms_come_and_go(tmp_path: Path) -> None:
    source = Source([said("一")], [said("二")])
    async with chats_of(source, tmp_path) as (chats, heard):
        await chats.join(ROOM, "a")
        await until_heard(heard, "一")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(chats.settled, ROOM.room_id, 2**60)
            await anyio.wait_all_tasks_blocked()
            await chats.join(Room("own", "43", "43-1", "", "别的"), "a")
            await chats.leave(ROOM, "a")
