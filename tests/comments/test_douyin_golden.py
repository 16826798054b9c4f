from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from hostcue.comments.douyin.inbox import Inbox
from hostcue.platforms.douyin.pb import webcast_pb2 as pb

GOLDEN = Path(__file__).parents[1] / "golden" / "douyin"
ROOM_ID = "7512345678901234567"
RECEIVED_MS = 1_764_000_000_500


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.bin")), ids=lambda path: path.stem)
def test_a_golden_frame_is_read_as_written_down(path: Path) -> None:
    delivery = Inbox(ROOM_ID).read_frame(path.read_bytes(), RECEIVED_MS)
    events = [{"is": type(event).__name__, **asdict(event)} for event in delivery.events]
    assert events == json.loads(path.with_suffix(".json").read_text("utf-8"))


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.bin")), ids=lambda path: path.stem)
def test_a_golden_frame_is_acknowledged_and_says_where_to_go_on(path: Path) -> None:
    inbox = Inbox(ROOM_ID)
    delivery = inbox.read_frame(path.read_bytes(), RECEIVED_MS)
    assert delivery.reply is not None
    reply = pb.PushFrame.FromString(delivery.reply)
    assert reply.payload_type == "ack"
    assert reply.log_id == 7_512_000_000_000_000_001
    assert reply.payload.decode() == inbox.resume.internal_ext != ""
    assert inbox.resume.cursor.startswith("d-1_u-1_fh-")


def test_a_frame_received_twice_brings_nothing_new() -> None:
    inbox = Inbox(ROOM_ID)
    data = (GOLDEN / "chat_gzip.bin").read_bytes()
    assert len(inbox.read_frame(data, RECEIVED_MS).events) == 1
    assert inbox.read_frame(data, RECEIVED_MS).events == ()
    assert inbox.repeated == 1


def test_a_method_we_do_not_know_is_counted_by_name() -> None:
    inbox = Inbox(ROOM_ID)
    inbox.read_frame((GOLDEN / "unknown_method.bin").read_bytes(), RECEIVED_MS)
    assert inbox.unknown == {"WebcastRanklistHourEntranceMessage": 1}
