import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.errors import BadRequest, HostcueError, RoomNotFound
from hostcue.rooms.direct import DirectResolver

SECRET = "sign=5ec2e7"


@pytest.mark.parametrize(
    ("link", "container"),
    [
        ("http://cdn.example/live/room.flv", "flv"),
        (f"https://cdn.example/live/ROOM.FLV?{SECRET}", "flv"),
        ("https://cdn.example/live/room.m3u8?token=a.flv", "hls"),
        ("rtmp://cdn.example/app/key", "rtmp"),
        ("rtmps://cdn.example/app/key", "rtmp"),
        ("RTSP://user:pw@camera.example:8554/1", "rtsp"),
        ("  http://[2400:3200::1]:8080/room.flv\n", "flv"),
    ],
)
async def test_a_stream_s_address_is_a_room(link: str, container: str) -> None:
    resolver = DirectResolver()
    assert resolver.matches(link)
    live = await resolver.resolve(link, "HD")
    assert live.source.url == link.strip()
    assert live.source.container == container
    assert live.source.quality == "OD"
    assert live.room.platform == "direct"
    assert live.room.live_id == live.room.room_id
    assert live.room.anchor_name in link.lower()


@pytest.mark.parametrize(
    "link",
    [
        "",
        "room.flv",
        "http://cdn.example/room.mp4",
        "http://cdn.example/room?file=a.flv",
        "ftp://cdn.example/room.flv",
        "file:///etc/passwd",
        "/etc/passwd",
        "http://cdn.example:port/room.flv",
        "http://[::1/room.flv",
        "http://a b.example/room.flv",
        "http://127.0.0.1\\@cdn.example/room.flv",
        "http://cdn.example/\u2028room.flv",
    ],
)
def test_anything_else_is_not_taken(link: str) -> None:
    assert not DirectResolver().matches(link)


async def test_the_id_is_of_scheme_host_and_path_alone() -> None:
    live = await DirectResolver().resolve(f"http://user:pw@CDN.example:80/a/b.flv?{SECRET}", "OD")
    expected = hashlib.sha256(b"http://cdn.example/a/b.flv").hexdigest()[:16]
    assert live.room.room_id == expected
    assert live.room.anchor_name == "cdn.example"


@pytest.mark.parametrize(
    "other", ["https://cdn.example/a.flv", "http://cdn.example/b.flv", "http://x.example/a.flv"]
)
async def test_another_scheme_host_or_path_is_another_room(other: str) -> None:
    one = await DirectResolver().resolve("http://cdn.example/a.flv", "OD")
    assert one.room.room_id != (await DirectResolver().resolve(other, "OD")).room.room_id


async def test_what_is_shown_of_a_room_holds_no_secret() -> None:
    live = await DirectResolver().resolve(f"http://user:pw@cdn.example/a.flv?{SECRET}", "OD")
    assert live.room.url == "http://cdn.example/a.flv"


async def test_an_address_without_a_host_is_a_bad_request() -> None:
    with pytest.raises(BadRequest):
        await DirectResolver().resolve("http:///room.flv", "OD")


async def test_a_local_file_is_a_room_where_files_are_allowed(tmp_path: Path) -> None:
    file = tmp_path / "上新 录像.mp4"
    file.touch()
    resolver = DirectResolver(allow_files=True)
    for link in (str(file), file.as_uri()):
        assert resolver.matches(link)
        assert not DirectResolver().matches(link)
        live = await resolver.resolve(link, "OD")
        assert (live.source.url, live.source.container) == (str(file), "file")
        assert live.room.anchor_name == "上新 录像"
        assert len(live.room.room_id) == 16


async def test_a_file_that_is_not_there_is_a_room_not_found(tmp_path: Path) -> None:
    with pytest.raises(RoomNotFound):
        await DirectResolver(allow_files=True).resolve(str(tmp_path / "none.mp4"), "OD")


async def test_files_are_not_opened_where_they_are_not_allowed(tmp_path: Path) -> None:
    file = tmp_path / "a.mp4"
    file.touch()
    with pytest.raises(BadRequest):
        await DirectResolver().resolve(str(file), "OD")


@pytest.mark.parametrize(
    "link", ["80017709309", "live.douyin.com/80017709309", "file://server/share/a.mp4", "a\0.mp4"]
)
def test_with_files_allowed_other_links_are_still_not_files(link: str) -> None:
    assert not DirectResolver(allow_files=True).matches(link)


@given(link=st.text(max_size=80), allow_files=st.booleans())
async def test_any_text_is_a_room_or_one_of_our_errors(link: str, allow_files: bool) -> None:
    resolver = DirectResolver(allow_files=allow_files)
    try:
        live = await resolver.resolve(link, "OD")
    except HostcueError:
        return
    assert resolver.matches(link)
    assert live.source.url
