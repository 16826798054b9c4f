from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

import anyio
import pytest

from hostcue.config import Settings
from hostcue.errors import ConfigError
from hostcue.model.comment import Comment, WayTaken
from hostcue.model.room import Room
from hostcue.platforms.douyin.webs import DouyinWebs
from hostcue.sim.douyin import DouyinFace
from hostcue.wiring.comments import fixtures, open_comments

ROOM = Room("douyin", "1", "2", "https://live.douyin.com/1", "小满")
LINE = '{"id": "1", "user": "爱***", "content": "包邮吗", "ts": 1764000000000}\n'


def settings(folder: Path, **variables: str) -> Settings:
    return Settings.only({"HOSTCUE_DATA_DIR": str(folder), **variables})


async def played(settings: Settings, room: Room) -> list[str]:
    with anyio.fail_after(30):
        async with (
            aclosing(DouyinWebs(settings.proxies)) as webs,
            open_comments(settings, webs) as sources,
            sources[room.platform].events(room) as events,
        ):
            assert await anext(events) == WayTaken("replay")
            return [event.content async for event in events if isinstance(event, Comment)]


@pytest.mark.parametrize("by", ["name", "path"])
async def test_a_file_can_be_played_for_every_room(tmp_path: Path, by: str) -> None:
    path = tmp_path / "captures" / "mine.jsonl"
    path.parent.mkdir()
    path.write_text(LINE, "utf-8")
    file = "mine" if by == "name" else str(path)
    for platform in ("douyin", "bilibili"):
        room = Room(platform, "1", "2", "https://example.com", "小满")
        wanted = settings(tmp_path, HOSTCUE_COMMENT_SOURCE="replay", HOSTCUE_REPLAY_FILE=file)
        assert await played(wanted, room) == ["包邮吗"]


async def test_a_file_that_is_not_there_is_said_at_the_start(tmp_path: Path) -> None:
    wanted = settings(tmp_path, HOSTCUE_COMMENT_SOURCE="replay", HOSTCUE_REPLAY_FILE="nothing")
    with pytest.raises(ConfigError) as refusal:
        await played(wanted, ROOM)
    assert refusal.value.field == "HOSTCUE_REPLAY_FILE"
    assert "selling_session" in (refusal.value.remedy or "")


async def test_a_fixture_is_played_wherever_other_comments_come_from(tmp_path: Path) -> None:
    wanted = settings(tmp_path, HOSTCUE_REPLAY_SPEED="100")
    assert "包邮吗" in await played(wanted, fixtures(wanted).room("every_kind"))


@pytest.mark.parametrize("wanted", ["true", "false"])
async def test_frames_are_captured_only_where_that_is_wanted(tmp_path: Path, wanted: str) -> None:
    async with DouyinFace.open(flv_url="http://127.0.0.1:9/live.flv", script=()) as face:
        ours = settings(
            tmp_path,
            HOSTCUE_CAPTURE_FRAMES=wanted,
            HOSTCUE_DOUYIN_WEB_URL=face.web_url,
            HOSTCUE_DOUYIN_PUSH_URL=face.push_url,
            HOSTCUE_DOUYIN_COMMENTS="websocket",
            HOSTCUE_DOUYIN_CONNECT_GAP_S="0",
        )
        room = Room("douyin", face.live_id, face.room_id, face.link, "小满")
        with anyio.fail_after(30):
            async with (
                aclosing(DouyinWebs(ours.proxies, base_url=face.web_url)) as webs,
                open_comments(ours, webs) as sources,
                sources["douyin"].events(room) as events,
            ):
                face.say("包邮吗")
                async for event in events:
                    if isinstance(event, Comment):
                        break
    captured = [name for name in fixtures(ours).names() if name.startswith(face.live_id)]
    assert len(captured) == (1 if wanted == "true" else 0)
