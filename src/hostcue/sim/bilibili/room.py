"""The one room of a pretend Bilibili, and what its servers know of their clients."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field


@dataclass(slots=True)
class Admission:
    """Whom a key was given to."""

    buvid: str
    uid: int


@dataclass(slots=True)
class Faults:
    """Each is set by the method of `BilibiliFace` that bears its name or a like one."""

    is_refusing: bool = False
    wants_signature: bool = True
    refuses_keys: bool = False
    is_stalled: bool = False
    is_silent: bool = False
    doubles: bool = False


@dataclass(slots=True)
class Seen:
    """Of its clients so far."""

    connections: int = 0
    refusals: int = 0
    heartbeats: int = 0
    keys: int = 0
    drops: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Room:
    """`number` is the real one, `short_id` what its link may say instead."""

    number: int
    short_id: int
    anchor_uid: int
    anchor_name: str
    title: str
    stream_url: str
    heartbeat_s: float
    login: str
    login_uid: int
    masks_guests: bool
    is_live: bool = True
    faults: Faults = field(default_factory=Faults)
    seen: Seen = field(default_factory=Seen)
    keys: dict[str, Admission] = field(default_factory=dict)

    def is_named(self, room_id: str) -> bool:
        """Whether that is its number or its short one."""
        return room_id in {str(self.number), str(self.short_id)}

    def give_key(self, buvid: str, uid: int) -> str:
        """A new key to the comment servers, for this visitor alone."""
        key = secrets.token_urlsafe(96)
        self.keys[key] = Admission(buvid, uid)
        self.seen.keys += 1
        return key
