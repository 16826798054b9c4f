from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import anyio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostcue.comments.douyin.capture import EARLIEST_MS, MAGIC, Capture, Captures, frames_in
from hostcue.comments.douyin.client import DouyinComments
from hostcue.comments.douyin.inbox import Inbox
from hostcue.comments.douyin.places import Places
from hostcue.comments.douyin.websocket import WebsocketWay
from hostcue.comments.replay import Fixtures, ReplaySource
from hostcue.errors import UpstreamChanged
from hostcue.model.comment import Comment
from hostcue.model.room import Room
from hostcue.platforms.douyin.pb import webcast_pb2 as pb
from hostcue.platforms.douyin.webs import DouyinWebs
from hostcue.sim.douyin import DouyinFace

NOW_MS = 1_764_000_000_000


def only(folder: Path) -> Path:
    (path,) = folder.glob("*.frames")
    return path


def test_frames_come_out_as_they_went_in(tmp_path: Path) -> None:
    frames = [(NOW_MS, b"\x00\xff"), (NOW_MS + 1, b""), (NOW_MS + 900, b"x" * 70_000)]
    with Captures(tmp_path).open("80017709309") as capture:
        assert capture is not None
        for received_ms, frame in frames:
            capture.write(frame, received_ms)
    assert list(frames_in(only(tmp_path))) == frames


def test_only_its_owner_can_read_a_capture(tmp_path: Path) -> None:
    with Captures(tmp_path / "captures").open("1"):
        path = only(tmp_path / "captures")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_room_is_captured_in_the_folder_whatever_it_is_called(tmp_path: Path) -> None:
    captures = Captures(tmp_path / "captures")
    for name in ("../../x", "", "a/b", "直播间", "a/b"):
        with captures.open(name):
            pass
    assert len(list((tmp_path / "captures").glob("*.frames"))) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["captures"]


def test_a_full_capture_takes_no_more_and_holds_what_it_has(tmp_path: Path) -> None:
    with Captures(tmp_path, max_bytes=100).open("1") as capture:
        assert capture is not None
        for number in range(10):
            capture.write(bytes(30), NOW_MS + number)
    assert [received_ms - NOW_MS for received_ms, _ in frames_in(only(tmp_path))] == [0, 1]


def test_a_full_folder_is_not_added_to(tmp_path: Path) -> None:
    (tmp_path / "old.frames").write_bytes(bytes(1000))
    with Captures(tmp_path, folder_bytes=1000).open("1") as capture:
        assert capture is None


def test_where_nothing_can_be_written_comments_go_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with Captures(tmp_path / "file" / "captures").open("1") as capture:
        assert capture is None
        delivery = Inbox("1", capture=capture).read_response(pb.Response(), NOW_MS)
    assert delivery == ()


def test_a_capture_that_cannot_be_written_any_more_costs_no_comment(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        inbox = Inbox("1", capture=Capture(full.fileno(), 10**6))
        message = pb.Message(method="WebcastChatMessage", msg_id=1)
        (event,) = inbox.read_response(pb.Response(messages=[message]), NOW_MS)
    assert isinstance(event, Comment)


def test_a_frame_cut_off_by_a_crash_is_left_out(tmp_path: Path) -> None:
    with Captures(tmp_path).open("1") as capture:
        assert capture is not None
        capture.write(b"whole", NOW_MS)
        capture.write(b"cut off", NOW_MS)
    path = only(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    assert list(frames_in(path)) == [(NOW_MS, b"whole")]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(), begins_well=st.booleans())
def test_any_file_is_a_capture_or_said_to_be_none(
    tmp_path: Path, data: bytes, begins_well: bool
) -> None:
    path = tmp_path / "any.frames"
    path.write_bytes(MAGIC + data if begins_well else data)
    with suppress(UpstreamChanged):
        assert all(received_ms >= EARLIEST_MS for received_ms, _ in frames_in(path))


async def test_what_a_room_sent_can_be_played_again(
    face: DouyinFace, room: Room, webs: DouyinWebs, tmp_path: Path
) -> None:
    source = DouyinComments(
        webs,
        (WebsocketWay(push_url=face.push_url),),
        places=Places(gap_s=0),
        confirm_s=0,
        captures=Captures(tmp_path),
    )
    lines = ["三号链接多少钱", "包邮吗", "完"]
    with anyio.fail_after(30):
        async with source.events(room) as events:
            for line in lines:
                face.say(line)
            async for event in events:
                if isinstance(event, Comment) and event.content == "完":
                    break
        fixtures = Fixtures(tmp_path)
        replay = ReplaySource(fixtures, speed=1000)
        async with replay.events(fixtures.room(only(tmp_path).stem)) as events:
            played = [event.content async for event in events if isinstance(event, Comment)]
    assert played == lines
    assert only(tmp_path).name.startswith(f"{face.live_id}_")
