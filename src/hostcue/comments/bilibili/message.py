"""One command of Bilibili's, and what it is read against.

The oldest forms carry no id, the newer ones `msg_id`, chat one of its own (`id_str`, also in
`dm_v2`), gifts a transaction (`tid`). Whichever comes first here is the comment's id: the same
message, the same id, on whatever connection.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha1

from hostcue.comments.bilibili.clock import PlatformClock
from hostcue.comments.bilibili.counts import GiftCombos, Likes
from hostcue.errors import UpstreamChanged
from hostcue.model.comment import Comment, CommentKind, LiveEvent
from hostcue.platforms.bilibili.node import Node

Events = tuple[LiveEvent, ...]

_NOTHING: Mapping[str, str] = {}


@dataclass(slots=True)
class Memory:
    """What a room's messages are read against; `is_new` is false for an id that came before."""

    room_id: str
    is_new: Callable[[str], bool]
    clock: PlatformClock = field(default_factory=PlatformClock)
    combos: GiftCombos = field(default_factory=GiftCombos)
    likes: Likes = field(default_factory=Likes)
    online: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """One command, as it came in."""

    cmd: str
    node: Node
    received_ms: int
    memory: Memory

    @property
    def data(self) -> Node:
        """What most commands have to say."""
        return self.node["data"]

    @property
    def id(self) -> str:
        """The platform's, or a digest of what it says and when."""
        return self.node["msg_id"].text or self._digest()

    def when(self, *told: Node) -> int:
        """When it happened: the first time that is told, else when it was sent or came."""
        times = (node.number for node in (*told, self.node["send_time"]))
        first = next((time for time in times if time > 0), 0)
        return self.memory.clock.when(first, self.received_ms)

    def comment(
        self,
        kind: CommentKind,
        comment_id: str,
        *,
        user: str,
        uid: int,
        ts_ms: int,
        content: str = "",
        metadata: Mapping[str, str] = _NOTHING,
    ) -> Comment:
        """A viewer's message; guests are shown everybody as user 0, their names masked."""
        return Comment(
            id=comment_id,
            platform="bilibili",
            room_id=self.memory.room_id,
            user=user,
            content=content,
            ts_ms=ts_ms,
            kind=kind,
            metadata={name: value for name, value in metadata.items() if value},
            viewer=str(uid) if uid > 0 else "",
        )

    def misfit(self) -> UpstreamChanged:
        """It does not say what its command promises."""
        return UpstreamChanged(f"Bilibili sent a {self.cmd} of another shape")

    def _digest(self) -> str:
        said = json.dumps([self.cmd, self.node.value], sort_keys=True)
        if not self.node["send_time"] and self.cmd == "LIKE_INFO_V3_CLICK":
            # it tells no time at all: a second click of one viewer is the same text
            said += str(self.received_ms // 1000)
        return sha1(said.encode(), usedforsecurity=False).hexdigest()


def command_of(node: Node) -> str:
    """The command, without what some servers append (`DANMU_MSG:4:0:2:2:2:0`)."""
    return node["cmd"].text.partition(":")[0][:64]


def positive(node: Node) -> str:
    """A number above 0 as text; empty for any other."""
    return str(node.number) if node.number > 0 else ""
