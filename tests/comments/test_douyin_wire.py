from __future__ import annotations

import gzip
import time
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.comments.douyin.address import KNOWN_SERVERS, push_servers
from hostcue.comments.douyin.inbox import Inbox
from hostcue.comments.douyin.messages import READERS
from hostcue.comments.douyin.wire import HEARTBEAT, MAX_BYTES, parse_response
from hostcue.errors import UpstreamChanged
from hostcue.model.comment import Comment
from hostcue.platforms.douyin.pb import webcast_pb2 as pb

NOW_MS = 1_764_000_000_000


def frame(payload: bytes, packing: str | None = "gzip") -> pb.PushFrame:
    headers = [] if packing is None else [pb.Header(key="compress_type", value=packing)]
    return pb.PushFrame(log_id=1, payload_type="msg", payload=payload, headers=headers)


@given(st.binary())
def test_any_bytes_are_a_frame_or_a_change_of_the_platform(data: bytes) -> None:
    with suppress(UpstreamChanged):
        Inbox("1").read_frame(data, NOW_MS)


@given(st.binary(), st.booleans(), st.sampled_from(["gzip", "none", "", "zstd"]))
def test_any_payload_is_a_response_or_a_change_of_the_platform(
    payload: bytes, zipped: bool, packing: str
) -> None:
    data = frame(gzip.compress(payload) if zipped else payload, packing).SerializeToString()
    with suppress(UpstreamChanged):
        Inbox("1").read_frame(data, NOW_MS)


@given(st.sampled_from(sorted(READERS)), st.binary(), st.integers(0, 2**64 - 1))
def test_any_message_of_a_known_method_is_an_event_or_counted(
    method: str, payload: bytes, server_ms: int
) -> None:
    message = pb.Message(method=method, payload=payload, msg_id=1)
    inbox = Inbox("1")
    events = inbox.read_response(pb.Response(messages=[message], now=server_ms), NOW_MS)
    assert len(events) + inbox.unreadable[method] <= 1


@given(st.data())
def test_any_fields_of_any_method_are_an_event_or_counted(
    data: st.DataObject,
) -> None:
    method = data.draw(st.sampled_from(sorted(READERS)))
    fields = st.dictionaries(
        st.integers(1, 45), st.integers(0, 2**64 - 1) | st.text() | st.binary()
    )
    body = b"".join(field(number, value) for number, value in data.draw(fields).items())
    response = pb.Response(messages=[pb.Message(method=method, payload=body, msg_id=1)])
    inbox = Inbox("1")
    events = inbox.read_response(response, NOW_MS)
    assert len(events) + inbox.unreadable[method] <= 1


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


def field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def test_one_unreadable_message_does_not_cost_its_neighbours() -> None:
    response = pb.Response(
        messages=[
            pb.Message(method="WebcastChatMessage", payload=b"\xff\xff", msg_id=1),
            pb.Message(
                method="WebcastChatMessage",
                payload=pb.ChatMessage(content="有货吗").SerializeToString(),
                msg_id=2,
            ),
        ]
    )
    inbox = Inbox("1")
    (event,) = inbox.read_response(response, NOW_MS)
    assert isinstance(event, Comment)
    assert event.id == "2"
    assert inbox.unreadable == {"WebcastChatMessage": 1}


def test_a_message_without_an_id_is_known_by_its_content() -> None:
    message = pb.Message(
        method="WebcastChatMessage",
        payload=pb.ChatMessage(content="有货吗", event_time=1_764_000_000).SerializeToString(),
    )
    inbox = Inbox("1")
    first = inbox.read_response(pb.Response(messages=[message]), NOW_MS)
    again = inbox.read_response(pb.Response(messages=[message]), NOW_MS + 1)
    assert (len(first), len(again)) == (1, 0)


@pytest.mark.parametrize("packing", [None, "", "none"])
def test_an_uncompressed_frame_is_not_unzipped(packing: str | None) -> None:
    payload = pb.Response(cursor="c").SerializeToString()
    assert parse_response(frame(payload, packing)).cursor == "c"


def test_a_cut_off_gzip_frame_is_refused() -> None:
    payload = gzip.compress(pb.Response(cursor="c" * 1000).SerializeToString())
    with pytest.raises(UpstreamChanged):
        parse_response(frame(payload[:-9]))


@pytest.mark.parametrize("tells", [True, False], ids=["it tells its size", "it lies"])
def test_a_bomb_of_40_mb_is_refused_in_little_memory(tells: bool) -> None:
    bomb = gzip.compress(bytes(40 * 2**20), compresslevel=1)
    if not tells:
        bomb = bomb[:-4] + (1000).to_bytes(4, "little")
    data = frame(bomb).SerializeToString()
    inbox = Inbox("1")
    tracemalloc.start()
    try:
        with pytest.raises(UpstreamChanged, match="inflates too far"):
            inbox.read_frame(data, NOW_MS)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * MAX_BYTES
    assert inbox.unreadable == {"frame": 1}


@pytest.mark.parametrize("packing", ["gzip", "none"])
def test_more_than_we_accept_is_refused_before_it_is_parsed(packing: str) -> None:
    payload = bytes(MAX_BYTES + 1)
    data = gzip.compress(payload) if packing == "gzip" else payload
    with pytest.raises(UpstreamChanged):
        Inbox("1").read_frame(frame(data, packing).SerializeToString(), NOW_MS)


@pytest.mark.parametrize(
    "message",
    [b"\x0a\x00", b"\x0a\x02\x18\x01", b"\x0b\x0c\x0a\x00"],
    ids=["empty", "with an id", "behind groups"],
)
@pytest.mark.parametrize("packing", ["gzip", "none"])
def test_millions_of_tiny_messages_are_refused_in_little_memory(
    message: bytes, packing: str
) -> None:
    payload = message * (MAX_BYTES // len(message) - 100)
    data = frame(gzip.compress(payload, 1) if packing == "gzip" else payload, packing)
    began_s = time.process_time()
    with pytest.raises(UpstreamChanged, match="more at once"):
        Inbox("1").read_frame(data.SerializeToString(), NOW_MS)
    assert time.process_time() - began_s < 1  # parsed and read they would take several


def test_many_headers_are_refused_too() -> None:
    with pytest.raises(UpstreamChanged, match="more at once"):
        Inbox("1").read_frame(b"\x2a\x00" * 1_000_000, NOW_MS)


def test_a_large_answer_of_usual_messages_is_read() -> None:
    chats = [
        pb.Message(
            method="WebcastChatMessage",
            msg_id=number,
            payload=pb.ChatMessage(content="有货吗" * 50).SerializeToString(),
        )
        for number in range(1, 2001)
    ]
    payload = pb.Response(messages=chats).SerializeToString()
    data = frame(payload, "none").SerializeToString()
    assert len(Inbox("1").read_frame(data, NOW_MS).events) == 2000


def test_a_message_of_a_hundred_thousand_parts_is_not_parsed() -> None:
    body = field(40, b"\x22\x00" * 500_000)
    message = pb.Message(method="WebcastChatMessage", payload=body, msg_id=1)
    inbox = Inbox("1")
    assert inbox.read_response(pb.Response(messages=[message]), NOW_MS) == ()
    assert inbox.unreadable == {"WebcastChatMessage": 1}


def test_of_methods_we_do_not_know_only_so_many_are_remembered_by_name() -> None:
    inbox = Inbox("1")
    messages = [pb.Message(method=f"{number}{'x' * 1000}") for number in range(1000)]
    inbox.read_response(pb.Response(messages=messages), NOW_MS)
    assert sum(inbox.unknown.values()) == 1000
    assert len(inbox.unknown) <= 201
    assert max(map(len, inbox.unknown)) < 100


def test_a_message_is_a_repetition_as_long_as_so_many_came_after_it() -> None:
    def chats(first: int, count: int) -> pb.Response:
        numbers = range(first, first + count)
        return pb.Response(
            messages=[pb.Message(method="WebcastChatMessage", msg_id=n) for n in numbers]
        )

    inbox = Inbox("1")
    inbox.read_response(chats(1, 20_000), NOW_MS)
    assert inbox.read_response(chats(1, 20_000), NOW_MS) == ()
    assert inbox.repeated == 20_000
    assert inbox.tally.repeated == 20_000


def test_the_tally_tells_how_far_the_clocks_are_apart() -> None:
    inbox = Inbox("1")
    assert inbox.tally.clock_skew_ms is None
    inbox.read_response(pb.Response(now=NOW_MS + 7000), NOW_MS)
    assert inbox.tally.clock_skew_ms == 7000


def test_an_unknown_compression_is_refused() -> None:
    with pytest.raises(UpstreamChanged, match="compresses"):
        parse_response(frame(b"", "zstd"))


def test_the_heartbeat_is_the_four_bytes_the_web_page_sends() -> None:
    assert HEARTBEAT.hex() == "3a026862"


def test_replies_to_heartbeats_are_no_messages() -> None:
    reply = pb.PushFrame(payload_type="hb", payload=b"\xff").SerializeToString()
    delivery = Inbox("1").read_frame(reply, NOW_MS)
    assert (delivery.events, delivery.reply, delivery.spoke) == ((), None, False)


def test_the_servers_the_platform_names_are_tried_before_the_known_ones() -> None:
    named = (
        "wss://webcast100-ws-web-hl.douyin.com/webcast/im/push/v2/",
        "",
        "webcast5-ws-web-lf.douyin.com",
    )
    assert push_servers(named) == (
        "wss://webcast100-ws-web-hl.douyin.com",
        "wss://webcast5-ws-web-lf.douyin.com",
        KNOWN_SERVERS[0],
        KNOWN_SERVERS[2],
    )
