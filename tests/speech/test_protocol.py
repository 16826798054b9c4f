"""Frames between the server and its speech workers."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.model.speech import SegmenterRules, Token, Transcript
from hostcue.speech import protocol
from hostcue.speech.protocol import Answer, BadFrame, Order
from hostcue.speech.segmenter import Cut

RULES = SegmenterRules(0.5, 0.35, 0.2, 0.3, 0.15, 0.35, 6, 0.1, 10, 0.0, 0.01)
ORDERS: list[Order] = [
    protocol.Load("ear", "sensevoice", "/m/模型.onnx", "/m/tokens.txt", "/m/vad.onnx", "zh"),
    protocol.Ping(),
    protocol.Recognise("zh", b"\x01\x02" * 10),
    protocol.OpenEar(3, 16_000, RULES),
    protocol.Look(3, b"\x00\x80"),
    protocol.Flush(3),
    protocol.CloseEar(3),
]
ANSWERS: list[Answer] = [
    protocol.Done(),
    protocol.Failed("ValueError", "坏"),
    protocol.Looked(512, (Cut(0, 512, "hard"), Cut(512, 1024, "end")), 600, 0.25),
    protocol.Looked(0, (), None, 0.0),
    Transcript("价格3.5", (Token("价", 0.3),), "zh", "NEUTRAL", "BGM"),
]
Parse = Callable[[bytes, bytes], object]


def parts(data: bytes) -> tuple[bytes, bytes]:
    head, body = protocol.lengths(data[: protocol.PREFIX_BYTES])
    rest = data[protocol.PREFIX_BYTES :]
    assert len(rest) == head + body
    return rest[:head], rest[head:]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: type(order).__name__)
def test_an_order_arrives_as_it_was_given(order: Order) -> None:
    assert protocol.parse_order(*parts(protocol.frame(7, order))) == (7, order)


@pytest.mark.parametrize("number", range(len(ANSWERS)))
def test_an_answer_arrives_as_it_was_given(number: int) -> None:
    answer = ANSWERS[number]
    assert protocol.parse_answer(*parts(protocol.frame(number, answer))) == (number, answer)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
KNOWN = [
    json.loads(parts(protocol.frame(1, message))[0]) for message in (*ORDERS[:1], *ORDERS, *ANSWERS)
]


@pytest.mark.parametrize("parse", [protocol.parse_order, protocol.parse_answer])
@given(head=st.binary() | JSON.map(lambda value: json.dumps(value).encode()), body=st.binary())
def test_any_bytes_are_a_frame_or_a_bad_one(parse: Parse, head: bytes, body: bytes) -> None:
    with suppress(BadFrame):
        parse(head, body)


@pytest.mark.parametrize("parse", [protocol.parse_order, protocol.parse_answer])
@given(known=st.sampled_from(KNOWN), data=st.data(), value=JSON)
def test_a_known_frame_with_a_wrong_value_is_a_bad_one_or_a_frame(
    parse: Parse, known: dict[str, object], data: st.DataObject, value: object
) -> None:
    name = data.draw(st.sampled_from(sorted(known)))
    with suppress(BadFrame):
        parse(json.dumps(known | {name: value}).encode(), b"")


@pytest.mark.parametrize(
    "head",
    [b"", b"[]", b"{}", b"[" * 100_000, b"9" * 10_000, b'{"say":"failed","kind":"\\ud800"}'],
    ids=["empty", "list", "nothing", "deep", "long", "half a sign"],
)
def test_what_breaks_json_readers_is_a_bad_frame(head: bytes) -> None:
    for parse in (protocol.parse_order, protocol.parse_answer):
        with pytest.raises(BadFrame):
            parse(head, b"")


@given(prefix=st.binary(max_size=12))
def test_any_prefix_tells_lengths_or_is_a_bad_one(prefix: bytes) -> None:
    with suppress(BadFrame):
        head, body = protocol.lengths(prefix)
        assert head + body < 1 << 27


def test_half_a_sample_is_a_bad_frame() -> None:
    head, _ = parts(protocol.frame(1, protocol.Look(1, b"")))
    with pytest.raises(BadFrame, match="half a sample"):
        protocol.parse_order(head, b"\x00")
