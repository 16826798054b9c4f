from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostcue.comments.douyin.capture import MAGIC
from hostcue.comments.replay import Fixtures, ReplaySource
from hostcue.errors import NotFound, UpstreamChanged
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
from hostcue.model.room import Room

THEN_MS = 1_700_000_000_000
DOUYIN = Room("douyin", "80017709309", "7512345678901234567", "https://live.douyin.com/1", "小满")


def line(number: int, *, after_ms: int = 0, **fields: object) -> str:
    body = {
        "id": str(number),
        "user": "爱***",
        "content": f"第 {number} 条",
        "ts": THEN_MS + after_ms,
    }
    return json.dumps({**body, **fields}, ensure_ascii=False)


def write(folder: Path, *lines: str, name: str = "mine.jsonl") -> Path:
    path = folder / name
    path.write_text("\n".join(lines), "utf-8")
    return path


async def play(source: ReplaySource, room: Room) -> list[LiveEvent]:
    with anyio.fail_after(30):
        async with source.events(room) as events:
            return [event async for event in events]


def comments(events: list[LiveEvent]) -> list[Comment]:
    return [event for event in events if isinstance(event, Comment)]


def test_what_comes_with_hostcue_and_what_was_captured_can_be_played(tmp_path: Path) -> None:
    write(tmp_path, name="mine.jsonl")
    write(tmp_path, name="notes.txt")
    assert set(Fixtures(tmp_path).names()) == {"selling_session", "every_kind", "mine"}
    assert "mine" not in Fixtures(tmp_path / "missing").names()


@pytest.mark.parametrize("name", ["", "..", "../secret", "/etc/passwd", "mine.jsonl", "secret"])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    (tmp_path / "captures").mkdir()
    write(tmp_path, name="secret.jsonl")
    write(tmp_path / "captures", name="mine.jsonl")
    with pytest.raises(NotFound) as refusal:
        Fixtures(tmp_path / "captures").room(name)
    assert refusal.value.remedy


def test_a_played_room_is_marked_as_one(tmp_path: Path) -> None:
    room = Fixtures(tmp_path).room("selling_session")
    assert (room.platform, room.live_id) == ("replay", "replay-selling_session")
    assert room.anchor_name == "回放 selling_session"
    assert room.room_id.startswith("replay-selling_session-")


async def test_lines_are_played_in_this_room_and_at_this_time(tmp_path: Path) -> None:
    path = write(tmp_path, line(1, viewer="ab12"), line(2, after_ms=200, type="member"))
    before_ms = now_ms()
    events = await play(ReplaySource(Fixtures(tmp_path), file=path), DOUYIN)
    assert events[0] == WayTaken("replay")
    first, second = comments(events)
    assert (first.content, first.viewer, second.kind) == ("第 1 条", "ab12", "enter")
    assert {(one.platform, one.room_id) for one in (first, second)} == {
        (DOUYIN.platform, DOUYIN.room_id)
    }
    assert first.metadata == {"replay": "mine"}
    assert before_ms <= first.ts_ms <= now_ms()
    assert second.ts_ms - first.ts_ms == 200


async def test_it_is_played_at_its_own_pace_or_faster(tmp_path: Path) -> None:
    path = write(tmp_path, line(1), line(2, after_ms=400))
    began_ms = now_ms()
    await play(ReplaySource(Fixtures(tmp_path), file=path), DOUYIN)
    took_ms = now_ms() - began_ms
    path = write(tmp_path, line(1), line(2, after_ms=400_000))
    with anyio.fail_after(30):
        first, second = comments(
            await play(ReplaySource(Fixtures(tmp_path), file=path, speed=10_000), DOUYIN)
        )
    assert took_ms >= 390
    assert second.ts_ms - first.ts_ms == 40


async def test_played_again_nothing_is_taken_for_a_repetition(tmp_path: Path) -> None:
    source = ReplaySource(Fixtures(tmp_path), file=write(tmp_path, line(1)))
    (first,) = comments(await play(source, DOUYIN))
    await anyio.sleep(0.002)
    (again,) = comments(await play(source, DOUYIN))
    assert first.id != again.id


async def test_lines_that_are_no_comments_are_counted(tmp_path: Path) -> None:
    odd = ("{", "[]", '{"id": "1"}', line(2, ts="soon"), line(3, ts=10**30), line(4, ts=True))
    path = write(tmp_path, *odd, line(5, type="room_user_stats"), "", line(6, metadata=[]))
    events = await play(ReplaySource(Fixtures(tmp_path), file=path), DOUYIN)
    assert [comment.content for comment in comments(events)] == ["第 6 条"]
    assert events[-1] == Tally(unknown={"room_user_stats": 1}, unreadable={"line": len(odd)})


async def test_every_kind_of_message_is_played_as_its_event(tmp_path: Path) -> None:
    fixtures = Fixtures(tmp_path)
    room = fixtures.room("every_kind")
    before_ms = now_ms()
    events = await play(ReplaySource(fixtures, speed=1000), room)
    kinds = {comment.kind for comment in comments(events)}
    forms = {comment.metadata.get("form", "") for comment in comments(events)}
    assert kinds == {"chat", "gift", "like", "follow", "enter", "share", "fans_club"}
    assert forms == {"", "emoji", "screen", "privilege_screen", "audio", "hot"}
    assert {type(event) for event in events} == {
        WayTaken,
        Comment,
        RoomStats,
        ProductChange,
        RoomControl,
        Tally,
    }
    assert all(abs(one.ts_ms - before_ms) < 20_000 for one in comments(events))
    tally = events[-1]
    assert isinstance(tally, Tally)
    assert tally.unreadable == {}
    assert sum(tally.unknown.values()) == 1


async def test_the_end_of_another_room_does_not_end_this_one(tmp_path: Path) -> None:
    fixtures = Fixtures(tmp_path)
    source = ReplaySource(fixtures, file=fixtures.path("every_kind"), speed=1000)
    events = await play(source, DOUYIN)
    assert not any(isinstance(event, RoomControl) for event in events)
    assert {comment.platform for comment in comments(events)} == {"douyin"}


async def test_the_packaged_session_is_five_minutes_of_questions(tmp_path: Path) -> None:
    fixtures = Fixtures(tmp_path)
    events = await play(ReplaySource(fixtures, speed=10_000), fixtures.room("selling_session"))
    played = comments(events)
    assert len(played) > 500
    assert sum("多少钱" in comment.content for comment in played) > 10
    assert not any(isinstance(event, Tally) for event in events)


async def test_what_is_no_capture_is_not_played(tmp_path: Path) -> None:
    path = write(tmp_path, "no frames", name="mine.frames")
    source = ReplaySource(Fixtures(tmp_path), file=path)
    with pytest.raises(UpstreamChanged, match="no capture"):
        await play(source, DOUYIN)


async def test_a_damaged_frame_is_counted_and_the_rest_played(tmp_path: Path) -> None:
    whole = Fixtures(tmp_path).path("every_kind").read_bytes()[len(MAGIC) :]
    damaged = THEN_MS.to_bytes(8, "big") + (2).to_bytes(4, "big") + b"\xff\xff"
    path = tmp_path / "mine.frames"
    path.write_bytes(MAGIC + damaged + whole)
    events = await play(ReplaySource(Fixtures(tmp_path), file=path, speed=10**9), DOUYIN)
    assert isinstance(events[-1], Tally)
    assert events[-1].unreadable == {"frame": 1}
    assert len(comments(events)) > 10


async def test_leaving_in_the_middle_closes_the_file(tmp_path: Path) -> None:
    fixtures = Fixtures(tmp_path)
    with anyio.fail_after(30):
        async with ReplaySource(fixtures).events(fixtures.room("selling_session")) as events:
            async for event in events:
                if isinstance(event, Comment):
                    break


async def test_a_file_that_has_gone_cannot_be_played(tmp_path: Path) -> None:
    path = write(tmp_path, line(1))
    fixtures = Fixtures(tmp_path)
    room = fixtures.room("mine")
    path.unlink()
    with pytest.raises(NotFound):
        await play(ReplaySource(fixtures), room)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(data=st.binary())
async def test_any_bytes_can_be_tried_as_lines(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any.jsonl"
    path.write_bytes(data)
    await play(ReplaySource(Fixtures(tmp_path), file=path, speed=10**9), DOUYIN)
