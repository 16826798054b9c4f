from __future__ import annotations

import gzip
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.comments.douyin.address import KNOWN_SERVERS, push_servers
from hostcue.comments.douyin.inbox import Inbox
from hostcue.comments.douyin.messages import KNOWN, Arrival, decode
from hostcue.comments.douyin.wire import HEARTBEAT, MAX_INFLATED_BYTES, parse_response
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


@given(st.sampled_from(sorted(KNOWN)), st.binary(), st.integers(0, 2**64 - 1))
def test_any_message_of_a_known_method_is_an_event_or_a_change_of_the_platform(
    method: str, payload: bytes, server_ms: int
) -> None:
    message = pb.Message(method=method, payload=payload)
    with suppress(UpstreamChanged):
        decode(message, Arrival("1", NOW_MS, server_ms))


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


def test_a_gzip_bomb_is_refused() -> None:
    bomb = gzip.compress(bytes(MAX_INFLATED_BYTES + 1), compresslevel=1)
    with pytest.raises(UpstreamChanged, match="inflates too far"):
        parse_response(frame(bomb))


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
