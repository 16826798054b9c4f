"""A client of the pretend Douyin, written by hand from the documented facts alone."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from hostcue.platforms.douyin.pb import webcast_pb2 as pb
from hostcue.sim.douyin import DouyinFace

FLV_URL = "http://127.0.0.1:9/live/room.flv"
UID = "7312345678901234567"
ALPHABET = "Dkdpgh4ZKsQB80/Mfvw36XI1R25+WUAlEi7NLboqYTOPuzmFjJnryx9HVGcaStCe"
STANDARD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
HEARTBEAT = bytes.fromhex("3a026862")


def sign(room_id: str, *, key: int = 63) -> str:
    """The test's own signer: md5, RC4 with one key byte, a permuted base64."""
    pairs = (
        f"live_id=1,aid=6383,version_code=180800,webcast_sdk_version=1.0.15,room_id={room_id},"
        f"sub_room_id=,sub_channel_id=,did_rule=3,user_unique_id={UID},device_platform=web,"
        "device_type=,ac=,identity=audience"
    )
    stub = hashlib.md5(hashlib.md5(pairs.encode()).digest()).digest()  # noqa: S324
    empty = hashlib.md5(hashlib.md5(b"").digest()).digest()  # noqa: S324
    plain = [1, 0, 1, 14, *empty[-2:], *stub[-2:], 7]
    checksum = 0
    for byte in plain:
        checksum ^= byte
    box, j = list(range(256)), 0
    for i in range(256):
        j = (j + box[i] + key) & 255
        box[i], box[j] = box[j], box[i]
    sealed, i, j = [], 0, 0
    for byte in (*plain, checksum):
        i = (i + 1) & 255
        j = (j + box[i]) & 255
        box[i], box[j] = box[j], box[i]
        sealed.append(byte ^ box[(box[i] + box[j]) & 255])
    text = base64.b64encode(bytes((0x40, key, *sealed))).decode()
    return text.translate(str.maketrans(STANDARD, ALPHABET))


def push_url(face: DouyinFace, *, signature: str | None = None, cursor: str = "") -> str:
    query = {
        "aid": "6383",
        "webcast_sdk_version": "1.0.15",
        "room_id": face.room_id,
        "user_unique_id": UID,
        "cursor": cursor,
        "signature": sign(face.room_id) if signature is None else signature,
    }
    return f"{face.push_url}/webcast/im/push/v2/?{urlencode(query)}"


@asynccontextmanager
async def watch(
    face: DouyinFace, *, cursor: str = "", cookie: str = "ttwid=1%7Cx"
) -> AsyncIterator[ClientConnection]:
    headers = {"Cookie": cookie}
    url = push_url(face, cursor=cursor)
    async with connect(url, additional_headers=headers, proxy=None, compression=None) as client:
        await client.send(HEARTBEAT)
        yield client


async def receive(client: ClientConnection, *, ack: bool = True) -> pb.Response:
    """The next response; acknowledges it when asked to."""
    while True:
        data = await client.recv(decode=False)
        frame = pb.PushFrame.FromString(data)
        if frame.payload_type != "msg":
            continue
        compressed = {h.key: h.value for h in frame.headers}["compress_type"] == "gzip"
        response = pb.Response.FromString(
            gzip.decompress(frame.payload) if compressed else frame.payload
        )
        if response.need_ack and ack:
            payload = response.internal_ext.encode()
            answer = pb.PushFrame(log_id=frame.log_id, payload_type="ack", payload=payload)
            await client.send(answer.SerializeToString())
        return response


async def chats(client: ClientConnection, n: int) -> list[pb.ChatMessage]:
    found: list[pb.ChatMessage] = []
    while len(found) < n:
        response = await receive(client)
        found += [
            pb.ChatMessage.FromString(m.payload)
            for m in response.messages
            if m.method == "WebcastChatMessage"
        ]
    return found


async def closing(client: ClientConnection) -> ConnectionClosed:
    """How the line ended; what came before is of no interest."""
    while True:
        try:
            await client.recv()
        except ConnectionClosed as end:
            return end


async def messages_until(client: ClientConnection, holds: Callable[[], bool]) -> None:
    """Receive until something is true."""
    while not holds():
        await receive(client)
