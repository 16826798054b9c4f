"""The Douyin face, seen through a hand-written client that knows only the documented facts."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

import anyio
import httpx2
import pytest
from douyin_hand import (
    ALPHABET,
    FLV_URL,
    HEARTBEAT,
    UID,
    chats,
    closing,
    push_url,
    receive,
    sign,
    watch,
)
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from hostcue.platforms.douyin.pb import webcast_pb2 as pb
from hostcue.sim.douyin import DouyinFace
from hostcue.sim.douyin.signature import is_signed
from hostcue.sim.script import Line


@pytest.fixture
async def face() -> AsyncIterator[DouyinFace]:
    with anyio.fail_after(30):
        async with DouyinFace.open(flv_url=FLV_URL, script=()) as opened:
            yield opened


@pytest.fixture
async def web(face: DouyinFace) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=face.web_url, trust_env=False) as client:
        yield client


@pytest.mark.parametrize(
    ("stub", "signature"),
    [  # (MIT) vectors of jwwsjlm/douyinLive, internal/webcastsign/native_test.go
        ("704f436b2558b0d7a1c7e758527dd8f1", "6pt0VC0aRZDP7n07"),
        ("704f436b2558b0d7a1c7e758527dd8f1", "fD+evFuzasjOC8Uu"),
    ],
)
def test_the_known_vectors_are_accepted(
    stub: str, signature: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hostcue.sim.douyin.signature._stub", lambda _: bytes.fromhex(stub))
    assert is_signed({"signature": signature})


@pytest.mark.parametrize("key", [0, 6, 200, 255])
def test_a_signature_of_other_parameters_is_refused(key: int) -> None:
    query = {"webcast_sdk_version": "1.0.15", "room_id": "1", "user_unique_id": UID}
    assert is_signed(query | {"signature": sign("1", key=key)})
    assert not is_signed(query | {"signature": sign("2", key=key)})
    assert not is_signed(query | {"signature": "00000000"})


@given(signature=st.text(max_size=20) | st.text(ALPHABET, min_size=16, max_size=16))
def test_any_text_is_judged_without_a_crash(signature: str) -> None:
    assert is_signed({"signature": signature, "room_id": "1"}) is False


async def test_the_first_visit_gets_the_cookie_that_enter_demands(
    face: DouyinFace, web: httpx2.AsyncClient
) -> None:
    params = {"web_rid": face.live_id, "a_bogus": "x"}
    without = await web.get("/webcast/room/web/enter/", params=params)
    assert (without.status_code, without.content) == (200, b"")
    assert (await web.get("/")).cookies["ttwid"]
    unsigned = await web.get("/webcast/room/web/enter/", params={"web_rid": face.live_id})
    assert unsigned.content == b""
    answer = (await web.get("/webcast/room/web/enter/", params=params)).json()["data"]
    assert answer["user"]["nickname"] == "小满的鞋铺"
    room = answer["data"][0]
    assert (room["status"], room["id_str"]) == (2, face.room_id)
    urls = room["stream_url"]["flv_pull_url"]
    assert list(urls) == ["FULL_HD1", "HD1", "SD2", "SD1"]
    assert urls["HD1"].startswith("http://127.0.0.1:9/live/room_hd.flv?expire=")
    streams = json.loads(room["stream_url"]["live_core_sdk_data"]["pull_data"]["stream_data"])
    assert streams["data"]["origin"]["main"]["flv"].startswith(FLV_URL)


async def test_the_page_comes_after_a_challenge(face: DouyinFace, web: httpx2.AsyncClient) -> None:
    challenge = await web.get("/share/iAbCdEf", follow_redirects=True)
    assert "roomId" not in challenge.text
    page = await web.get(f"/{face.live_id}")
    found = re.search(r'roomId\\":\\"(\d+)', page.text)
    assert found is not None
    assert found[1] == face.room_id
    assert "roomId" not in (await web.get("/1")).text


async def test_offline_and_unknown_rooms_say_so(face: DouyinFace, web: httpx2.AsyncClient) -> None:
    await web.get("/")

    async def enter(web_rid: str) -> list[dict[str, object]]:
        params = {"web_rid": web_rid, "a_bogus": "x"}
        answer = await web.get("/webcast/room/web/enter/", params=params)
        found: list[dict[str, object]] = answer.json()["data"]["data"]
        return found

    face.go_offline()
    assert (await enter(face.live_id))[0]["status"] == 4
    assert await enter("1") == []
    before = face.room_id
    face.go_live()
    room = (await enter(face.live_id))[0]
    assert (room["status"], room["id_str"]) == (2, face.room_id)
    assert face.room_id != before


async def test_risk_control_refuses_in_three_ways(
    face: DouyinFace, web: httpx2.AsyncClient
) -> None:
    await web.get("/")
    params = {"web_rid": face.live_id, "a_bogus": "x"}
    face.risk_control("444")
    assert (await web.get("/webcast/room/web/enter/", params=params)).status_code == 444
    face.risk_control("captcha")
    assert "captcha" in (await web.get("/webcast/room/web/enter/", params=params)).text
    face.risk_control("empty")
    assert (await web.get("/webcast/room/web/enter/", params=params)).content == b""
    face.risk_control(None)
    assert (await web.get("/webcast/room/web/enter/", params=params)).json()


async def test_polling_goes_on_where_the_cursor_is(
    face: DouyinFace, web: httpx2.AsyncClient
) -> None:
    await web.get("/")

    async def fetch(cursor: str) -> pb.Response:
        params = {
            "room_id": face.room_id,
            "user_unique_id": UID,
            "cursor": cursor,
            "a_bogus": "x",
        }
        answer = await web.get("/webcast/im/fetch/", params=params)
        return pb.Response.FromString(answer.content)

    ids = [face.say(f"第{n}条") for n in range(20)]
    first = await fetch("")
    assert [m.msg_id for m in first.messages] == ids[-15:]
    assert first.push_server_v2.startswith(face.push_url)
    assert first.heartbeat_duration == 10
    assert not (await fetch(first.cursor)).messages
    last = face.say("还有吗")
    assert [m.msg_id for m in (await fetch(first.cursor)).messages] == [last]


async def test_a_comment_reaches_a_viewer_with_its_id_and_time(face: DouyinFace) -> None:
    async with watch(face) as client:
        await face.wait_viewers(1)
        msg_id = face.say("多少钱", "爱跑步的小林")
        (chat,) = await chats(client, 1)
    assert (chat.content, chat.user.nickname) == ("多少钱", "爱跑步的小林")
    assert (chat.common.msg_id, "多少钱", chat.common.create_time) == face.said[-1]
    assert msg_id == chat.common.msg_id
    assert str(chat.common.room_id) == face.room_id


async def test_who_comes_late_gets_the_last_fifteen_with_their_times(face: DouyinFace) -> None:
    for n in range(20):
        face.say(f"第{n}条", ts_ms=1_700_000_000_000 + n)
    async with watch(face) as client:
        replay = await chats(client, 15)
    assert [chat.common.create_time % 1000 for chat in replay] == list(range(5, 20))


@pytest.mark.parametrize("gzipped", [True, False])
async def test_payloads_are_what_the_header_says(face: DouyinFace, gzipped: bool) -> None:
    face.compress(gzipped)
    face.say("有货吗")
    async with watch(face) as client:
        assert (await chats(client, 1))[0].content == "有货吗"
        face.resend_last()
        face.send_raw(b"\xff\xff")
        repeated = (await chats(client, 1))[0]
        while (raw := await client.recv(decode=False)) != b"\xff\xff":
            assert pb.PushFrame.FromString(raw).payload_type
    assert repeated.common.msg_id == face.said[-1][0]


async def test_a_wrong_signature_or_no_cookie_is_a_blocked_device(face: DouyinFace) -> None:
    cookie = {"Cookie": "ttwid=1"}
    for url, headers in (
        (push_url(face, signature="0" * 16), cookie),
        (push_url(face), {}),
    ):
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, additional_headers=headers, proxy=None)
        assert refused.value.response.status_code == 200
        assert refused.value.response.headers["handshake-msg"] == "DEVICE_BLOCKED"
        assert refused.value.response.headers["handshake-status"] == "415"
    face.block_signature()
    with pytest.raises(InvalidStatus):
        async with watch(face):
            pass
    assert face.refusals == 3


async def test_acks_and_heartbeats_are_counted_and_answered(face: DouyinFace) -> None:
    async with watch(face) as client:
        reply = pb.PushFrame.FromString(await client.recv(decode=False))
        while reply.payload_type != "hb":
            reply = pb.PushFrame.FromString(await client.recv(decode=False))
        for n in range(3):
            face.say(f"第{n}条")
            await chats(client, 1)
        await face.until(lambda: face.acks >= 1)
        assert face.heartbeats == 1


async def test_who_never_acknowledges_is_dropped() -> None:
    with anyio.fail_after(30):
        async with (
            DouyinFace.open(flv_url=FLV_URL, script=(), ack_grace_s=0, stats_s=60) as face,
            watch(face) as client,
        ):
            await face.wait_viewers(1)
            for _ in range(11):  # every third frame wants an acknowledgement
                face.say("有人吗")
                await receive(client, ack=False)
            face.say("有人吗")
            assert (await closing(client)).rcvd is None
            assert face.acks == 0


async def test_without_heartbeats_the_line_is_cut() -> None:
    with anyio.fail_after(30):
        async with (
            DouyinFace.open(flv_url=FLV_URL, script=(), heartbeat_s=0.05) as face,
            watch(face) as client,
        ):
            assert (await closing(client)).rcvd is None  # no close frame: 1006


@pytest.mark.parametrize("code", [1012, 1013])
async def test_a_dropped_line_carries_its_code(face: DouyinFace, code: int) -> None:
    async with watch(face) as client:
        await face.wait_viewers(1)
        face.drop_line(code)
        received = (await closing(client)).rcvd
        assert received is not None
        assert received.code == code
    await face.wait_viewers(0)


async def test_a_stalled_room_answers_heartbeats_only(face: DouyinFace) -> None:
    async with watch(face) as client:
        await face.wait_viewers(1)
        face.stall()
        lost = face.say("听得到吗")
        await client.send(HEARTBEAT)
        await face.until(lambda: face.heartbeats == 2)
        face.stall(False)
        face.say("回来了")
        assert [chat.content for chat in await chats(client, 1)] == ["回来了"]
    async with watch(face) as client:
        assert lost in {chat.common.msg_id for chat in await chats(client, 2)}


async def test_the_end_is_said_to_everyone_and_to_who_comes_after(face: DouyinFace) -> None:
    async def end_message(client: ClientConnection) -> pb.ControlMessage:
        while True:
            for message in (await receive(client)).messages:
                if message.method == "WebcastControlMessage":
                    return pb.ControlMessage.FromString(message.payload)

    async with watch(face) as client:
        await face.wait_viewers(1)
        face.end()
        assert (await end_message(client)).action == 3
    async with watch(face) as client:
        assert (await end_message(client)).action == 3


async def test_a_combo_grows_and_is_summed_up_once(face: DouyinFace) -> None:
    face.gift("玫瑰", count=3)
    face.like()
    face.follow()
    face.enter_room()
    face.show_product("飞织小白鞋")
    async with watch(face) as client:
        response = await receive(client)
    methods = [message.method for message in response.messages]
    assert methods[4:] == [
        "WebcastLikeMessage",
        "WebcastSocialMessage",
        "WebcastMemberMessage",
        "WebcastLiveShoppingMessage",
    ]
    gifts = [pb.GiftMessage.FromString(m.payload) for m in response.messages[:4]]
    assert [(g.repeat_count, g.repeat_end) for g in gifts] == [(1, 0), (2, 0), (3, 0), (3, 1)]
    assert len({g.group_id for g in gifts}) == 1


async def test_the_script_plays_in_its_own_time() -> None:
    script = [Line(0.0, "chat", "团子", "在吗"), Line(0.05, "chat", "团子", "还在吗")]
    with anyio.fail_after(30):
        async with (
            DouyinFace.open(flv_url=FLV_URL, script=script) as face,
            watch(face) as client,
        ):
            first, second = await chats(client, 2)
    assert (first.content, second.content) == ("在吗", "还在吗")
    assert second.common.create_time - first.common.create_time >= 49
    assert first.user.id == second.user.id


async def test_closing_leaves_no_viewer_waiting() -> None:
    with anyio.fail_after(30):
        async with DouyinFace.open(flv_url=FLV_URL) as face:
            client = await connect(
                push_url(face), additional_headers={"Cookie": "ttwid=1"}, proxy=None
            )
            await face.wait_viewers(1)
        await client.wait_closed()
