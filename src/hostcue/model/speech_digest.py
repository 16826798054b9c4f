"""A window's speech, condensed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

SoundEvent = Literal["BGM", "Laughter", "Applause"]

BUDGET_CHARS = 1500

_EVENT_NAMES: Mapping[SoundEvent, str] = {"BGM": "背景音乐", "Laughter": "笑声", "Applause": "掌声"}


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """A sentence as shown: its utterance, seconds from the window's start, harmless text."""

    utterance_id: str
    at_s: int
    text: str


@dataclass(frozen=True, slots=True)
class SpeechDigest:
    """What a prompt needs to know of what was said in a window; lines oldest first.

    `total` sentences were said, `left_out` of them are not in `lines`. `coverage` is the share of
    the window that was listened to, `speaking` the share of what was listened to in which the
    host spoke, both 0..1; None where nobody knows. `events` counts the sentences with music and
    the like in them.
    """

    lines: tuple[SpokenLine, ...] = ()
    total: int = 0
    left_out: int = 0
    coverage: float | None = None
    speaking: float | None = None
    events: Mapping[SoundEvent, int] = field(default_factory=dict[SoundEvent, int])


def render(digest: SpeechDigest) -> str:
    """The digest in lines: a summary, then a sentence each, labelled S1, S2 in their order.

    Empty where nothing was said and nobody listened. `BUDGET_CHARS` at most, if `digest` is
    within its own budget.
    """
    return "\n".join(_lines(digest))


def header(digest: SpeechDigest) -> str:
    """The summary."""
    parts = [f"口播 {digest.total} 句"]
    if digest.left_out:
        parts.append(f"没列出 {digest.left_out} 句")
    if digest.coverage is not None:
        parts.append(f"听到这一段的 {_percent(digest.coverage)}")
    if digest.speaking is not None:
        parts.append(f"其中说话占 {_percent(digest.speaking)}")
    parts += [f"{name} {digest.events[event]} 句" for event, name in _EVENT_NAMES.items()
              if digest.events.get(event)]  # fmt: skip
    return "，".join(parts)


def line(number: int, said: SpokenLine) -> str:
    """A sentence under its label."""
    minutes, seconds = divmod(said.at_s, 60)
    return f"S{number} [{minutes:02d}:{seconds:02d}] {said.text}"


def _lines(digest: SpeechDigest) -> Iterator[str]:
    if not digest.total and not digest.coverage:
        return
    yield header(digest)
    for number, said in enumerate(digest.lines, 1):
        yield line(number, said)


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"
