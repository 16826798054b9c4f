import json
from collections.abc import Mapping
from contextlib import suppress
from itertools import combinations
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.errors import (
    AuthRequired,
    Blocked,
    HostcueError,
    NotStreaming,
    RoomNotFound,
    RoomOffline,
    TransportFailed,
    UpstreamChanged,
)
from hostcue.model.room import Quality
from hostcue.platforms.douyin.broadcast import Broadcast, Stream, parse_enter, parse_reflow

QUALITIES: tuple[Quality, ...] = get_args(Quality)
SECRET = "sign=5ec2e7"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=10,
)


def stream_url() -> dict[str, object]:
    sdk = {
        "data": {
            tier: {
                "main": {
                    "flv": f"https://cdn.example/{tier}.flv?{SECRET}",
                    "hls": f"https://cdn.example/{tier}.m3u8?{SECRET}",
                }
            }
            for tier in ("origin", "ao")
        }
    }
    return {
        "flv_pull_url": {
            tier: f"https://cdn.example/{tier}.flv" for tier in ("FULL_HD1", "HD1", "SD1", "SD2")
        },
        "hls_pull_url_map": {"FULL_HD1": "https://cdn.example/FULL_HD1.m3u8"},
        "live_core_sdk_data": {"pull_data": {"stream_data": json.dumps(sdk)}},
    }


def enter(
    room: Mapping[str, object] | None = None, status_code: object = 0, **data: object
) -> bytes:
    """An answer of `web/enter` for a live room, changed as told."""
    live = {
        "id_str": "7300000000000000001",
        "status": 2,
        "title": "上新",
        "stream_url": stream_url(),
    }
    body = {"data": [live | dict(room or {})], "user": {"nickname": "小满"}} | data
    return json.dumps({"data": body, "status_code": status_code}).encode()


def test_a_live_room_has_its_ids_names_and_all_its_streams() -> None:
    found = parse_enter(enter(), "80017709309")
    assert (found.live_id, found.room_id) == ("80017709309", "7300000000000000001")
    assert (found.anchor_name, found.title) == ("小满", "上新")
    assert {quality: stream.flv.split("?")[0] for quality, stream in found.streams.items()} == {
        "OD": "https://cdn.example/origin.flv",
        "BD": "https://cdn.example/FULL_HD1.flv",
        "UHD": "https://cdn.example/HD1.flv",
        "HD": "https://cdn.example/SD2.flv",
        "SD": "https://cdn.example/SD1.flv",
    }
    assert found.streams["OD"].hls == f"https://cdn.example/origin.m3u8?{SECRET}"
    assert found.streams["BD"].hls == "https://cdn.example/FULL_HD1.m3u8"


def test_signed_addresses_are_not_shown() -> None:
    assert SECRET not in repr(parse_enter(enter(), "1234"))


@pytest.mark.parametrize("broken", ["", "{", "[]", "{}", '{"data": {"origin": 1}}', "[" * 100_000])
def test_without_the_sdk_s_list_the_other_two_serve(broken: str) -> None:
    streams = stream_url() | {"live_core_sdk_data": {"pull_data": {"stream_data": broken}}}
    found = parse_enter(enter({"stream_url": streams}), "1234")
    assert list(found.streams) == ["BD", "UHD", "HD", "SD"]


def test_the_anchor_s_name_falls_back_to_the_owner_and_then_to_the_id() -> None:
    owner = {"owner": {"nickname": "老王"}}
    assert parse_enter(enter(owner, user=None), "1234").anchor_name == "老王"
    assert parse_enter(enter(user=None), "1234").anchor_name == "1234"


def test_lone_surrogates_do_not_get_into_names() -> None:
    found = parse_enter(enter(user={"nickname": "a\ud800b"}), "1234")
    assert found.anchor_name.encode()


@given(wanted=st.sampled_from(QUALITIES), available=st.sets(st.sampled_from(QUALITIES), min_size=1))
def test_the_nearest_quality_is_the_next_lower_else_the_next_higher(
    wanted: Quality, available: set[Quality]
) -> None:
    streams = {quality: Stream(flv=quality) for quality in available}
    got, stream = Broadcast("1", "2", "", "", streams).nearest(wanted)
    assert stream.flv == got
    at, place = QUALITIES.index(wanted), QUALITIES.index(got)
    places = [QUALITIES.index(quality) for quality in available]
    lower = [i for i in places if i >= at]
    assert place == (min(lower) if lower else max(places))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (enter({"status": 4}), RoomOffline),
        (enter(status_code=30003), RoomOffline),
        (enter(status_code=10011, message="room has finished"), RoomOffline),
        (enter(data=[], prompts="直播已结束"), RoomOffline),
        (enter(data=[], room_status=2, user=None), RoomOffline),
        (enter(data=[]), RoomOffline),
        (enter(data=[], prompts="直播间不存在"), RoomNotFound),
        (enter(data=[], user=None), RoomNotFound),
        (enter(status_code=4003034, prompts="不在主播设置的可见范围"), AuthRequired),
        (enter(status_code=8), AuthRequired),
        (enter(data=[], prompts="请先登录"), AuthRequired),
        (enter(status_code=1, prompts="请完成验证"), Blocked),
        (b"<html><div id='captcha_container'></div></html>", Blocked),
        (enter(status_code=10001), TransportFailed),
        (enter({"status": 3}), NotStreaming),
        (enter({"status": 1}), NotStreaming),
        (enter({"stream_url": None}), NotStreaming),
        (enter({"status": 7}), UpstreamChanged),
        (enter({"status": "2"}), UpstreamChanged),
        (enter({"id_str": "../etc"}), UpstreamChanged),
        (enter(data={}), UpstreamChanged),
        (enter(status_code=4242), UpstreamChanged),
        (b"<html>maintenance</html>", UpstreamChanged),
        (b"\xff\xfe", UpstreamChanged),
        (b"[1" * 50_000, UpstreamChanged),
        (b"null", UpstreamChanged),
    ],
)
def test_each_answer_that_is_no_broadcast_has_its_error(
    body: bytes, error: type[HostcueError]
) -> None:
    with pytest.raises(error) as caught:
        parse_enter(body, "80017709309")
    assert type(caught.value) is error


def test_paused_and_starting_rooms_are_worth_asking_again() -> None:
    rooms: list[dict[str, object]] = [{"status": 1}, {"status": 3}, {"stream_url": {}}]
    for room in rooms:
        with pytest.raises(TransportFailed) as caught:
            parse_enter(enter(room), "1234")
        assert caught.value.retryable


@given(body=JSON | st.builds(lambda **data: {"data": data}, data=JSON, user=JSON, prompts=JSON))
def test_any_json_is_a_broadcast_or_one_of_our_errors(body: object) -> None:
    _parses(json.dumps(body).encode())


@given(
    room=st.dictionaries(
        st.sampled_from(["id_str", "id", "status", "title", "owner", "stream_url"]), JSON
    ),
    streams=st.dictionaries(
        st.sampled_from(["flv_pull_url", "hls_pull_url_map", "live_core_sdk_data"]), JSON
    ),
    code=JSON,
)
def test_a_room_with_any_field_wrong_is_a_broadcast_or_one_of_our_errors(
    room: dict[str, object], streams: dict[str, object], code: object
) -> None:
    _parses(enter({"stream_url": stream_url() | streams} | room, status_code=code))


@given(body=st.binary(max_size=200))
def test_any_bytes_are_a_broadcast_or_one_of_our_errors(body: bytes) -> None:
    _parses(body)


def _parses(body: bytes) -> None:
    for parse in (lambda: parse_enter(body, "1234"), lambda: parse_reflow(body)):
        with suppress(HostcueError):
            parse()


@pytest.mark.parametrize("missing", [*combinations(("data", "room", "owner", "web_rid"), 1)])
def test_a_share_link_s_room_is_found_only_if_it_is_named(missing: tuple[str]) -> None:
    body: object = "80017709309"
    for name in ("web_rid", "owner", "room", "data"):
        body = {name: body} if name not in missing else {}
    with pytest.raises(RoomNotFound):
        parse_reflow(json.dumps(body).encode())


def test_a_share_link_s_room_is_read() -> None:
    body = {"data": {"room": {"owner": {"web_rid": "80017709309"}}}}
    assert parse_reflow(json.dumps(body).encode()) == "80017709309"
