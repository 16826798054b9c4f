"""The envelope of Douyin's push protocol: bytes in, protobuf messages out, and back."""

from __future__ import annotations

import zlib
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from hostcue.errors import UpstreamChanged
from hostcue.platforms.douyin.pb import webcast_pb2 as pb

MAX_INFLATED_BYTES = 32 * 2**20
HEARTBEAT = pb.PushFrame(payload_type="hb").SerializeToString()

_GZIP = 16 + zlib.MAX_WBITS
_Parsed = TypeVar("_Parsed", bound=Message)


def parse(kind: type[_Parsed], data: bytes) -> _Parsed:
    """The bytes as a protobuf message of this kind.

    Raises:
        UpstreamChanged: they are not one.
    """
    try:
        return kind.FromString(data)
    except DecodeError:
        raise UpstreamChanged(f"Douyin sent bytes that are no {kind.DESCRIPTOR.name}") from None


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


def ack(frame: pb.PushFrame, response: pb.Response) -> bytes:
    """The answer to a response that wants one; without it the server hangs up."""
    return pb.PushFrame(
        log_id=frame.log_id, payload_type="ack", payload=response.internal_ext.encode()
    ).SerializeToString()


def _inflate(data: bytes) -> bytes:
    stream = zlib.decompressobj(_GZIP)
    try:
        plain = stream.decompress(data, MAX_INFLATED_BYTES)
    except zlib.error:
        raise UpstreamChanged("Douyin sent a damaged gzip frame") from None
    if not stream.eof:
        raise UpstreamChanged("Douyin sent a gzip frame that is cut off or inflates too far")
    return plain
