"""Decodes frames of comments with betterproto and the classes of douyin-live-chat; one JSON.

Run by the interpreter of that package's own environment.

    python betterproto_decodes.py FRAMES_FILE

The file holds frames one after the other, each behind its length in four bytes.
"""

# mypy: ignore-errors
# What it imports is not installed where mypy runs.
from __future__ import annotations

import gzip
import json
import sys
import time
from pathlib import Path


def _decode(frames: list[bytes]) -> int:
    from douyin_live_chat.protobuf.douyin import ChatMessage, PushFrame, Response

    chats = 0
    for frame in frames:
        response = Response().parse(gzip.decompress(PushFrame().parse(frame).payload))
        for message in response.messages_list:
            chat = ChatMessage().parse(message.payload)
            chats += bool(chat.content and chat.user.nick_name)
    return chats


def _frames(path: str) -> list[bytes]:
    data, frames, at = Path(path).read_bytes(), [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4])
        frames.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return frames


if __name__ == "__main__":
    given = _frames(sys.argv[1])
    _decode(given[:1])
    began_s = time.process_time()
    found = _decode(given)
    sys.stdout.write(json.dumps({"chats": found, "cpu_s": time.process_time() - began_s}) + "\n")
