"""A relay's JSON in our own words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.comments.relay_fields import RelayFields, UnknownKind
from hostcue.errors import ConfigError, UpstreamChanged
from hostcue.model.comment import Comment, Gap, LiveEvent, ProductChange, RoomControl, RoomStats
from hostcue.model.room import Room

ROOM = Room("douyin", "80017709309", "7576912345678901234", "https://live.douyin.com/1", "小满")
NOW_MS = 1_764_000_012_345


def read(message: object, fields: str = "") -> list[LiveEvent]:
    text = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
    relay_fields = RelayFields.parse(fields)
    found = [relay_fields.read(each, ROOM, NOW_MS) for each in relay_fields.messages(text)]
    return [event for event in found if event is not None]


def the_comment(message: object, fields: str = "") -> Comment:
    (event,) = read(message, fields)
    assert isinstance(event, Comment)
    return event


def test_a_comment_of_another_hostcue_is_taken_as_it_is() -> None:
    data = {
        "id": "7576912345678909999",
        "user": "爱***",
        "content": "这双多少钱",
        "ts": NOW_MS - 500,
        "room_id": ROOM.room_id,
        "platform": "douyin",
        "metadata": {"level": "12"},
        "viewer": "9f86d081884c7d65",
    }
    assert the_comment({"type": "chat", "data": data}) == Comment(
        id="7576912345678909999",
        platform="douyin",
        room_id=ROOM.room_id,
        user="爱***",
        content="这双多少钱",
        ts_ms=NOW_MS - 500,
        kind="chat",
        metadata={"level": "12"},
        viewer="9f86d081884c7d65",
    )


def test_a_batch_is_its_events_in_order() -> None:
    data = [{"type": "chat", "data": {"id": n, "content": f"{n}"}, "id": n} for n in (1, 2)]
    assert [e.content for e in read({"type": "batch", "data": data}) if isinstance(e, Comment)] == [
        "1",
        "2",
    ]


@pytest.mark.parametrize(
    ("message", "kind", "who", "what"),
    [
        ({"msg_id": 7, "nickname": "甲", "text": "在吗"}, "chat", "甲", "在吗"),
        ({"type": "danmu", "user": {"nickname": "乙"}, "content": "在吗"}, "chat", "乙", "在吗"),
        (
            {"method": "WebcastChatMessage", "user": {"nickName": "丙"}, "content": "在吗"},
            "chat",
            "丙",
            "在吗",
        ),
        ({"MsgId": 7, "User": {"Nickname": "丁"}, "Content": "在吗"}, "chat", "丁", "在吗"),
        ({"type": "member", "data": {"user": "戊"}}, "enter", "戊", ""),
        ({"method": "WebcastLikeMessage", "nickname": "己", "count": 5}, "like", "己", ""),
        ({"type": "fans_club", "data": {"user": "庚"}}, "fans_club", "庚", ""),
    ],
)
def test_flat_bodies_of_usual_collectors_are_understood(
    message: object, kind: str, who: str, what: str
) -> None:
    comment = the_comment(message)
    assert (comment.kind, comment.user, comment.content) == (kind, who, what)


def test_fields_are_found_where_the_setting_says() -> None:
    message = {
        "event": {"name": "chat"},
        "payload": {"body": "几号链接", "who": {"nick": "辛", "key": 42}, "at": 1_764_000_000},
    }
    fields = (
        "type=event.name, content=payload.body,user=payload.who.nick,"
        "user_id=payload.who.key,ts=payload.at"
    )
    comment = the_comment(message, fields)
    assert (comment.content, comment.user, comment.viewer) == ("几号链接", "辛", "42")
    assert comment.ts_ms == 1_764_000_000_000


@pytest.mark.parametrize("fields", ["content", "content=", "content=a..b", "who=a", "=a"])
def test_a_setting_that_makes_no_sense_is_refused(fields: str) -> None:
    with pytest.raises(ConfigError) as failure:
        RelayFields.parse(fields)
    assert failure.value.field == "HOSTCUE_RELAY_FIELDS"


@pytest.mark.parametrize(
    ("given_ts", "ts_ms"),
    [
        (1_764_000_000, 1_764_000_000_000),
        ("1764000007", 1_764_000_007_000),
        (1_764_000_000_123, 1_764_000_000_123),
        (1_764_000_000_123_456, 1_764_000_000_123),
        (1_764_000_000.5, 1_764_000_000_500),
        (None, NOW_MS),
        ("yesterday", NOW_MS),
        (-5, NOW_MS),
        (float("inf"), NOW_MS),
        (float("nan"), NOW_MS),
    ],
)
def test_a_time_is_told_by_its_magnitude(given_ts: object, ts_ms: int) -> None:
    comment = the_comment({"content": "早", "ts": given_ts})
    assert abs(comment.ts_ms - ts_ms) <= 1


def test_what_has_no_id_gets_the_same_each_time() -> None:
    message = {"user": "甲", "content": "早", "ts": 1_764_000_000}
    assert the_comment(message).id == the_comment(message).id
    assert the_comment(message).id != the_comment({**message, "content": "晚"}).id


def test_what_is_of_another_room_is_left_to_it() -> None:
    assert read({"type": "chat", "data": {"content": "别处", "room_id": "1"}}) == []
    assert read({"type": "chat", "data": {"content": "此处", "room_id": ROOM.live_id}})


def test_the_rest_of_a_hostcues_stream_keeps_its_meaning() -> None:
    stats = {"ts": 1, "current": 12, "total": 99}
    product = {"ts": 1, "id": "p", "promotion_id": "3", "title": "鞋", "text": "上架"}
    assert read({"type": "room_user_stats", "data": stats}) == [RoomStats(ROOM.room_id, 1, 12, 99)]
    assert read({"type": "product", "data": product}) == [
        ProductChange(ROOM.room_id, 1, "p", "3", "鞋", "上架")
    ]
    gap = {"start_ts": 1, "end_ts": None, "cause": "stalled"}
    assert read({"type": "gap", "data": gap}) == [Gap(1, "stalled")]
    assert read({"type": "status", "data": {"state": "live"}}) == []
    ended = read({"type": "status", "data": {"state": "ended"}})
    assert ended == [RoomControl(ROOM.room_id, NOW_MS, "ended")]


def test_a_kind_that_nobody_reads_is_told_as_one() -> None:
    with pytest.raises(UnknownKind) as failure:
        read({"type": "red_packet", "data": {}})
    assert failure.value.kind == "red_packet"


@pytest.mark.parametrize("text", ["", "{", "17", "null", '"chat"', "[1]", "[" * 100_000, "{}"])
def test_garbage_is_told_as_such(text: str) -> None:
    with pytest.raises(UpstreamChanged):
        read(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "data", "user", "content", "ts", "id", "room_id", "metadata"])
            | st.text(max_size=5),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_any_json_is_read_or_refused(value: object) -> None:
    try:
        events = read(json.dumps(value))
    except UpstreamChanged:
        return
    for event in events:
        if isinstance(event, Comment):
            assert len(event.content) <= 2000
            assert len(event.id) <= 128
