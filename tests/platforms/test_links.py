import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hostcue.platforms.douyin.links import LinkRef, ShortLink, is_douyin, is_live_id, parse

IDS = st.text(string.ascii_letters + string.digits + "_", min_size=4, max_size=20).map(
    lambda text: f"1{text}"
)
CHINESE = st.text("【】直播间，。！复制打开抖音 \n🎉", max_size=30)


@given(live_id=IDS)
def test_a_room_link_names_its_room(live_id: str) -> None:
    for link in (
        f"https://live.douyin.com/{live_id}",
        f"http://live.douyin.com/{live_id}/",
        f"https://live.douyin.com/{live_id}?room_id=7&enter_from=web",
        f"live.douyin.com/{live_id}",
        f"https://LIVE.douyin.com:443/{live_id}#top",
        f"https://www.douyin.com/root/live/{live_id}",
        f"https://www.douyin.com/follow/live/{live_id}?x=1",
    ):
        assert parse(link) == LinkRef(live_id)


@given(live_id=IDS)
def test_a_bare_id_names_its_room(live_id: str) -> None:
    assert parse(f"  {live_id}\n") == LinkRef(live_id)


@given(before=CHINESE, after=CHINESE, live_id=IDS)
def test_a_link_is_found_in_a_share_text(before: str, after: str, live_id: str) -> None:
    text = f"{before}https://live.douyin.com/{live_id} {after}"
    assert parse(text) == LinkRef(live_id)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (
            "7- 长按复制此条消息，打开抖音，看【小满的鞋铺】正在直播 "
            "https://v.douyin.com/iYxK8mQ/ 5@3.com :0pm",
            "https://v.douyin.com/iYxK8mQ/",
        ),
        ("看看（https://v.douyin.com/iYxK8mQ/）。", "https://v.douyin.com/iYxK8mQ/"),
        ("v.douyin.com/iYxK8mQ", "https://v.douyin.com/iYxK8mQ"),
        (
            "https://webcast.amemv.com/douyin/webcast/reflow/7300000000000000001?sec_user_id=MS4",
            "https://webcast.amemv.com/douyin/webcast/reflow/7300000000000000001?sec_user_id=MS4",
        ),
    ],
)
def test_a_share_link_is_one_that_only_douyin_can_resolve(text: str, url: str) -> None:
    assert parse(text) == ShortLink(url)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "hello",
        "not a link",
        "not-a-link",
        "123",
        "example.com",
        "foo1.flv",
        "https://live.douyin.com/",
        "https://live.douyin.com/category/1",
        "https://pull.douyin.com/live/room1.flv?sign=1",
        "https://live.douyin.com/room1.m3u8",
        "https://www.douyin.com/user/MS4wLjABAAAA",
        "https://v.douyin.com/",
        "https://evil.example/?u=https://live.douyin.com/80017709309",
        "https://evil-douyin.com/80017709309",
        "https://live.douyin.com.evil.example/80017709309",
        "https://live.douyin.com@evil.example/80017709309",
        "http://[::1/80017709309",
        "https://live.douyin.com:port/80017709309",
        "80017709309 80017709310",
        "https://live.bilibili.com/320",
        "1" * 3000,
    ],
)
def test_anything_else_is_not_taken(text: str) -> None:
    assert parse(text) is None


@given(text=st.text(max_size=200))
@example("https://live.douyin.com/\ud800")
@example("https://[v1.x]/live/abc1")
def test_any_text_gives_a_room_a_share_link_or_nothing(text: str) -> None:
    found = parse(text)
    match found:
        case LinkRef(live_id):
            assert is_live_id(live_id)
        case ShortLink(url):
            assert is_douyin(url)
        case None:
            pass


def test_rooms_of_another_web_face_are_recognised_beside_douyin_s() -> None:
    face = "http://127.0.0.1:8123"
    assert parse(f"{face}/80017709309", web_url=face) == LinkRef("80017709309")
    assert parse(f"{face}/share/abc", web_url=face) == ShortLink(f"{face}/share/abc")
    assert parse("https://live.douyin.com/80017709309", web_url=face) == LinkRef("80017709309")
    assert parse("http://127.0.0.1:8124/live/80017709309", web_url=face) is None
