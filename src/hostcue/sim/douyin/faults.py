"""What is wrong with a pretend room now, and what has been seen of its clients."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

RiskControl = Literal["empty", "444", "captcha", "401", "403"]
PushRefusal = Literal["blocked", "401", "403"]
PollRefusal = Literal["empty", "444", "captcha", "401", "403", "500", "garbage"]
PageMode = Literal["socket", "worker", "polling", "login", "captcha", "silent"]
"""What a page does: read by socket, in a Worker or by asking; show a wall; or nothing at all."""
TimeUnit = Literal["ms", "s", "us", "ns", "none"]

REPLAYED = 15  # need_persist_msg_count of the web client


@dataclass(slots=True)
class Faults:
    """One room's; each is set by the method of `DouyinFace` that bears its name or a like one."""

    risk_control: RiskControl | None = None
    flaps: int = 0
    page: PageMode = "socket"
    push_refusal: PushRefusal | None = None
    blocked_identities: set[str] = field(default_factory=set)
    poll_refusal: PollRefusal | None = None
    poll_gap_s: float = 0.0
    poll_again_ms: int = 1000
    is_stalled: bool = False
    is_poll_stalled: bool = False
    is_silent: bool = False
    is_compressed: bool = True
    hides_gifts: bool = False
    is_masked: bool = False
    time_unit: TimeUnit = "ms"
    skew_ms: int = 0
    life_s: tuple[float, float] | None = None
    replayed: int = REPLAYED


@dataclass(slots=True)
class Seen:
    """Of one room's clients so far; `handshakes` are the queries and cookies, refused or not."""

    connections: int = 0
    refusals: int = 0
    acks: int = 0
    sloppy_acks: int = 0
    wrong_acks: int = 0
    heartbeats: int = 0
    pings: int = 0
    pongs: int = 0
    polls: int = 0
    drops: list[str] = field(default_factory=list)
    identities: set[str] = field(default_factory=set)
    handshakes: list[tuple[float, dict[str, str], dict[str, str]]] = field(default_factory=list)
