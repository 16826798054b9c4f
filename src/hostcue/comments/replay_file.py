"""What a captured file says, moment by moment, on the clock of when it was captured."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from hostcue.comments.douyin.capture import EARLIEST_MS, LATEST_MS, frames_in
from hostcue.comments.douyin.inbox import Inbox
from hostcue.errors import UpstreamChanged
from hostcue.model.clock import to_ms
from hostcue.model.comment import Comment, CommentKind, LiveEvent, Tally

_KINDS = frozenset(get_args(CommentKind))
_LINE_CHARS = 100_000


@dataclass(frozen=True, slots=True)
class Moment:
    """What came in at one time."""

    at_ms: int
    events: Sequence[LiveEvent]


class Frames:
    """A capture of a push socket's frames, read as they were when they came."""

    def __init__(self, path: Path, room_id: str) -> None:
        self._path = path
        self._inbox = Inbox(room_id)

    @property
    def tally(self) -> Tally:
        """What was left out so far."""
        return self._inbox.tally

    def moments(self) -> Generator[Moment]:
        """From the first frame to the last; those that cannot be read are counted.

        Raises:
            UpstreamChanged: it is no capture.
            OSError: it cannot be read.
        """
        for received_ms, frame in frames_in(self._path):
            try:
                delivery = self._inbox.read_frame(frame, received_ms)
            except UpstreamChanged:
                continue
            yield Moment(received_ms, delivery.events)


class Lines:
    """Comments as they are exported: one JSON object a line, the oldest first."""

    def __init__(self, path: Path, room_id: str) -> None:
        self._path = path
        self._room_id = room_id
        self._unreadable = 0
        self._unknown: Counter[str] = Counter()

    @property
    def tally(self) -> Tally:
        """What was left out so far."""
        unreadable = {"line": self._unreadable} if self._unreadable else {}
        return Tally(unknown=dict(self._unknown), unreadable=unreadable)

    def moments(self) -> Generator[Moment]:
        """From the first line to the last; those that are no comment are counted.

        Raises:
            OSError: it cannot be read.
        """
        with self._path.open(encoding="utf-8", errors="replace") as file:
            while line := file.readline(_LINE_CHARS):
                if not line.strip():
                    continue
                comment = self._comment(line)
                if comment is not None:
                    yield Moment(comment.ts_ms, (comment,))

    def _comment(self, line: str) -> Comment | None:
        fields = _object(line)
        time, kind = fields.get("ts"), fields.get("type", "chat")
        is_time = isinstance(time, int) and EARLIEST_MS <= to_ms(time) < LATEST_MS
        if not is_time or "id" not in fields:
            self._unreadable += 1
            return None
        kind = "enter" if kind == "member" else str(kind)
        if kind not in _KINDS:
            self._unknown[kind[:80] if len(self._unknown) < 200 else "…"] += 1
            return None
        metadata = fields.get("metadata")
        return Comment(
            id=str(fields["id"])[:128],
            platform="",
            room_id=self._room_id,
            user=str(fields.get("user") or ""),
            content=str(fields.get("content") or ""),
            ts_ms=to_ms(cast("int", time)),
            kind=cast("CommentKind", kind),
            metadata={
                str(name): str(value)
                for name, value in (metadata if isinstance(metadata, dict) else {}).items()
            },
            viewer=str(fields.get("viewer") or ""),
        )


def _object(line: str) -> dict[str, object]:
    """A JSON object; an empty one if it is none."""
    try:
        parsed: object = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}
