"""The envelope of Douyin's push protocol: bytes in, protobuf messages out, and back."""

from __future__ import annotations

import zlib
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from hostcue.errors import UpstreamChanged
from hostcue.platforms.douyin.pb import webcast_pb2 as pb

# Two thousand chats of the usual size. It is what bounds memory, which empty messages of two
# bytes each take forty times as much of as their bytes.
MAX_BYTES = 4 * 2**20
HEARTBEAT = pb.PushFrame(payload_type="hb").SerializeToString()

_GZIP = 16 + zlib.MAX_WBITS
_Parsed = TypeVar("_Parsed", bound=Message)


def parse(kind: type[_Parsed], data: bytes) -> _Parsed:
    """The bytes as a protobuf message of this kind.

    Raises:
        UpstreamChanged: they are not one, or more than `MAX_BYTES`.
    """
    if len(data) > MAX_BYTES:
        raise UpstreamChanged("Douyin sent more at once than we accept")
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
