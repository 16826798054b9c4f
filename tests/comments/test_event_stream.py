"""Bytes become server-sent events."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.comments.event_stream import EventStreamReader

MIB = 1 << 20


def read(*chunks: bytes) -> list[tuple[str, str]]:
    reader = EventStreamReader()
    return [(event.data, event.id) for chunk in chunks for event in reader.feed(chunk)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_kind_of_line_end_ends_a_line(end: bytes) -> None:
    stream = b"\n\ndata: 1\ndata: 2\nid: 7\n\n: ping\n\ndata:3\n\n".replace(b"\n", end)
    assert read(stream) == [("1\n2", "7"), ("3", "7")]


@given(
    cuts=st.lists(st.integers(0, 60), max_size=20).map(sorted),
    end=st.sampled_from([b"\n", b"\r\n", b"\r"]),
)
def test_it_does_not_matter_how_the_bytes_are_cut(cuts: list[int], end: bytes) -> None:
    stream = "data: 多少钱\nid: 12\n\n: ping\n\ndata: 包邮\nid: 13\n\n".encode().replace(b"\n", end)
    parts = [stream[a:b] for a, b in pairwise([0, *cuts, len(stream)])]
    assert read(*parts) == [("多少钱", "12"), ("包邮", "13")]


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_any_bytes_are_borne(chunks: list[bytes]) -> None:
    read(*chunks)


def test_a_giant_line_is_left_out_and_nothing_else() -> None:
    reader = EventStreamReader()
    chunks = [b"data: vor\n\n", b"data: ", *[b"x" * MIB] * 8, b"\n\n", b"data: nach\n\n"]
    seen = []
    for chunk in chunks:
        seen += [event.data for event in reader.feed(chunk)]
        assert len(reader._rest) <= 2 * MIB
    assert seen == ["vor", "nach"]
    assert reader.oversized == 1


def test_an_event_of_giant_size_is_left_out_whatever_its_lines() -> None:
    reader = EventStreamReader()
    line = b"data: " + b"x" * (MIB - 10) + b"\n"
    assert not [event for _ in range(8) for event in reader.feed(line)]
    assert not list(reader.feed(b"\n"))
    assert [event.data for event in reader.feed(b"data: 1\n\n")] == ["1"]
    assert reader.oversized == 1


def test_an_id_that_no_header_could_carry_is_not_taken() -> None:
    assert read(b"id: 5\n\nid: a\x00b\ndata: 1\n\n") == [("1", "5")]


def test_a_wish_for_a_pause_is_heard() -> None:
    reader = EventStreamReader()
    assert not list(reader.feed(b"retry: 3000\n\nretry: soon\n\n"))
    assert reader.retry_ms == 3000
