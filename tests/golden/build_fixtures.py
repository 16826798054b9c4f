"""Writes what comes with hostcue to be played: `src/hostcue/comments/fixtures/`.

Run once, by hand, after `build_douyin.py`: `python tests/golden/build_fixtures.py`. Everything is
made up: five minutes of the simulator's script as comments, and one frame per kind of message.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

from hostcue.comments.douyin.capture import MAGIC
from hostcue.platforms.douyin.pb import webcast_pb2 as pb
from hostcue.sim.script import Line, selling_session

GOLDEN = Path(__file__).parent / "douyin"
FIXTURES = Path(__file__).parents[2] / "src" / "hostcue" / "comments" / "fixtures"
BEGAN_MS = 1_764_000_000_000
LENGTH_S = 300
SEED = 7
# Frames that only a test wants, and what has to come last.
LEFT_OUT, LAST = {"chat_times", "chat_plain", "gift_send_time"}, "control"

_METADATA = {
    "like": {"count": "3"},
    "gift": {"count": "1", "diamonds": "1"},
}
_TYPES = {"chat": "chat", "like": "like", "enter": "enter", "follow": "follow", "gift": "gift"}


def main() -> None:
    FIXTURES.mkdir(exist_ok=True)
    session = FIXTURES / "selling_session.jsonl"
    session.write_text("".join(f"{line}\n" for line in comments()), "utf-8", newline="\n")
    (FIXTURES / "every_kind.frames").write_bytes(MAGIC + b"".join(frames()))


def comments() -> list[str]:
    lines: list[str] = []
    at_s = 0.0
    for number, line in enumerate(selling_session(seed=SEED), start=1):
        at_s += line.delay_s
        if at_s > LENGTH_S:
            break
        if line.kind in _TYPES:
            lines.append(comment(number, line, BEGAN_MS + int(at_s * 1000)))
    return lines


def comment(number: int, line: Line, ts_ms: int) -> str:
    metadata = _METADATA.get(line.kind, {})
    if line.kind == "gift":
        metadata = {"gift_name": line.text, **metadata}
    body = {
        "id": str(number),
        "user": line.user,
        "content": line.text,
        "ts": ts_ms,
        "type": _TYPES[line.kind],
        "metadata": metadata,
        "viewer": hashlib.sha256(line.user.encode()).hexdigest()[:16],
    }
    return json.dumps(body, ensure_ascii=False)


def frames() -> list[bytes]:
    paths = sorted(GOLDEN.glob("*.bin"), key=lambda path: (path.stem == LAST, path.stem))
    kept = [path for path in paths if path.stem not in LEFT_OUT]
    return [record(path, BEGAN_MS + 1000 * second) for second, path in enumerate(kept)]


def record(path: Path, at_ms: int) -> bytes:
    """The frame as if it had come at this time, with messages just sent."""
    frame = pb.PushFrame.FromString(path.read_bytes())
    response = pb.Response.FromString(gzip.decompress(frame.payload))
    response.now = at_ms
    for message in response.messages:
        # The last value of a field counts, and the first field of every body is its head.
        head = pb.Common(create_time=at_ms - 100).SerializeToString()
        message.payload += bytes((1 << 3 | 2, len(head))) + head
    frame.payload = gzip.compress(response.SerializeToString(), mtime=0)
    data = frame.SerializeToString()
    return at_ms.to_bytes(8, "big") + len(data).to_bytes(4, "big") + data


if __name__ == "__main__":
    main()
