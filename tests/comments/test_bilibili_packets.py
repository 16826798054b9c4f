"""The envelope: packets, their compression, and what is no packet."""

from __future__ import annotations

import contextlib
import json
import resource
import struct
import zlib
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostcue.comments.bilibili import protobuf
from hostcue.comments.bilibili.inbox import Inbox
from hostcue.comments.bilibili.messages import KNOWN
from hostcue.comments.bilibili.packets import HEARTBEAT, Operation, auth, pack, unpack
from hostcue.errors import UpstreamChanged
from hostcue.model.comment import Comment
from hostcue.sim.bilibili import packets as theirs

GOLDEN = Path(__file__).parents[1] / "golden" / "bilibili"


def zlib_packet(inside: bytes) -> bytes:
    body = zlib.compress(inside)
    return struct.pack(">IHHII", 16 + len(body), 16, 2, 5, 0) + body


def test_the_auth_packet_is_as_the_documentation_shows_it() -> None:
    told = auth({"uid": 160148624, "roomid": 22608112, "protover": 2})
    assert told[4:16] == bytes.fromhex("001000010000000700000001")
    assert int.from_bytes(told[:4], "big") == len(told)
    assert json.loads(told[16:])["roomid"] == 22608112
    assert (
        bytes.fromhex("0000001f0010000100000002000000015b6f626a656374204f626a6563745d") == HEARTBEAT
    )


@given(st.lists(st.binary(max_size=50), max_size=5), st.booleans())
def test_what_is_packed_comes_out_again(bodies: list[bytes], compressed: bool) -> None:
    frame = b"".join(pack(Operation.MESSAGE, body) for body in bodies)
    frame = zlib_packet(frame) if compressed else frame
    assert [packet.body for packet in unpack(frame)] == bodies


@given(st.binary(max_size=300))
def test_any_bytes_are_packets_or_our_error(data: bytes) -> None:
    with contextlib.suppress(UpstreamChanged):
        unpack(data)


@given(st.binary(max_size=300), st.sampled_from([0, 2, 3]))
def test_any_body_under_a_good_header_is_packets_or_our_error(data: bytes, version: int) -> None:
    frame = struct.pack(">IHHII", 16 + len(data), 16, version, 5, 0) + data
    with contextlib.suppress(UpstreamChanged):
        unpack(frame)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)
COMMANDS = st.sampled_from(sorted(KNOWN))


@settings(max_examples=60)
@given(COMMANDS, JSON, JSON, JSON)
def test_any_command_is_events_or_counted(
    cmd: str, data: object, info: object, sent: object
) -> None:
    body = json.dumps({"cmd": cmd, "data": data, "info": info, "send_time": sent})
    inbox = Inbox("1")
    delivery = inbox.read_frame(theirs.packet(5, body.encode(), 0), 1_764_000_000_000)
    assert delivery.spoke
    assert all(event.ts_ms > 0 for event in delivery.events if isinstance(event, Comment))


@given(st.binary(max_size=100))
def test_any_protobuf_is_fields_or_our_error(data: bytes) -> None:
    with contextlib.suppress(UpstreamChanged):
        protobuf.read(data)


def test_deep_brackets_are_counted_not_fatal() -> None:
    inbox = Inbox("1")
    inbox.read_frame(theirs.packet(5, b"[" * 200_000, 0), 1)
    assert inbox.tally.unreadable == {"message": 1}


def test_a_bomb_is_refused_and_its_memory_stays_bounded() -> None:
    frame = theirs.bomb(40 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UpstreamChanged, match="inflates too far"):
        unpack(frame)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert len(frame) < 60_000
    assert grown_kib < 80 << 10


def test_a_message_of_brackets_is_counted_and_not_made_into_objects() -> None:
    body = b'{"cmd":"DANMU_MSG","info":[' + b"[]," * 1_300_000 + b"1]}"
    frame, inbox = zlib_packet(theirs.packet(5, body, 0)), Inbox("1")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    inbox.read_frame(frame, 1)
    assert inbox.tally.unreadable == {"message": 1}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40 << 10


def test_packets_compressed_twice_or_by_brotli_or_without_end_are_refused() -> None:
    with pytest.raises(UpstreamChanged, match="twice"):
        unpack(zlib_packet(zlib_packet(b"")))
    with pytest.raises(UpstreamChanged, match="did not ask"):
        unpack(theirs.packet(5, b"x", 3))
    with pytest.raises(UpstreamChanged, match="more than"):
        unpack(zlib_packet(pack(Operation.MESSAGE) * 30_000))


def test_names_of_unknown_commands_cannot_fill_memory() -> None:
    inbox = Inbox("1")
    for number in range(1000):
        body = json.dumps({"cmd": f"NEW_{number}"}).encode()
        inbox.read_frame(theirs.packet(5, body, 0), 1)
    assert len(inbox.tally.unknown) <= 201
    assert sum(inbox.tally.unknown.values()) == 1000


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.bin")), ids=lambda path: path.stem)
def test_a_golden_packet_reads_as_written_down(path: Path) -> None:
    delivery = Inbox("room").read_frame(path.read_bytes(), 1_764_060_000_500)
    events = [{"is": type(event).__name__, **asdict(event)} for event in delivery.events]
    assert events == json.loads(path.with_suffix(".json").read_text("utf-8"))
