"""The envelope of Douyin's push protocol: bytes in, protobuf messages out, and back."""

from __future__ import annotations

import zlib
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from hostcue.errors import UpstreamChanged
from hostcue.platforms.douyin.pb import webcast_pb2 as pb

MAX_BYTES = 4 * 2**20  # two thousand chats of the usual size
MAX_FIELDS = 10_000
MAX_BODY_BYTES = 256 * 2**10  # of one message; a chat takes two thousand
HEARTBEAT = pb.PushFrame(payload_type="hb").SerializeToString()

_GZIP = 16 + zlib.MAX_WBITS
_FEW_BYTES = 128 * 2**10  # hold too few fields to be worth counting
_Parsed = TypeVar("_Parsed", bound=Message)


def parse(kind: type[_Parsed], data: bytes) -> _Parsed:
    """The bytes as a protobuf message of this kind.

    Raises:
        UpstreamChanged: they are not one, or more than `MAX_BYTES` or `MAX_FIELDS`.
    """
    if len(data) > MAX_BYTES or (len(data) > _FEW_BYTES and _has_many_fields(data)):
        raise UpstreamChanged("Douyin sent more at once than we accept")
    try:
        return kind.FromString(data)
    except DecodeError:
        raise UpstreamChanged(f"Douyin sent bytes that are no {kind.DESCRIPTOR.name}") from None


def _has_many_fields(data: bytes) -> bool:
    """Whether there are more than `MAX_FIELDS`: two million empty messages fit into 4 MiB.

    Parsed, they would take forty times their bytes. What is no protobuf is left to the parser.
    """
    place, end = 0, len(data)
    for _ in range(MAX_FIELDS):
        tag, place = _varint(data, place)
        match tag & 7:
            case 0:
                _, place = _varint(data, place)
            case 1:
                place += 8
            case 2:
                size, place = _varint(data, place)
                place += size
            case 5:
                place += 4
            case _:  # a group's fields are counted like any
                pass
        if place >= end:
            return False
    return True


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """The number that begins there, and where it ends."""
    number = 0
    for shift, byte in zip(range(0, 70, 7), data[place : place + 10], strict=False):
        number |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            return number, place
    return number, len(data)  # cut off


def parse_response(frame: pb.PushFrame) -> pb.Response:
    """What a frame of type `msg` carries.

    Raises:
        UpstreamChanged: compressed in an unknown way, damaged, or larger than we accept.
    """
    # The payload is gzip if and only if the header says so: plain frames occur.
    packing = next((h.value for h in frame.headers if h.key == "compress_type"), "none")
    match packing:
        case "gzip":
            return parse(pb.Response, _inflate(frame.payload))
        case "none" | "":
            return parse(pb.Response, frame.payload)
        case _:
            raise UpstreamChanged("Douyin compresses its frames in a way we do not know")


def as_frame(response: pb.Response) -> bytes:
    """A response that came in another way, as the push socket would have sent it."""
    return pb.PushFrame(
        payload_type="msg", payload=response.SerializeToString()
    ).SerializeToString()


def ack(frame: pb.PushFrame, response: pb.Response) -> bytes:
    """The answer to a response that wants one; without it the server hangs up."""
    return pb.PushFrame(
        log_id=frame.log_id, payload_type="ack", payload=response.internal_ext.encode()
    ).SerializeToString()


def _inflate(data: bytes) -> bytes:
    if int.from_bytes(data[-4:], "little") > MAX_BYTES:  # a gzip file ends with its true length
        raise UpstreamChanged("Douyin sent a gzip frame that inflates too far, or is damaged")
    stream = zlib.decompressobj(_GZIP)
    try:
        plain = stream.decompress(data, MAX_BYTES)
    except zlib.error:
        raise UpstreamChanged("Douyin sent a damaged gzip frame") from None
    if not stream.eof:
        raise UpstreamChanged("Douyin sent a gzip frame that is cut off or inflates too far")
    return plain
