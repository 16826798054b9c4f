"""Which recorded files may go to make room, and which never."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

DeletedBy = Literal["age", "size", "free_space"]
"""The rule that a file fell under."""

KeptBecause = Literal["pinned", "analysing", "in_use", "young", "outside"]
"""Why a file stays although a rule would have it go."""

_DAY_MS = 24 * 3600 * 1000
HOUR_MS = 3600 * 1000
_SETTLING_MS = 60 * 1000  # just closed: its analysis may be about to begin


@dataclass(frozen=True, slots=True)
class KeepRules:
    """What the operator allows to be deleted, the oldest first; all None: nothing, ever.

    Files older than `days`; those that are more than `size_bytes` together, pinned ones counted;
    those in the way of `free_bytes` of free space.
    """

    days: float | None = None
    size_bytes: int | None = None
    free_bytes: int | None = None

    def __bool__(self) -> bool:
        """Whether there is any rule."""
        return self != KeepRules()


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A segment whose file is on disk, with what protects it."""

    recording_id: str
    seq: int
    path: str
    start_ms: int
    end_ms: int
    bytes: int
    pinned: bool = False
    analysing: bool = False

    @property
    def key(self) -> tuple[str, int]:
        """What identifies it."""
        return self.recording_id, self.seq


class Selection:
    """Chooses what goes out of files that are shown to it, the oldest first."""

    def __init__(
        self, rules: KeepRules, *, now_ms: int, stored_bytes: int, free_bytes: int
    ) -> None:
        """`stored_bytes` are all recorded files, `free_bytes` is what the disk has left."""
        self.chosen: list[tuple[StoredFile, DeletedBy]] = []
        self.kept: Counter[KeptBecause] = Counter()
        self.bytes = 0
        self.stored_bytes = stored_bytes
        self._rules = rules
        self._now_ms = now_ms
        self._free_bytes = free_bytes

    def take(
        self,
        file: StoredFile,
        *,
        in_use: Collection[tuple[str, int]] = (),
        outside: bool = False,
    ) -> bool:
        """Judge the next file; False when no rule asks for it, and so for none after it."""
        asking = self._asking(file)
        if not asking:
            return False
        age_ms = self._now_ms - file.end_ms
        if age_ms < HOUR_MS:
            asking = [rule for rule in asking if rule == "free_space" and age_ms >= _SETTLING_MS]
        because = _protected(file, in_use, outside=outside) or (None if asking else "young")
        if because is not None:
            self.kept[because] += 1
        else:
            self.chosen.append((file, asking[0]))
            self.bytes += file.bytes
        return True

    def keep_only(self, keys: Collection[tuple[str, int]]) -> None:
        """Drop the other files from what was chosen: they were protected at the last moment."""
        self.chosen = [(file, rule) for file, rule in self.chosen if file.key in keys]
        self.bytes = sum(file.bytes for file, _ in self.chosen)

    @property
    def excessive(self) -> bool:
        """Whether more than half of everything would go: more likely a mistake than a wish."""
        return 2 * self.bytes > self.stored_bytes

    @property
    def bytes_by_rule(self) -> dict[DeletedBy, int]:
        """What each rule would free."""
        sums: Counter[DeletedBy] = Counter()
        for file, rule in self.chosen:
            sums[rule] += file.bytes
        return dict(sums)

    def _asking(self, file: StoredFile) -> list[DeletedBy]:
        rules, asking = self._rules, list[DeletedBy]()
        if rules.days is not None and file.end_ms < self._now_ms - rules.days * _DAY_MS:
            asking.append("age")
        if rules.size_bytes is not None and self.stored_bytes - self.bytes > rules.size_bytes:
            asking.append("size")
        if rules.free_bytes is not None and self._free_bytes + self.bytes < rules.free_bytes:
            asking.append("free_space")
        return asking


def _protected(
    file: StoredFile, in_use: Collection[tuple[str, int]], *, outside: bool
) -> KeptBecause | None:
    if file.pinned:
        return "pinned"
    if file.analysing:
        return "analysing"
    if file.key in in_use:
        return "in_use"
    return "outside" if outside else None
