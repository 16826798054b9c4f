"""One collector per room, shared, and no fault of a source goes beyond it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from hostcue.errors import BadRequest, Blocked, NotFound
from hostcue.model.comment import Comment, LiveEvent
from hostcue.model.event import Event
from hostcue.model.room import Room
from hostcue.pipeline.chats import Chats
from hostcue.storage.comments import Comments
from hostcue.storage.database import Database

ROOM = Room("own", "42", "42-1", "https://own.example/42", "小满")


class Source:
    """A source that does what its script says, one entry per connection."""

    def __init__(self, *script: Exception | list[LiveEvent]) -> None:
        self.script = list(script)
        self.connections = 0
        self.open = 0

    @asynccontextmanager
    async def events(self, room: Room) -> AsyncIterator[AsyncIterator[LiveEvent]]:
        step = self.script[self.connections] if self.connections < len(self.script) else []
        self.connections += 1

        async def stream() -> AsyncIterator[LiveEvent]:
            if isinstance(step, Exception):
                raise step
            for event in step:
                yield event
            await anyio.sleep_forever()

        self.open += 1
        try:
            yield stream()
        finally:
            self.open -= 1


def said(text: str) -> Comment:
    return Comment(text, "own", ROOM.room_id, "甲", text, 1000)


@asynccontextmanager
async def chats_of(source: Source, folder: Path) -> AsyncIterator[tuple[Chats, list[Event]]]:
    heard: list[Event] = []
    async with (
        Database.open(f"sqlite:///{folder / 'a.db'}") as database,
        anyio.create_task_group() as tasks,
    ):
        database.on_commit(heard.extend)
        yield Chats({"own": source}, Comments(database), heard.extend, tasks, retry_s=(0,)), heard
        tasks.cancel_scope.cancel()


async def until_heard(heard: list[Event], text: str) -> None:
    with anyio.fail_after(10):
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
        await chats.leave("42", "web")
        assert (source.connections, source.open) == (1, 1)
        await chats.leave("42", "recording")
        assert source.open == 0
        with pytest.raises(NotFound):
            chats.status("42")


async def test_a_refusal_is_not_tried_again_and_stays_visible(tmp_path: Path) -> None:
    source = Source(Blocked("no"))
    async with chats_of(source, tmp_path) as (chats, heard):
        await chats.join(ROOM, "a")
        with anyio.fail_after(10):
            while chats.status("42").running:
                await anyio.lowlevel.checkpoint()
        assert source.connections == 1
        assert chats.status("42").health.reason == "risk_control"
        assert [e.data["state"] for e in heard if e.type == "status"][-1] == "failed"


async def test_a_new_broadcast_of_the_room_is_collected_instead_of_the_old_one(
    tmp_path: Path,
) -> None:
    source = Source([said("旧")], [said("新")])
    async with chats_of(source, tmp_path) as (chats, heard):
        await chats.join(ROOM, "a")
        await until_heard(heard, "旧")
        await chats.join(Room("own", "42", "42-2", ROOM.url, "小满"), "a")
        await until_heard(heard, "新")
        assert chats.room_id_of("42") == "42-2"
        assert source.open == 1


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
            await chats.leave("42", "a")
