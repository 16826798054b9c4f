"""Faults of a room's comments, seen by the hand-written client and over plain HTTP."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import AsyncIterator

import anyio
import httpx2
import pytest
from douyin_hand import FLV_URL, HEARTBEAT, UID, chats, closing, push_url, receive, sign, watch
from google.protobuf.message import DecodeError
from websockets.asyncio.client import ClientConnection, connect
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.uri import parse_uri

from hostcue.platforms.douyin.pb import webcast_pb2 as pb
from hostcue.sim.douyin import DouyinFace, DouyinHost
from hostcue.sim.douyin.trouble import Damage


@pytest.fixture
async def face() -> AsyncIterator[DouyinFace]:
    with anyio.fail_after(30):
        async with DouyinFace.open(flv_url=FLV_URL, script=(), stats_s=60) as opened:
            yield opened


@pytest.fixture
async def web(face: DouyinFace) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=face.web_url, trust_env=False) as client:
        await client.get("/")
        yield client


async def poll(face: DouyinFace, web: httpx2.AsyncClient, cursor: str = "") -> httpx2.Response:
    params = {"room_id": face.room_id, "user_unique_id": UID, "cursor": cursor, "a_bogus": "x"}
    return await web.get("/webcast/im/fetch/", params=params)


async def messages(client: ClientConnection, n: int) -> list[pb.Message]:
    found: list[pb.Message] = []
    while len(found) < n:
        found += [m for m in (await receive(client)).messages if "UserSeq" not in m.method]
    return found


def unpacked(frame: pb.PushFrame) -> pb.Response:
    if frame.payload_type != "msg":
        return pb.Response()
    return pb.Response.FromString(gzip.decompress(frame.payload))


def fields(data: bytes) -> dict[int, list[int | bytes]]:
    """A message's fields by number, read without any description of it."""
    found: dict[int, list[int | bytes]] = {}
    at = 0

    def varint() -> int:
        nonlocal at
        number = shift = 0
        while True:
            byte = data[at]
            at += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    while at < len(data):
        tag = varint()
        value: int | bytes = varint()
        if tag & 7 == 2:
            value, at = data[at : at + int(value)], at + int(value)
        found.setdefault(tag >> 3, []).append(value)
    return found


# Polling


async def test_polls_of_a_stalled_room_bring_nothing_and_lose_nothing(
    face: DouyinFace, web: httpx2.AsyncClient
) -> None:
    face.say("一")
    first = pb.Response.FromString((await poll(face, web)).content)
    face.stall_polling()
    msg_id = face.say("二")
    still = pb.Response.FromString((await poll(face, web, first.cursor)).content)
    assert not still.messages
    assert still.now > 0
    face.stall_polling(False)
    later = pb.Response.FromString((await poll(face, web, still.cursor)).content)
    assert [m.msg_id for m in later.messages] == [msg_id]
    assert face.seen.polls == 3


async def test_many_messages_take_several_polls_each_from_where_the_last_ended(
    face: DouyinFace, web: httpx2.AsyncClient
) -> None:
    cursor = pb.Response.FromString((await poll(face, web)).content).cursor
    face.burst(450)
    got: list[int] = []
    while True:
        answer = pb.Response.FromString((await poll(face, web, cursor)).content)
        if not answer.messages:
            break
        got += [m.msg_id for m in answer.messages]
        cursor = answer.cursor
    assert got == [msg_id for msg_id, *_ in face.said]


@pytest.mark.parametrize("status", ["401", "403", "444", "500"])
async def test_polling_alone_can_be_refused(
    face: DouyinFace, web: httpx2.AsyncClient, status: str
) -> None:
    face.refuse_polling(status)  # type: ignore[arg-type] # one of them
    assert (await poll(face, web)).status_code == int(status)
    params = {"web_rid": face.live_id, "a_bogus": "x"}
    assert (await web.get("/webcast/room/web/enter/", params=params)).json()
    face.refuse_polling(None)
    assert (await poll(face, web)).content


async def test_polls_may_be_answered_with_what_is_no_response(
    face: DouyinFace, web: httpx2.AsyncClient
) -> None:
    face.refuse_polling("garbage")
    with pytest.raises(DecodeError):
        pb.Response.FromString((await poll(face, web)).content)
    face.refuse_polling("captcha")
    assert "captcha" in (await poll(face, web)).text


async def test_who_polls_too_soon_gets_nothing(face: DouyinFace, web: httpx2.AsyncClient) -> None:
    face.demand_poll_gap(60)
    assert (await poll(face, web)).content
    assert (await poll(face, web)).content == b""


async def test_a_poll_after_the_end_says_so(face: DouyinFace, web: httpx2.AsyncClient) -> None:
    face.end()
    (message,) = pb.Response.FromString((await poll(face, web)).content).messages
    assert pb.ControlMessage.FromString(message.payload).action == 3


async def test_a_poll_after_the_end_has_what_was_said_before_it(
    face: DouyinFace, web: httpx2.AsyncClient
) -> None:
    cursor = pb.Response.FromString((await poll(face, web)).content).cursor
    msg_id = face.say("最后一句")
    face.end()
    answer = pb.Response.FromString((await poll(face, web, cursor)).content)
    assert answer.messages[0].msg_id == msg_id
    assert [message.method for message in answer.messages[1:]] == ["WebcastControlMessage"]


async def test_a_poll_can_ask_for_json(face: DouyinFace, web: httpx2.AsyncClient) -> None:
    params = {"room_id": face.room_id, "a_bogus": "x", "resp_content_type": "json"}
    msg_id = face.say("在吗")
    answer = (await web.get("/webcast/im/fetch/", params=params)).json()
    assert answer["data"][0]["common"]["msg_id"] == str(msg_id)
    assert answer["extra"]["cursor"]


# Connections


@pytest.mark.parametrize("status", ["401", "403"])
async def test_a_handshake_can_be_refused_for_want_of_a_login(
    face: DouyinFace, status: str
) -> None:
    face.refuse_push(status)  # type: ignore[arg-type] # one of them
    with pytest.raises(InvalidStatus) as refused:
        async with watch(face):
            pass
    assert refused.value.response.status_code == int(status)
    face.refuse_push(None)
    async with watch(face):
        assert face.connections == 1


async def test_another_identity_is_let_in_where_known_ones_are_blocked(face: DouyinFace) -> None:
    async with watch(face):
        pass
    face.block_identities()
    with pytest.raises(InvalidStatus):
        async with watch(face, cookie="ttwid=another"):  # the same unique id
            pass
    url = push_url(face).replace(UID, "7399999999999999999")
    with pytest.raises(InvalidStatus) as unsigned:
        async with connect(url, additional_headers={"Cookie": "ttwid=another"}, proxy=None):
            pass
    assert unsigned.value.response.headers["handshake-msg"] == "DEVICE_BLOCKED"
    face.block_identities(False)
    async with watch(face):
        assert face.connections == 2


async def test_a_signature_with_a_bare_plus_is_as_good(face: DouyinFace) -> None:
    key = next(key for key in range(256) if "+" in sign(face.room_id, key=key))
    url = push_url(face, signature=sign(face.room_id, key=key)).replace("%2B", "+")
    assert "+" in url
    async with connect(url, additional_headers={"Cookie": "ttwid=1"}, proxy=None):
        await face.wait_viewers(1)


async def test_the_cursor_of_a_frame_is_behind_its_last_message(face: DouyinFace) -> None:
    said = [face.say(f"第 {number} 句") for number in range(50)]
    face.history(50)
    async with watch(face) as client:
        first = await receive(client)
    seen = [message.msg_id for message in first.messages if "UserSeq" not in message.method]
    assert 0 < len(seen) < 50
    face.history(0)
    async with watch(face, cursor=first.cursor) as client:
        rest = await messages(client, 50 - len(seen))
    assert seen + [message.msg_id for message in rest] == said


async def test_a_new_connection_goes_on_where_its_cursor_is(face: DouyinFace) -> None:
    face.history(0)
    face.say("看到了")
    async with watch(face) as client:
        await face.wait_viewers(1)
        face.say("也看到了")
        cursor = (await receive(client)).cursor
    missed = [face.say(f"没看到{n}") for n in range(30)]
    async with watch(face, cursor=cursor) as client:
        assert [chat.common.msg_id for chat in await chats(client, 30)] == missed
    face.forget()
    async with watch(face, cursor=cursor) as client:
        await face.wait_viewers(1)
        face.say("只有这条")
        assert [chat.content for chat in await chats(client, 1)] == ["只有这条"]


async def test_connections_live_so_long_and_no_longer(face: DouyinFace) -> None:
    face.close_after(0.05, 0.1)
    async with watch(face) as client:
        assert (await closing(client)).rcvd is None
    face.close_after(None)
    async with watch(face) as client:
        face.say("还在")
        assert await chats(client, 1)


async def test_a_frozen_connection_beats_on_and_the_next_one_is_well(face: DouyinFace) -> None:
    async with watch(face) as old:
        await face.wait_viewers(1)
        face.freeze()
        msg_id = face.say("听得到吗")
        await old.send(HEARTBEAT)
        await face.until(lambda: face.heartbeats == 2)
        async with watch(face) as new:
            assert (await chats(new, 1))[0].common.msg_id == msg_id
            face.send_raw(b"the next")  # raw frames still come: what was before them would too
            assert b"the next" in [await old.recv(decode=False) for _ in range(3)]


async def test_a_silent_socket_is_taken_and_sends_nothing(face: DouyinFace) -> None:
    face.silence()
    async with watch(face) as client:
        await client.send(HEARTBEAT)
        await face.until(lambda: face.heartbeats == 2)
        face.say("没人听见")
        face.drop_line(1000)
        assert (await closing(client)).rcvd is not None


async def test_who_answers_no_ping_is_dropped() -> None:
    with anyio.fail_after(30):
        async with (
            DouyinHost.open(ping_s=0.1, pong_within_s=1.0) as host,
            DouyinFace.open(flv_url=FLV_URL, script=(), host=host) as face,
        ):
            protocol = ClientProtocol(parse_uri(push_url(face)))
            request = protocol.connect()
            request.headers["Cookie"] = "ttwid=1"
            port = int(face.push_url.rpartition(":")[2])
            async with await anyio.connect_tcp("127.0.0.1", port) as stream:
                protocol.send_request(request)
                for piece in protocol.data_to_send():
                    await stream.send(piece)
                await face.until(lambda: face.seen.drops == ["answers no ping"])
            async with watch(face):  # websockets does answer them
                await face.until(lambda: face.seen.pongs >= 2)


async def test_pings_keep_a_client_that_sends_no_heartbeats() -> None:
    with anyio.fail_after(30):
        async with (
            DouyinFace.open(flv_url=FLV_URL, script=(), heartbeat_s=1.0) as face,
            watch(face) as client,
        ):
            while face.seen.pings < 3:
                await (await client.ping(HEARTBEAT))
                await anyio.sleep(0.3)  # as often as such clients do, scaled down
            assert face.seen.drops == []
            assert (await closing(client)).rcvd is None
            assert face.seen.drops == ["sends no heartbeats"]


async def test_an_ack_in_the_wrong_field_is_tolerated_and_told_apart(face: DouyinFace) -> None:
    async with watch(face) as client:
        await face.wait_viewers(1)
        frame = pb.PushFrame()
        while not unpacked(frame).need_ack:
            face.say("有人吗")
            frame = pb.PushFrame.FromString(await client.recv(decode=False))
        asked, internal_ext = frame.log_id, unpacked(frame).internal_ext
        for answer in (
            pb.PushFrame(log_id=asked, payload_type="ack", payload=b"made up"),
            pb.PushFrame(log_id=asked, payload_type=internal_ext),
        ):
            await client.send(answer.SerializeToString())
        await face.until(lambda: face.seen.sloppy_acks == 1)
        assert (face.acks, face.seen.wrong_acks) == (0, 1)


async def test_two_rooms_are_beside_each_other() -> None:
    with anyio.fail_after(30):
        async with (
            DouyinFace.open(flv_url=FLV_URL, script=(), live_id="1", stats_s=60) as one,
            DouyinFace.open(
                flv_url=FLV_URL, script=(), live_id="2", host=one.host, stats_s=60
            ) as two,
            watch(one) as first,
            watch(two) as second,
        ):
            await two.wait_viewers(1)
            one.stall()
            one.refuse_push("403")
            one.say("这里没人听见")
            two.say("二号房")
            assert (await chats(second, 1))[0].content == "二号房"
            assert (one.viewers, two.viewers, one.web_url) == (1, 1, two.web_url)
            one.drop_line()
            await closing(first)


# Messages


@pytest.mark.parametrize(
    ("form", "method", "number"),
    [
        ("emoji", "WebcastEmojiChatMessage", 5),
        ("screen", "WebcastScreenChatMessage", 4),
        ("privilege_screen", "WebcastPrivilegeScreenChatMessage", 3),
        ("audio", "WebcastAudioChatMessage", 3),
        ("hot", "WebcastHotChatMessage", 3),
    ],
)
async def test_comments_come_in_every_form(
    face: DouyinFace, form: str, method: str, number: int
) -> None:
    msg_id = face.say("多少钱", form=form)  # type: ignore[arg-type] # one of them
    async with watch(face) as client:
        (message,) = await messages(client, 1)
    body = fields(message.payload)
    assert (message.method, message.msg_id) == (method, msg_id)
    assert body[number] == ["多少钱".encode()]


async def test_a_rich_comment_has_its_words_in_pieces_only(face: DouyinFace) -> None:
    face.say("多少钱", form="rich")
    async with watch(face) as client:
        (message,) = await messages(client, 1)
    body = fields(message.payload)
    assert 3 not in body
    text = fields(bytes(body[41][0]))
    pieces = [fields(bytes(piece)) for piece in text[4]]
    assert pieces[0][11] == ["多少钱".encode()]


async def test_the_rarer_messages_bear_their_methods(face: DouyinFace) -> None:
    face.share()
    face.fans_club()
    face.change_products(["小白鞋", "马丁靴"], shown=2)
    for kind in ("room_stats", "fan_ticket", "ecom_general", "data_sync"):
        face.notice(kind)
    face.send_unknown("WebcastSomethingNew")
    async with watch(face) as client:
        found = await messages(client, 8)
    assert [m.method.removeprefix("Webcast").removesuffix("Message") for m in found] == [
        *("Social", "Fansclub", "ProductChange", "RoomStats", "UpdateFanTicket"),
        *("LiveEcomGeneral", "RoomDataSync", "SomethingNew"),
    ]
    assert pb.SocialMessage.FromString(found[0].payload).action == 3
    refs = [fields(bytes(ref)) for ref in fields(found[2].payload)[4]]
    assert [ref.get(4) for ref in refs] == [None, [1]]
    assert fields(found[3].payload)[5] == [2252]


async def test_viewers_can_all_be_masked(face: DouyinFace) -> None:
    face.mask_viewers()
    face.say("多少钱", "薛小满")
    face.mask_viewers(False)
    face.say("多少钱", "薛小满")
    async with watch(face) as client:
        masked, open_ = await chats(client, 2)
    assert (masked.user.id, masked.user.id_str, masked.user.nickname) == (
        111111,
        "111111",
        "薛***",
    )
    assert (open_.user.id != 111111, open_.user.nickname) == (True, "薛小满")


async def test_times_come_in_every_unit_from_a_clock_that_may_be_wrong(face: DouyinFace) -> None:
    at_ms = 1_700_000_000_123
    for unit in ("ms", "s", "us", "ns", "none"):
        face.create_time(unit)
        face.say("几点", ts_ms=at_ms)
    face.create_time("ms")
    face.skew_clock(-90_000)
    face.say("几点", ts_ms=at_ms)
    async with watch(face) as client:
        found = await chats(client, 6)
    times = [chat.common.create_time for chat in found]
    assert times[:2] == [at_ms, at_ms // 1000]
    assert [times[2] // 10**12, times[3] // 10**15] == [1700, 1700]
    assert times[4:] == [0, at_ms - 90_000]
    assert face.said[-1][2] == at_ms


async def test_gift_combos_come_as_oddly_as_they_are(face: DouyinFace) -> None:
    face.gift_combo([1, 3, 2], "玫瑰", ends=False, group_id=5)
    face.gift_combo([1, 2], "棒棒糖", twice=True, group_count=66)
    async with watch(face) as client:
        found = [pb.GiftMessage.FromString(m.payload) for m in await messages(client, 9)]
    assert [(g.repeat_count, g.repeat_end) for g in found] == [
        *((1, 0), (3, 0), (2, 0)),
        *((1, 0), (1, 0), (2, 0), (2, 0), (2, 1), (2, 1)),
    ]
    assert {g.group_id for g in found[:3]} == {5}
    assert {g.group_count for g in found[3:]} == {66}
    assert len({g.common.msg_id for g in found}) == 9


async def test_guests_can_be_shown_no_gifts(face: DouyinFace, web: httpx2.AsyncClient) -> None:
    face.hide_gifts()
    face.gift("玫瑰")
    face.say("送了玫瑰")
    async with watch(face) as guest, watch(face, cookie="ttwid=1; sessionid=me") as member:
        assert [m.method for m in await messages(guest, 1)] == ["WebcastChatMessage"]
        assert len(await messages(member, 2)) == 2
    assert len(pb.Response.FromString((await poll(face, web)).content).messages) == 1


async def test_everything_can_come_twice_and_in_another_order(face: DouyinFace) -> None:
    async with watch(face) as client:
        await face.wait_viewers(1)
        face.duplicate()
        twice = face.say("两遍")
        face.duplicate(False)
        face.reorder(5)
        mixed = [face.say(f"第{n}条") for n in range(5)]
        after = face.say("之后")
        found = [m.msg_id for m in await messages(client, 8)]
    assert found[:2] == [twice, twice]
    assert found[2:7] != mixed
    assert Counter(found[2:7]) == Counter(mixed)
    assert found[7] == after


@pytest.mark.parametrize(
    ("how", "fails"),
    [
        ("frame", DecodeError),
        ("gzip", gzip.BadGzipFile),
        ("truncated", EOFError),
        ("response", DecodeError),
    ],
)
async def test_frames_can_be_unreadable_in_every_layer(
    face: DouyinFace, how: Damage, fails: type[Exception]
) -> None:
    async with watch(face) as client:
        await face.wait_viewers(1)
        face.corrupt(how)
        with pytest.raises(fails):
            await receive(client)
        face.say("还在")
        assert (await chats(client, 1))[0].content == "还在"


async def test_one_message_of_a_good_frame_can_be_unreadable(face: DouyinFace) -> None:
    face.corrupt("body")
    async with watch(face) as client:
        (message,) = await messages(client, 1)
    with pytest.raises(DecodeError):
        pb.ChatMessage.FromString(message.payload)


async def test_a_small_frame_can_inflate_to_forty_mebibytes(face: DouyinFace) -> None:
    async with watch(face) as client:
        await face.wait_viewers(1)
        face.bomb()
        while not (frame := pb.PushFrame.FromString(await client.recv(decode=False))).payload:
            pass  # the answer to the heartbeat
    assert len(frame.payload) < 1 << 20
    size, unpack = 0, zlib.decompressobj(wbits=31)
    rest = frame.payload
    while piece := unpack.decompress(rest, 1 << 20):
        size, rest = size + len(piece), unpack.unconsumed_tail
    assert size > 40 << 20


async def test_a_crowd_comes_at_its_rates_and_the_seed_says_in_which_order() -> None:
    orders: list[list[str]] = []
    for _ in range(2):
        with anyio.fail_after(30):
            async with (
                DouyinFace.open(flv_url=FLV_URL, script=(), seed=3, stats_s=60) as face,
                watch(face) as client,
            ):
                await face.wait_viewers(1)
                face.rates(chat=400, like=200, enter=200)
                found = await messages(client, 60)
                face.rates()
        orders.append([message.method for message in found[:60]])
    assert orders[0] == orders[1]
    assert 15 <= Counter(orders[0])["WebcastChatMessage"] <= 45


async def test_a_pause_and_its_end_are_told(face: DouyinFace) -> None:
    async with watch(face) as client:
        await face.wait_viewers(1)
        face.pause()
        face.unpause()
        found = await messages(client, 2)
    assert [pb.ControlMessage.FromString(m.payload).action for m in found] == [1, 2]
