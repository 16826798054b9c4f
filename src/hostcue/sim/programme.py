"""What a live source sends over time, and how far each of its viewers has got."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hostcue.sim.media import Clip, Playhead, Tag


@dataclass(frozen=True, slots=True)
class Programme:
    """A clip that repeats from a moment of the broadcast on, until the next one begins."""

    clip: Clip
    from_ms: int

    def next_key_ms(self, at_ms: int) -> int:
        """The first moment after `at_ms` at which a group of pictures begins, or ends."""
        clip = self.clip
        turn, rest = divmod(max(at_ms - self.from_ms, 0), clip.duration_ms)
        keys = [tag.at_ms for tag in clip.tags if tag.is_key or not clip.has_video]
        index = bisect_right(keys, rest)
        next_ms = keys[index] if index < len(keys) else clip.duration_ms + keys[0]
        return self.from_ms + turn * clip.duration_ms + next_ms


class Viewing:
    """One viewer's way through the programmes of a broadcast, with the faults on that way.

    Gives tags with the time stamps under which they are sent.
    """

    def __init__(self, programmes: Sequence[Programme], index: int, at_ms: int) -> None:
        """From the last key frame at or before `at_ms` in one of the programmes."""
        self._programmes = programmes
        self._index = index
        self._start(at_ms)
        self._group: list[tuple[int, Tag]] = []
        self._shift_ms = 0
        self._restarts = self._repeats = False

    @property
    def at_ms(self) -> int:
        """When the next tag is due, on the broadcast's own clock."""
        return self._now.from_ms + self._playhead.at_ms

    @property
    def clip(self) -> Clip:
        """What is on air where the viewer is."""
        return self._now.clip

    def headers(self) -> Iterator[tuple[int, Tag]]:
        """What a decoder needs first."""
        stamp_ms = self.at_ms + self._shift_ms
        return ((stamp_ms, header) for header in self.clip.headers)

    def shift(self, by_ms: int) -> None:
        """Add this to every stamp from now on."""
        self._shift_ms += by_ms

    def restart(self) -> None:
        """Give the next tag the stamp 0, and count from there."""
        self._restarts = True

    def repeat_group(self) -> None:
        """At its end, send the present group of pictures once more."""
        self._repeats = True

    def take(self, until_ms: int) -> Iterator[tuple[int, Tag]]:
        """The tags up to a moment of the broadcast; moves on behind them."""
        while (following := self._following()) is not None and following.from_ms <= until_ms:
            yield from self._take(following.from_ms - 1)
            yield from self._end_group()
            self._index += 1
            self._start(following.from_ms)
            yield from self.headers()
        yield from self._take(until_ms)

    def _take(self, until_ms: int) -> Iterator[tuple[int, Tag]]:
        from_ms, any_begins = self._now.from_ms, not self.clip.has_video
        for at_ms, tag in self._playhead.take(until_ms - from_ms):
            if tag.is_key or any_begins:
                yield from self._end_group()
            if self._restarts:
                self._shift_ms, self._restarts = -(from_ms + at_ms), False
            sent = from_ms + at_ms + self._shift_ms, tag
            self._group.append(sent)
            yield sent

    def _end_group(self) -> Iterator[tuple[int, Tag]]:
        if self._repeats:
            yield from self._group
        self._group, self._repeats = [], False

    def _start(self, at_ms: int) -> None:
        self._now = self._programmes[self._index]
        self._playhead = Playhead(self.clip, max(0, at_ms - self._now.from_ms))

    def _following(self) -> Programme | None:
        after = self._programmes[self._index + 1 : self._index + 2]
        return after[0] if after else None
